import { expect, test } from 'vitest';
import { answer, learn, next, type Outcome, search } from './first-bad.ts';

/** Searches a row of outcomes, of which the last is bad, and says what it asked. */
function find(row: readonly Outcome[]) {
  let state = search(row.length);
  const asked: number[] = [];
  for (let at = next(state); at !== undefined; at = next(state)) {
    asked.push(at);
    state = learn(state, at, row[at - 1] ?? 'skip');
  }
  return { ...answer(state), asked };
}

test('the first bad one is found, wherever it is, in a logarithm of steps', () => {
  for (let patches = 1; patches <= 40; patches++)
    for (let first = 1; first <= patches; first++) {
      const row = Array.from({ length: patches }, (_, index): Outcome =>
        index + 1 >= first ? 'bad' : 'good',
      );
      const { from, to, asked } = find(row);
      expect([from, to]).toEqual([first, first]);
      expect(asked.length).toBeLessThanOrEqual(Math.ceil(Math.log2(patches)));
    }
});

test.each<[Outcome[], [number, number]]>([
  [
    ['good', 'skip', 'bad'],
    [2, 3],
  ],
  [
    ['skip', 'skip', 'bad'],
    [1, 3],
  ],
  [
    ['skip', 'bad', 'bad'],
    [1, 2],
  ],
  [
    ['good', 'skip', 'skip', 'bad', 'bad'],
    [2, 4],
  ],
  [
    ['good', 'good', 'skip', 'good', 'bad'],
    [5, 5],
  ],
  [['bad'], [1, 1]],
])('what cannot be judged leaves a range: %j', (row, wanted) => {
  const { from, to, asked } = find(row);
  expect([from, to]).toEqual(wanted);
  expect(new Set(asked).size).toBe(asked.length);
});

test('an outcome outside of what is left changes nothing', () => {
  const state = learn(search(8), 4, 'bad');
  for (const outcome of ['good', 'bad', 'skip'] as const) {
    expect(learn(state, 5, outcome)).toBe(state);
    expect(learn(state, 0, outcome)).toBe(state);
  }
});
