import { expect, test } from 'vitest';
import { commandLine, quote } from './shell.ts';

test.each([
  ['make', 'make'],
  ['O=/a/b-c_d', 'O=/a/b-c_d'],
  ['', "''"],
  ['two words', "'two words'"],
  ['$(reboot)', "'$(reboot)'"],
  ["it's", String.raw`'it'\''s'`],
  ['~', "'~'"],
  ['*', "'*'"],
  ['a\nb', "'a\nb'"],
])('%j is quoted as %s', (argument, quoted) => {
  expect(quote(argument)).toBe(quoted);
});

test('a command line is its arguments with blanks between', () => {
  expect(commandLine(['git', 'commit', '-m', 'a b'])).toBe("git commit -m 'a b'");
  expect(commandLine([])).toBe('');
});

test('nothing but the listed characters ever stands bare', () => {
  for (let code = 1; code < 256; code++) {
    const character = String.fromCharCode(code);
    const bare = quote(`a${character}`) === `a${character}`;
    expect(bare, JSON.stringify(character)).toBe(/[A-Za-z0-9_@%+=:,./-]/.test(character));
  }
});
