import { expect, test } from 'vitest';
import { randomFrom } from '../../testing/bisect-play.ts';
import { lowestRate, runsFor, unseen } from './rate.ts';

test.each([
  // Of none but bad ones: the n-th root of the error.
  [{ bad: 8, of: 8 }, 0.005, 0.005 ** (1 / 8)],
  [{ bad: 1, of: 1 }, 0.025, 0.025],
  [{ bad: 0, of: 10 }, 0.005, 0],
  // Clopper and Pearson (1934): 5 of 10 at 95 %, two-sided, begins at 0.187.
  [{ bad: 5, of: 10 }, 0.025, 0.1871],
  [{ bad: 50, of: 100 }, 0.025, 0.3983],
])('%j with error %d: at least %d', (tries, error, wanted) => {
  expect(lowestRate(tries, error)).toBeCloseTo(wanted, 4);
});

test('the limit holds for tries that end with the eighth bad one, or with the last', () => {
  const random = randomFrom(11);
  for (const rate of [0.05, 0.3, 0.7, 0.95]) {
    let missed = 0;
    for (let count = 0; count < 1500; count++) {
      let [bad, of] = [0, 0];
      while (bad < 8 && of < 40) {
        of++;
        if (random() < rate) bad++;
      }
      if (lowestRate({ bad, of }, 0.05) > rate) missed++;
    }
    // Five standard deviations above what is allowed.
    expect(missed).toBeLessThan(1500 * 0.05 + 5 * Math.sqrt(1500 * 0.05 * 0.95));
  }
});

test('as many runs as the error needs, and no more', () => {
  for (const rate of [0.01, 0.3, 0.5157, 0.9])
    for (const error of [0.3, 0.05, 0.0025]) {
      const runs = runsFor(error, rate);
      expect(unseen(runs, rate)).toBeLessThanOrEqual(error + 1e-9);
      if (runs > 1) expect(unseen(runs - 1, rate)).toBeGreaterThan(error);
    }
  expect(runsFor(0.01, 1)).toBe(1);
  expect(runsFor(0.01, 0)).toBe(Infinity);
});
