import { expect, test } from 'vitest';
import { clean, cleanLines, cut, visible, width, wrap } from './escape.ts';

test.each([
  ['plain text, "quotes" & <b>', 'plain text, "quotes" & <b>'],
  ['\u001b[2J', '\\x1b[2J'],
  ['\u009b31m', '\\x9b31m'],
  ['a\nb\rc\td\u0000', 'a\\nb\\rc d\\x00'],
  ['\u202egpj.exe', '\\u202egpj.exe'],
  ['\u2028\u200b\ufeff', '\\u2028\\u200b\\ufeff'],
  ['\ud800x', '\\ud800x'],
  ['\ufffe\uffff', '\\ufffe\\uffff'],
  ['\u{e0041}', '\\u{e0041}'],
  ['été 漢字', 'été 漢字'],
])('%j can be seen', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('cutting counts columns, not characters', () => {
  expect(cut('abcdef', 6)).toBe('abcdef');
  expect(cut('abcdefg', 6)).toBe('abc...');
  expect(cut('漢字漢字', 6)).toBe('漢...');
  expect(width('漢字')).toBe(4);
  expect(cut('abcdef', 2)).toBe('..');
  expect(clean('𝒜'.repeat(20), 20)).toBe('𝒜'.repeat(20));
});

test('lines are taken from the start or the end, and the rest is counted', () => {
  expect(cleanLines('a\r\nb\nc\n\n', 10, 2)).toEqual({ lines: ['a', 'b'], left: 1 });
  expect(cleanLines('a\nb\nc', 10, 2, true)).toEqual({ lines: ['b', 'c'], left: 1 });
});

test('prose keeps its words', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('averylongword b', 5)).toEqual(['averylongword', 'b']);
});

// A cost that grows with the square of the length runs into the time limit.
test.each([' ', '\r', '\u001b', '漢', 'a', '\r\n'])('a megabyte of %j costs no time', (unit) => {
  const text = unit.repeat(2 ** 20);
  expect(width(clean(`${text}x`, 80))).toBeLessThanOrEqual(80);
  expect(cleanLines(`${text}x`, 80, 10).lines.length).toBeLessThanOrEqual(10);
});
