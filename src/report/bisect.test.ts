import { expect, test } from 'vitest';
import { foldSteps } from '../core/bisect/state.ts';
import { defaults, type Step } from '../core/bisect/step.ts';
import { type History, play, randomFrom, row } from '../testing/bisect-play.ts';
import { type BisectFacts, bisectReport, outlook, regressionMail, stepLine } from './bisect.ts';

const id = (at: number): string => at.toString(16).padStart(40, 'c');

/** A played bisection as the facts of a report; commits have real-looking names. */
function facts(history: History, settings = defaults, title = 'mm: a title'): BisectFacts {
  const rename = (text: string): string =>
    text.replaceAll(/"c(\d+)"/g, (_, at: string) => `"${id(Number(at))}"`);
  const played = play(history, randomFrom(1), settings).steps;
  const steps = (JSON.parse(rename(JSON.stringify(played))) as Step[]).map((step): Step =>
    step.type === 'begin'
      ? { ...step, job: 'devdax@nvdimm' }
      : step.type === 'observe'
        ? { ...step, dir: 'steps/1' }
        : step,
  );
  const commit = {
    ...{ id: id(7), title, author: 'Ann <ann@example.org>', date: '2026-01-02' },
    people: ['Ann <ann@example.org>', 'Rev <rev@example.org>'],
  };
  const all: Step[] = [...steps, { type: 'commit', commit }];
  const reproduce = 'npx pgmap run --tree . --suite devdax --topology nvdimm';
  return { state: foldSteps(all), steps: all, reproduce, series: false };
}

test('a culprit with its proof', () => {
  expect(bisectReport(facts(row(16, 7)))).toMatchInlineSnapshot(`
    "first bad commit: cccccccccccc ("mm: a title")

    author  Ann <ann@example.org>, 2026-01-02
    bad     the kernel does not boot
    where   devdax@nvdimm
    ends    bad cccccccccccc
    ends    good good
    shows   in 8 of 8 runs at the bad end: in 51.5 % or more, 99.5 % sure
    sure    99.3 %
    proof   it failed again in 3 of 3 runs
    proof   what it builds on was good in 9 of 9 more runs
    proof   the bad end with it reverted was good in 9 of 9 runs
    took    0 kernels (4 to search 16 commits), 34 runs, 0 ms
    "
  `);
});

test('a mail to those who signed it, for regzbot', () => {
  expect(regressionMail(facts(row(16, 7)))).toMatchInlineSnapshot(`
    "To: Ann <ann@example.org>
    Cc: regressions@lists.linux.dev,
     Rev <rev@example.org>
    Subject: [REGRESSION] the kernel does not boot since cccccccccccc

    Hi,

    since commit cccccccccccc ("mm: a title"), the kernel does not boot.

    It is the first bad commit between good and cccccccccccc, found by
    bisecting (99.3 % sure).

    It shows in 8 of 8 runs at the bad end: in 51.5 % or more, 99.5 % sure.

    - it failed again in 3 of 3 runs
    - what it builds on was good in 9 of 9 more runs
    - the bad end with it reverted was good in 9 of 9 runs

    To see it:

      git checkout ccccccccccccccccccccccccccccccccccccccc7
      npx pgmap run --tree . --suite devdax --topology nvdimm

    #regzbot introduced: ccccccccccccccccccccccccccccccccccccccc7
    "
  `);
});

test('a series is nobody’s regression yet', () => {
  const mail = regressionMail({ ...facts(row(16, 7)), series: true });
  expect(mail).not.toMatch(/regzbot|REGRESSION|git checkout|^Cc:\s*$/m);
});

test('a range says why it is one', () => {
  const skipped = new Set(['c6', 'c7', 'c8']);
  const text = bisectReport(facts({ ...row(16, 7), skipped }));
  expect(text).toContain('one of 4: 3 of them cannot be judged (does not build)');
  expect(text).toContain(`  ${id(7).slice(0, 12)} ("mm: a title")`);
  expect(regressionMail(facts({ ...row(16, 7), skipped }))).toBeUndefined();
});

test('no answer comes with a hint', () => {
  const text = bisectReport(facts({ ...row(16, 7), rate: 0 }));
  expect(text).toContain('it did not show at the bad end in 10 runs [bad-end-good]');
  expect(text).toContain('hint: If it shows at times, raise --patience');
});

test('what the asked confidence would take is told where it is not reached', () => {
  const text = bisectReport(facts({ ...row(16, 7), rate: 0.5 }, { ...defaults, maxRuns: 12 }));
  expect(text).toMatch(/sure +\d+(\.\d)? %; 99 % was asked, which takes more than --max-runs 12/);
});

test('titles and reasons cannot forge lines', () => {
  const evil = 'x\nTo: everybody\u001b[2J';
  const mail = regressionMail(facts(row(16, 7), defaults, evil)) ?? '';
  expect(mail).not.toMatch(/^To: everybody/m);
  expect(mail).not.toContain('\u001b');
  const line = stepLine(
    { type: 'observe', commit: 'c', purpose: 'search', outcome: 'bad', why: evil },
    new Map(),
  );
  expect(line).not.toMatch(/\n|\u001b/);
});

test('the outlook: commits, kernels and time that are left', () => {
  const { steps } = facts(row(16, 7));
  const at = (count: number): string => {
    const timed = steps
      .slice(0, count)
      .map((step): Step => (step.type === 'observe' ? { ...step, ms: 1000 } : step));
    return outlook(foldSteps(timed), timed, 2);
  };
  const texts = steps.map((_, count) => (count < 1 ? '' : at(count)));
  expect(texts).toContain('checking the ends');
  expect(texts.find((text) => text.startsWith('16 commits left, about 4 kernels, '))).toBeDefined();
  expect(texts.find((text) => text.startsWith('1 commit left, to be confirmed, '))).toBeDefined();
});
