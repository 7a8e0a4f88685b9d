import { expect, test } from 'vitest';
import { table } from './table.ts';

test('columns are as wide as their widest cell; the last one is not padded', () => {
  expect(
    table([
      ['a', 'bbb', 'last'],
      ['aaaa', 'b', 'x'],
    ]),
  ).toBe('a     bbb  last\naaaa  b    x\n');
});

test('rows of different lengths, empty cells, no rows', () => {
  expect(table([['a', '', ''], ['bb', 'c'], []])).toBe('a\nbb  c\n\n');
  expect(table([])).toBe('');
});

test('what a guest or a tree named cannot move the cursor or start a line of its own', () => {
  const text = table([
    ['a\x1b[2J', 'b\nc'],
    ['\r\u202e', 'x'],
  ]);
  expect(text.split('\n')).toHaveLength(3);
  expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/);
});
