// images/lib/upstream.awk, in the awk that guests have: what it makes of the output of upstream's programs.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../util/proc.ts';

const script = join(import.meta.dirname, '../../images/lib/upstream.awk');
const settings = ['refused=with tmpfile$', 'why=DAX', 'known=^old$', 'known_why=defect'];

/** The results and the plan, without comments. */
async function judged(lines: readonly string[]): Promise<string[]> {
  const options = settings.flatMap((setting) => ['-v', setting]);
  const { stdout } = await run(['busybox', 'awk', ...options, '-f', script], {
    input: `${lines.join('\n')}\n`,
  });
  return stdout.split('\n').filter((line) => /^(not )?ok|^1\.\.|^Bail/.test(line));
}

const tried = '# [RUN] pin ... with tmpfile';

test.each<[string, string[], string[]]>([
  [
    'a point is named by what was tried, a plan comes last',
    ['1..1', '# [RUN] pin ... with memfd', 'ok 1 Should have worked', '# pgmap: exit 0'],
    ['ok 1 pin ... with memfd', '1..1'],
  ],
  [
    'what must be refused and is, although the program wants it to work, is expected',
    [
      '1..1',
      tried,
      'not ok 1 PIN_LONGTERM_TEST_START failed',
      '# Totals: fail:1',
      '# pgmap: exit 1',
    ],
    ['not ok 1 pin ... with tmpfile # XFAIL DAX', '1..1'],
  ],
  [
    'so it is where the reason stands before the result',
    ['1..1', tried, '# PIN_LONGTERM_TEST_START failed (…)', 'not ok 1 pin', '# pgmap: exit 1'],
    ['not ok 1 pin ... with tmpfile # XFAIL DAX', '1..1'],
  ],
  [
    'what must be refused and is not has failed',
    ['1..1', tried, 'ok 1 Should have worked', '# pgmap: exit 0'],
    ['not ok 1 pin ... with tmpfile', '1..1'],
  ],
  [
    'what goes wrong before that has failed too',
    [
      '1..1',
      tried,
      'not ok 1 mmap() failed',
      'Bail out! 1 out of 1 tests failed',
      '# pgmap: exit 1',
    ],
    ['not ok 1 pin ... with tmpfile', '1..1'],
  ],
  [
    'a known defect may show, and need not',
    ['1..2', 'not ok 1 old', 'ok 2 old', '# pgmap: exit 1'],
    ['not ok 1 old # XFAIL defect', 'ok 2 old', '1..2'],
  ],
  [
    'a skipped point keeps its reason',
    ['1..1', '# [RUN] cow', 'ok 1 # SKIP need more free huge pages', '# pgmap: exit 0'],
    ['ok 1 cow # SKIP need more free huge pages', '1..1'],
  ],
  [
    'a program that is killed has failed',
    ['1..2', 'ok 1 x', '# pgmap: exit 139'],
    ['ok 1 x', 'not ok 2 comes to its end: killed by signal 11', '1..2'],
  ],
  ['one that ends early has no plan', ['1..2', 'ok 1 x', '# pgmap: exit 0'], ['ok 1 x']],
  [
    'an exit code must fit the results',
    ['1..1', 'ok 1 x', '# pgmap: exit 1'],
    ['ok 1 x', 'Bail out! All is well, yet it exited with 1', '1..1'],
  ],
  [
    'a whole skip is handed on',
    ['1..0 # SKIP no uffd', '# pgmap: exit 4'],
    ['1..0 # SKIP no uffd'],
  ],
])('%s', async (_, output, results) => {
  expect(await judged(output)).toEqual(results);
});
