import { expect, test } from 'vitest';
import type { Outcome } from '../core/bisect/step.ts';
import { worthTelling } from './trial.ts';

const told = (...outcomes: Outcome[]): Outcome[] =>
  worthTelling(outcomes.map((outcome) => ({ outcome, why: '' }))).map(({ outcome }) => outcome);

test('of runs side by side, the lab has failed once, and not in a row if one came to its end', () => {
  expect(told('infra', 'infra', 'infra')).toEqual(['infra']);
  expect(told('good', 'infra', 'bad', 'infra')).toEqual(['infra', 'good', 'bad']);
  expect(told('good', 'skip')).toEqual(['good', 'skip']);
});
