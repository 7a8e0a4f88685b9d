// Confirming a change against runs that come out as a table says, without any.
import { expect, test } from 'vitest';
import type { Change } from '../core/change.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { JobResult } from '../core/job-result.ts';
import { fold, type RunResult } from '../core/result.ts';
import type { Status } from '../core/status.ts';
import type { SuiteTest } from '../core/suite.ts';
import { confirm } from './confirm.ts';
import { findCulprits } from './culprit.ts';

const named = (name: string): SuiteTest => ({
  ...{ name, run: ['./x'], timeoutMs: 1, needs: { config: [] }, leaves: {}, cases: [] },
});
const tests = ['one', 'two', 'three'].map(named);
const job: PlannedJob = {
  ...{ id: 's@t', tests, reproduce: '' },
  suite: {
    ...{ name: 's', description: '', types: [], topologies: ['t'], tests, nightly: false },
    ...{ config: [], modules: [], programs: [], allow: [], append: [] },
  },
  topology: {
    ...{ name: 't', description: '', cpus: 1, memory: '64M', machine: {}, nodes: [], signs: [] },
    ...{ append: [], devices: [], hotplug: [], config: [], modules: [] },
  },
};
const worse: Change = {
  ...{ path: ['s', 'two', 'c'], kind: 'regression', was: 'PASS', is: 'FAIL', job: 's@t' },
};

/** A run in which the case came out so; `undefined`: nothing is known of it. */
function came(status: Status | undefined): RunResult {
  const result: JobResult = {
    ...{ id: 's@t', topology: 't', suite: 's', types: [], status: 'PASS', ms: 1, steps: [] },
    ...{ splats: [], reproduce: '' },
    tests: status === undefined ? [] : [{ path: ['s', 'two', 'c'], status, diagnostics: [] }],
  };
  return { ...fold([]), jobs: [result] };
}

/** Plays the answers in turn and says what was asked: `series two`, `base one,two,three`. */
async function play(
  change: Change,
  answers: { series: (Status | undefined)[]; base?: (Status | undefined)[] },
) {
  const asked: string[] = [];
  const side = (name: string, row: (Status | undefined)[]) => (jobs: readonly PlannedJob[]) => {
    asked.push(...jobs.map((one) => `${name} ${one.tests.map((each) => each.name).join()}`));
    if (row.length === 0) throw new Error(`${name} was asked once too often`);
    return Promise.resolve(came(row.shift()));
  };
  const { changes, shapes } = await confirm([change], [job], {
    series: side('series', answers.series),
    ...(answers.base === undefined ? {} : { base: side('base', answers.base) }),
  });
  return { change: changes[0], asked, shape: shapes.get('s@t')?.tests.length };
}

test('one that FAILs each time, and never on the base, stays a regression', async () => {
  const { change, asked, shape } = await play(worse, {
    series: ['FAIL', 'FAIL'],
    base: ['PASS', 'PASS'],
  });
  expect(change).toEqual({ ...worse, rate: { is: { bad: 3, of: 3 }, was: { bad: 0, of: 3 } } });
  expect(asked).toEqual(['series two', 'base two', 'series two', 'base two']);
  expect(shape).toBe(1);
});

test.each<[string, Change, (Status | undefined)[], (Status | undefined)[], object]>([
  [
    'passes when it is repeated, alone and in company: flaky, and no more runs',
    worse,
    ['PASS', 'PASS'],
    ['PASS'],
    { kind: 'flaky', rate: { is: { bad: 1, of: 2 }, was: { bad: 0, of: 2 } } },
  ],
  [
    'FAILs on the base, too, at times: flaky',
    worse,
    ['FAIL'],
    ['FAIL'],
    { kind: 'flaky', rate: { is: { bad: 2, of: 2 }, was: { bad: 1, of: 2 } } },
  ],
  [
    'passes in the last run: flaky',
    worse,
    ['FAIL', 'PASS'],
    ['PASS'],
    { kind: 'flaky', rate: { is: { bad: 2, of: 3 }, was: { bad: 0, of: 2 } } },
  ],
  [
    'nothing was known of the base, and now it passes: a regression after all',
    { ...worse, kind: 'new', was: 'MISS' },
    ['FAIL', 'FAIL'],
    ['PASS', 'PASS'],
    { kind: 'regression', was: 'PASS' },
  ],
  [
    'nothing was known of the base, and now it FAILs: known',
    { ...worse, kind: 'new', was: 'MISS' },
    ['FAIL'],
    ['FAIL'],
    { kind: 'known', was: 'FAIL' },
  ],
  [
    'runs in which the lab fails do not count',
    worse,
    ['MISS', undefined],
    ['ERROR', undefined],
    { kind: 'regression', rate: { is: { bad: 1, of: 1 }, was: { bad: 0, of: 1 } } },
  ],
  [
    'lost each time: stays lost',
    { ...worse, kind: 'gone', is: 'ERROR' },
    ['ERROR', 'MISS'],
    ['PASS', 'PASS'],
    { kind: 'gone', rate: { is: { bad: 3, of: 3 }, was: { bad: 0, of: 3 } } },
  ],
  [
    'lost once: flaky',
    { ...worse, kind: 'gone', is: 'MISS' },
    ['PASS', 'PASS'],
    ['PASS'],
    { kind: 'flaky' },
  ],
])('%s', async (_, change, series, base, wanted) => {
  expect((await play(change, { series, base })).change).toMatchObject(wanted);
});

