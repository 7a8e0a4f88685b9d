import { expect, test } from 'vitest';
import { type Candidate, coveringJobs } from './cover.ts';

/** `devdax@nvdimm 9 GENERIC` */
const jobs = (...lines: readonly string[]): Candidate[] =>
  lines.map((line) => {
    const [id = '', ms = '0', ...types] = line.split(' ');
    return { id, ms: Number(ms), types };
  });

test.each([
  ['nothing', [], []],
  ['the quickest of a type', ['a 9 X', 'b 5 X', 'c 7 X'], ['b']],
  ['one for each type', ['a 9 X', 'b 5 Y'], ['a', 'b']],
  [
    'what is for one type rather than what is for all, however quick',
    ['all 1 X Y', 'a 9 X', 'b 9 Y'],
    ['a', 'b'],
  ],
  ['what is for several where there is nothing else', ['all 9 X Y', 'a 5 X'], ['a', 'all']],
  ['nothing that is for no type', ['rows 1', 'a 9 X'], ['a']],
  ['unless there is nothing else', ['rows 1', 'lines 2'], ['rows', 'lines']],
])('%s', (_, given, chosen) => {
  expect(coveringJobs(jobs(...given))).toEqual(chosen);
});
