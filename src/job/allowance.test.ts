import { expect, test } from 'vitest';
import type { TestPoint } from '../core/event.ts';
import { isFlood, limits } from '../core/limits.ts';
import { newAllowance } from './allowance.ts';

const point = (text = ''): TestPoint => ({ path: ['a'], status: 'PASS', diagnostics: [text] });
const reason = (signal: AbortSignal): unknown => signal.reason;

test('a test may have so many results, and the next one as many', () => {
  const allowance = newAllowance();
  for (let round = 0; round < 3; round++) {
    const over = allowance.begin();
    let told = 0;
    for (let count = 0; count < limits.results.test; count++) if (allowance.point(point())) told++;
    expect(told).toBe(limits.results.test);
    expect(over.aborted).toBe(false);
    expect(allowance.point(point())).toBe(false);
    expect(reason(over)).toMatchObject({ failure: { blame: 'test', code: 'too-many-results' } });
  }
  expect(allowance.spent()).toBe(false);
});

test('a job has its limit, too: then nothing more is told of it', () => {
  const allowance = newAllowance();
  let told = 0;
  for (let tests = 0; tests < 10; tests++) {
    allowance.begin();
    for (let count = 0; count < 9000; count++) if (allowance.point(point())) told++;
  }
  expect(told).toBe(limits.results.job);
  expect(allowance.spent()).toBe(true);
});

test('few results that are large are too many as well', () => {
  const allowance = newAllowance();
  const over = allowance.begin();
  const text = 'x'.repeat(limits.diagnosticCharacters);
  let told = 0;
  while (allowance.point(point(text))) told++;
  expect(told).toBe(Math.floor(limits.resultBytes.test / JSON.stringify(point(text)).length));
  expect(over.aborted).toBe(true);
});

test('output ends at its limit', () => {
  const allowance = newAllowance();
  const over = allowance.begin();
  let kept = 0;
  while (allowance.output(32_768)) kept += 32_768;
  expect(kept).toBe(limits.outputBytes.test);
  expect(reason(over)).toMatchObject({ failure: { code: 'too-much-output' } });
});

test('floods are known by their codes', () => {
  expect(isFlood('console-flood')).toBe(true);
  expect(isFlood('connection-lost')).toBe(false);
  expect(isFlood('toString')).toBe(false);
});