test('what only FAILs in the company of the other tests is repeated in it', async () => {
  const { change, asked, shape } = await play(worse, {
    series: ['PASS', 'FAIL', 'FAIL'],
    base: ['PASS', 'PASS'],
  });
  expect(change).toMatchObject({ kind: 'regression', rate: { is: { bad: 3, of: 3 } } });
  const all = 'one,two,three';
  expect(asked).toEqual([
    `series two`,
    `series ${all}`,
    `base ${all}`,
    `series ${all}`,
    `base ${all}`,
  ]);
  expect(shape).toBe(3);
});

test('without a base at hand only the series is repeated', async () => {
  const { change, asked } = await play(worse, { series: ['FAIL', 'FAIL'] });
  expect(change).toMatchObject({ kind: 'regression', rate: { is: { bad: 3, of: 3 } } });
  expect(asked).toEqual(['series two', 'series two']);
});

test('rounds that disagreed already need no more of them', async () => {
  const { change } = await play(
    { ...worse, rate: { is: { bad: 2, of: 5 } } },
    { series: [], base: [] },
  );
  expect(change).toMatchObject({ kind: 'flaky', rate: { is: { bad: 2, of: 5 } } });
});

test('a kernel report is repeated with the tests it came during, a boot with all', async () => {
  const report: Change = { ...worse, path: ['s', 'kernel reports', 'W'], during: ['s > three'] };
  const answers = () => ({ series: [undefined, undefined] });
  expect((await play(report, answers())).asked[0]).toBe('series three');
  expect((await play({ ...report, during: [] }, answers())).asked[0]).toBe('series one,two,three');
  const boot: Change = { ...worse, path: ['s', 'step boot'] };
  expect((await play(boot, answers())).asked[0]).toBe('series one,two,three');
});

test('what is no worse is not repeated', async () => {
  for (const kind of ['fix', 'known', 'flaky'] as const) {
    const { change, asked } = await play({ ...worse, kind }, { series: [] });
    expect([change?.kind, asked]).toEqual([kind, []]);
  }
});

test('culprits: one kernel per patch for all regressions, and each gets its own', async () => {
  const patches = [1, 2, 3, 4, 5].map((number) => ({
    ...{ number, title: `p${number}`, commit: `c${number}` },
  }));
  const other: Change = { ...worse, path: ['s', 'one', 'd'] };
  const ran: string[] = [];
  const found = await findCulprits([worse, other, { ...worse, kind: 'flaky' }], {
    ...{ patches, total: 6 },
    shape: () => job,
    run({ number }, jobs) {
      ran.push(`${number}: ${jobs.length}`);
      const point = (path: string[], from: number) => ({
        ...{
          path,
          status: number >= from ? ('FAIL' as const) : ('PASS' as const),
          diagnostics: [],
        },
      });
      const [result] = came('PASS').jobs;
      const points = [point(worse.path as string[], 2), point(other.path as string[], 4)];
      return Promise.resolve({ ...fold([]), jobs: result ? [{ ...result, tests: points }] : [] });
    },
  });
  expect(found.map(({ patch }) => patch)).toEqual([
    { number: 2, of: 6, title: 'p2' },
    { number: 4, of: 6, title: 'p4' },
    undefined,
  ]);
  expect(new Set(ran).size).toBe(ran.length);
  expect(ran.every((one) => one.endsWith(': 1'))).toBe(true);
});
