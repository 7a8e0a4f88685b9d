import { expect, test } from 'vitest';
import { readMarks, testsAt } from './console-marks.ts';

const log = [
  '[    0.000000] Linux version 6.12.117',
  '[    1.000000] pgmap: begin fs-dax > round trip',
  '[    1.500000] WARNING: first',
  '[    2.000000] pgmap: end fs-dax > round trip',
  '[    2.100000] WARNING: late',
  '<6>[    3.000000][   T77] pgmap: begin fs-dax > truncate (2)',
  '[    4.000000] pgmap: timeout fs-dax > truncate (2)',
  '[    4.100000] WARNING: hung',
  '[    5.000000] pgmap: end fs-dax > truncate (2)\r',
  '[    6.000000] WARNING: after',
  '',
].join('\n');
const at = (text: string): number => log.indexOf(text);

test('marks with the byte at which their line begins', () => {
  const line = (text: string): number => log.lastIndexOf('\n', at(text)) + 1;
  expect(readMarks(log)).toEqual([
    { at: 0, seconds: 0, kind: 'boot', test: '' },
    { at: line('begin fs-dax > round'), seconds: 1, kind: 'begin', test: 'fs-dax > round trip' },
    { at: line('end fs-dax > round'), seconds: 2, kind: 'end', test: 'fs-dax > round trip' },
    { at: line('begin fs-dax > trunc'), seconds: 3, kind: 'begin', test: 'fs-dax > truncate (2)' },
    { at: line('timeout fs-dax'), seconds: 4, kind: 'timeout', test: 'fs-dax > truncate (2)' },
    { at: line('end fs-dax > trunc'), seconds: 5, kind: 'end', test: 'fs-dax > truncate (2)' },
  ]);
});

test.each([
  ['Linux version', []],
  ['first', ['fs-dax > round trip']],
  ['late', ['fs-dax > round trip']],
  ['hung', ['fs-dax > truncate (2)']],
  ['after', ['fs-dax > truncate (2)']],
])('at %j ran %j', (text, tests) => {
  expect(testsAt(readMarks(log), at(text))).toEqual(tests);
});

test('a kernel that boots anew runs no test of the boot before', () => {
  const twice = `${log.slice(0, at('WARNING: first'))}\n${log}`;
  expect(testsAt(readMarks(twice), twice.indexOf('WARNING: first'))).toEqual([
    'fs-dax > round trip',
  ]);
  expect(testsAt(readMarks(twice), twice.lastIndexOf('Linux version'))).toEqual([]);
});

test('tests that run side by side are all named', () => {
  const both = '[ 1.0] pgmap: begin a > x\n[ 1.1] pgmap: begin b > y\n[ 1.2] WARNING\n';
  expect(testsAt(readMarks(both), both.length)).toEqual(['a > x', 'b > y']);
});

test.each([
  'pgmap: begin without a time',
  '[    1.000000] other: pgmap: begin quoted',
  '[    1.000000] pgmap: ready 1234',
  '[    1.0\n] pgmap: begin torn',
])('%j is no mark', (text) => {
  expect(readMarks(text)).toEqual([]);
});

test('a log of open brackets takes no time to speak of', () => {
  const start = performance.now();
  expect(readMarks('[\n'.repeat(500_000))).toEqual([]);
  expect(performance.now() - start).toBeLessThan(2000);
});
