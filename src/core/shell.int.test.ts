// What a real shell makes of a quoted command line.
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandLine } from './shell.ts';

test('sh reads back what was quoted', () => {
  const everything = Array.from({ length: 255 }, (_, code) => String.fromCharCode(code + 1));
  const words = [
    '',
    '-n',
    '--',
    "'",
    "''",
    String.raw`\'`,
    'a b\tc\nd',
    '$HOME `id` $(id) ${x}',
    '* ? [a-z] ~ {a,b}',
    '#x !! & | ; < >',
    'ünï → 𝄞',
    everything.join(''),
    ...everything,
  ];
  const said = execFileSync('sh', ['-c', commandLine(['printf', '%s\\0', ...words])], {
    encoding: 'utf8',
  });
  expect(said.split('\0').slice(0, -1)).toEqual(words);
});
