import { expect, test } from 'vitest';
import { checkClock } from './boot.ts';
import { FailureError } from '../core/failure.ts';

const line = (seconds: string): string => `[${seconds}] pgmap: ready 4a60c31e`;

test.each([
  [' 1.100000', 1900],
  ['    0.812345', 900],
  [' 2.400000', 1500],
])('a guest at %s s after %d ms of ours is fine', (seconds, elapsedMs) => {
  expect(() => checkClock(line(seconds), elapsedMs)).not.toThrow();
});

test('a guest that is older than its machine has a wild clock, and the lab is to blame', () => {
  let thrown: unknown;
  try {
    checkClock(line('   64.200000'), 2100);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FailureError);
  expect((thrown as FailureError).failure).toMatchObject({ blame: 'lab', code: 'guest-clock' });
});
