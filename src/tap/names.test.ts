import { expect, test } from 'vitest';
import { newNames } from './names.ts';

test('the same name again gets a number', () => {
  const names = newNames();
  expect(['a', 'b', 'a', 'a', ''].map((name) => names.unique(name))).toEqual([
    'a',
    'b',
    'a (2)',
    'a (3)',
    '',
  ]);
});

test('a number that a name has by itself is not given to another', () => {
  const names = newNames();
  expect(['a (2)', 'a', 'a', 'a (2)', 'a'].map((name) => names.unique(name))).toEqual([
    'a (2)',
    'a',
    'a (3)',
    'a (2) (2)',
    'a (4)',
  ]);
});

test('a hundred thousand names that differ in little are told apart, in little memory', () => {
  const names = newNames();
  const all = Array.from({ length: 100_000 }, (_, at) => `test ${at % 1000} of ${at >> 4}, ${at}`);
  expect(all.filter((name) => names.unique(name) !== name)).toEqual([]);
  expect(names.unique(all[5] ?? '')).toBe(`${all[5]} (2)`);
  expect(names.bytes).toBeLessThan(all.length * 45);
});

test('one name a hundred thousand times', () => {
  const names = newNames();
  let last = '';
  for (let at = 0; at < 100_000; at++) last = names.unique('again');
  expect(last).toBe('again (100000)');
});
