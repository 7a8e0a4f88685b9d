import { expect, test } from 'vitest';
import { readMarks } from './console-marks.ts';
import { allocatedDuring } from './leak-time.ts';

const lines = [
  '[    0.000000] Linux version 6.12.117',
  '[    9.000000] pgmap: begin hmm > of another boot',
  '[    0.000000] Linux version 6.12.117',
  '[   10.000000] pgmap: begin hmm > first',
  '[   12.000000] pgmap: end hmm > first',
  '[   13.000000] pgmap: begin hmm > second',
  '[   20.000000] pgmap: end hmm > second',
  // 250 jiffies a second: 4294900000 is 100 s before.
  '[  130.000000] pgmap: clock jiffies=4294925000 hz=250',
  '[  130.100000] BUG: memory leak',
];
const log = `${lines.join('\n')}\n`;
const offset = log.indexOf('BUG: memory');
/** `at` seconds after boot. */
const report = (at: number): string =>
  `unreferenced object 0xffff888104a1c000 (size 64):\n  comm "hmm-tests", pid 90, jiffies ${4294925000 - (130 - at) * 250} (age 1.0s)\n`;

test.each([
  [11, ['hmm > first']],
  [12.5, ['hmm > first']],
  [14, ['hmm > second']],
  [60, ['hmm > second']],
  [3, []],
])('what was allocated %d s after boot', (at, tests) => {
  expect(allocatedDuring(readMarks(log), report(at), offset)).toEqual(tests);
});

test.each([
  ['a report without a time', log, 'unreferenced object 0xffff888104a1c000 (size 64):\n'],
  ['a log without a clock', log.replace('clock', 'clack'), report(11)],
  ['a clock that stands still', log.replace('hz=250', 'hz=0'), report(11)],
  ['nothing', '', ''],
])('%s tells nothing', (_name, text, what) => {
  expect(allocatedDuring(readMarks(text), what, text.length)).toBeUndefined();
});
