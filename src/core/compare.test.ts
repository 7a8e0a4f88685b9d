// Every pair of statuses, and every kind of address, held against each other.
import { describe, expect, test } from 'vitest';
import type { Change, ChangeKind } from './change.ts';
import { compare, statusAt } from './compare.ts';
import type { Splat, TestPoint } from './event.ts';
import type { KnownFailure } from './known.ts';
import type { JobResult, StepResult } from './job-result.ts';
import type { RunResult } from './result.ts';
import type { Status } from './status.ts';

const point = (path: string, status: Status, more: Partial<TestPoint> = {}): TestPoint => ({
  ...{ path: path.split(' > '), status, diagnostics: [] },
  ...more,
});
const step = (name: StepResult['step'], status: Status = 'PASS', title?: string): StepResult => ({
  ...{ step: name, status, ms: 1 },
  ...(title === undefined ? {} : { failure: { blame: 'series', code: 'c', title } }),
});
const splat = (title: string, more: Partial<Splat> = {}): Splat => ({
  ...{ title, kind: 'WARNING', from: 0, to: 1, text: '', during: ['s > t'] },
  ...more,
});
const done = [step('boot'), step('suite'), step('teardown')];
const job = (tests: readonly TestPoint[], more: Partial<JobResult> = {}): JobResult => ({
  ...{ id: 's@t', topology: 't', suite: 's', types: [], status: 'PASS', ms: 1, steps: done },
  ...{ tests, splats: [], reproduce: 'pgmap run --suite s --topology t' },
  ...more,
});
const run = (jobs: readonly JobResult[], more: Partial<RunResult> = {}): RunResult => ({
  ...{ schema: 1, id: 'r', status: 'PASS', startedAt: '', subject: '', argv: [], types: {} },
  ...{ host: { cpus: 1, memoryBytes: 1, accel: 'tcg' }, steps: [], jobs, changes: [], notes: [] },
  kernel: { release: '6.12.117', tree: 't', key: 'k' },
  timing: { applyMs: 0, buildMs: 0, bootMs: 0, testMs: 0, totalMs: 0 },
  ...more,
});
const plain = { known: [], today: '2026-11-22', onlyPlanned: true };
const brief = (changes: readonly Change[]) =>
  changes.map(({ kind, path, was, is }) => [kind, path.join(' > '), was, is]);
/** What changes when `tests` of one job become others. */
const between = (
  before: readonly TestPoint[] | JobResult,
  after: readonly TestPoint[] | JobResult,
  options = plain,
) => {
  const asRun = (one: readonly TestPoint[] | JobResult) =>
    run(['id' in one ? one : job(one)] as JobResult[]);
  return brief(compare(asRun(before), asRun(after), options).changes);
};

describe('a case, was (down) and is (across)', () => {
  const columns = ['FAIL', 'ERROR', 'MISS', 'PASS', 'SKIP', undefined] as const;
  const none = undefined;
  const rows: [Status | undefined, (ChangeKind | undefined)[]][] = [
    ['FAIL', ['known', 'gone', 'gone', 'fix', 'gone', 'gone']],
    ['ERROR', ['new', none, none, 'new', none, none]],
    ['MISS', ['new', none, none, 'new', none, none]],
    ['PASS', ['regression', 'gone', 'gone', none, 'gone', 'gone']],
    ['SKIP', ['new', 'new', 'new', 'new', none, none]],
    [undefined, ['new', 'new', 'new', 'new', none, none]],
  ];
  // The test as such is there on both sides, so that it is the case that is compared.
  const others = [point('s > t > other', 'SKIP')];
  test.each(rows.flatMap(([was, kinds]) => columns.map((is, at) => [was, is, kinds[at]] as const)))(
    '%s -> %s',
    (was, is, kind) => {
      const side = (status: Status | undefined) =>
        status === undefined ? others : [...others, point('s > t > c', status)];
      const found = between(side(was), side(is));
      // What is new and no FAIL is told of the test, not of each case; a case that was not there takes its test's status.
      const path = kind === 'new' && is !== 'FAIL' ? 's > t' : 's > t > c';
      const before = was ?? (kind === undefined ? undefined : 'SKIP');
      expect(found).toEqual(kind === undefined ? [] : [[kind, path, before, is]]);
    },
  );
});

test.each<[string, readonly TestPoint[] | JobResult, readonly TestPoint[] | JobResult, unknown[]]>([
  [
    'a case that only shows when it FAILs, in a test that passed',
    [point('s > t > a', 'PASS')],
    [point('s > t > a', 'PASS'), point('s > t > b', 'FAIL')],
    [['regression', 's > t > b', 'PASS', 'FAIL']],
  ],
  [
    'another case of a test that FAILs anyway',
    [point('s > t > a', 'FAIL')],
    [point('s > t > a', 'FAIL'), point('s > t > b', 'FAIL')],
    [
      ['known', 's > t > a', 'FAIL', 'FAIL'],
      ['known', 's > t > b', 'FAIL', 'FAIL'],
    ],
  ],
  [
    'a program that dies: one line, not one for each case that is missing',
    [point('s > t > a', 'PASS'), point('s > t > b', 'PASS'), point('s > t > c', 'PASS')],
    [point('s > t > a', 'PASS'), point('s > t', 'ERROR')],
    [['gone', 's > t', 'PASS', 'ERROR']],
  ],
  [
    'a test stuck in the kernel',
    [point('s > t > a', 'PASS')],
    [point('s > t', 'FAIL')],
    [['regression', 's > t', 'PASS', 'FAIL']],
  ],
  [
    'a test that is skipped now',
    [point('s > t > a', 'PASS'), point('s > t > b', 'PASS')],
    [point('s > t', 'SKIP')],
    [['gone', 's > t', 'PASS', 'SKIP']],
  ],
  [
    'one case mended, another one lost: both are told',
    [point('s > t > a', 'FAIL'), point('s > t > b', 'PASS')],
    [point('s > t > a', 'PASS')],
    [
      ['gone', 's > t > b', 'PASS', undefined],
      ['fix', 's > t > a', 'FAIL', 'PASS'],
    ],
  ],
  [
    'names that come twice: the worst counts',
    [point('s > t > a', 'PASS'), point('s > t > a', 'PASS')],
    [point('s > t > a', 'FAIL'), point('s > t > a', 'PASS')],
    [['regression', 's > t > a', 'PASS', 'FAIL']],
  ],
  [
    'a report on the console, though every test passed',
    job([point('s > t', 'PASS')]),
    job([point('s > t', 'PASS')], { splats: [splat('WARNING in f')] }),
    [['regression', 's > kernel reports > WARNING in f', 'PASS', 'FAIL']],
  ],
  [
    'a report that was there, one that is allowed',
    job([point('s > t', 'PASS')], { splats: [splat('WARNING in f')] }),
    job([point('s > t', 'PASS')], {
      splats: [splat('WARNING in f'), splat('WARNING in g', { allowed: 'why' })],
    }),
    [['known', 's > kernel reports > WARNING in f', 'FAIL', 'FAIL']],
  ],
  [
    'a report that went',
    job([point('s > t', 'PASS')], { splats: [splat('WARNING in f')] }),
    job([point('s > t', 'PASS')]),
    [['fix', 's > kernel reports > WARNING in f', 'FAIL', 'PASS']],
  ],
  [
    'a report where the guest before never got that far',
    job([point('s > t', 'MISS')], { steps: [step('boot', 'MISS', 'no port')] }),
    job([point('s > t', 'PASS')], { splats: [splat('WARNING in f')] }),
    [
      ['new', 's > kernel reports > WARNING in f', undefined, 'FAIL'],
      ['new', 's > t', 'MISS', 'PASS'],
    ],
  ],
  [
    'a boot that fails: the tests that had no chance need no line each',
    job([point('s > t', 'PASS'), point('s > u', 'PASS')]),
    job(
      [
        point('s > t', 'MISS', { diagnostics: ['never ran'] }),
        point('s > u', 'MISS', { diagnostics: ['never ran'] }),
      ],
      { steps: [step('boot', 'FAIL', 'the kernel panicked')] },
    ),
    [['regression', 's > step boot', 'PASS', 'FAIL']],
  ],
  [
    'a boot that works again',
    job([point('s > t', 'MISS')], { steps: [step('boot', 'FAIL', 'the kernel panicked')] }),
    job([point('s > t', 'PASS')]),
    [
      ['fix', 's > step boot', 'FAIL', 'PASS'],
      ['new', 's > t', 'MISS', 'PASS'],
    ],
  ],
  [
    'a lab that fails is lost, and blames nobody',
    job([point('s > t', 'PASS')]),
    job([point('s > t', 'MISS', { diagnostics: ['never ran'] })], {
      steps: [step('boot', 'MISS', 'no memory')],
    }),
    [['gone', 's > step boot', 'PASS', 'MISS']],
  ],
  [
    'a guest that crashed is told by the test it crashed in',
    [point('s > t', 'PASS')],
    job([point('s > t', 'FAIL')], { steps: [step('boot'), step('suite', 'FAIL', 'Oops')] }),
    [['regression', 's > t', 'PASS', 'FAIL']],
  ],
])('%s', (_, before, after, wanted) => {
  expect(between(before, after)).toEqual(wanted);
});

describe('what only one of the runs has', () => {
  const [t, u] = [point('s > t', 'PASS'), point('s > u > a', 'FAIL')];
  test('a test: gone, unless the new run was narrowed down', () => {
    expect(between([t, u], [t])).toEqual([]);
    const all = { ...plain, onlyPlanned: false };
    expect(between([t, u], [t], all)).toEqual([['gone', 's > u', 'FAIL', undefined]]);
    expect(between([t], [t, u], all)).toEqual([['new', 's > u > a', undefined, 'FAIL']]);
  });

  test('a job', () => {
    const other = job([point('s > t > a', 'PASS'), u], { id: 's@other', topology: 'other' });
    const both = run([job([t]), other]);
    expect(compare(both, run([job([t])]), plain).changes).toEqual([]);
    const all = { ...plain, onlyPlanned: false };
    expect(brief(compare(both, run([job([t])]), all).changes)).toEqual([
      ['gone', 's', 'PASS', undefined],
    ]);
    expect(brief(compare(run([job([t])]), both, all).changes)).toEqual([
      ['new', 's > u > a', undefined, 'FAIL'],
      ['new', 's', undefined, 'PASS'],
    ]);
  });
});

describe('the run itself', () => {
  const passed = [job([point('s > t', 'PASS')], { types: ['X'] })];
  const never = [job([point('s > t', 'MISS', { diagnostics: ['never ran'] })], { steps: [] })];
  const built = run(passed, { steps: [step('build')] });
  const broken = run(never, { steps: [step('build', 'FAIL', 'mm/x.c:1: error')] });

  test('a kernel that does not build any more is one change', () => {
    const { changes } = compare(built, broken, plain);
    expect(brief(changes)).toEqual([['regression', 'run > step build', 'PASS', 'FAIL']]);
    expect(changes[0]?.reason).toBe('mm/x.c:1: error');
  });

  test('one that builds again makes nothing of its tests news', () => {
    expect(brief(compare(broken, built, plain).changes)).toEqual([
      ['fix', 'run > step build', 'FAIL', 'PASS'],
    ]);
  });

  test('after one that did not build, every FAIL is new', () => {
    const bad = run([job([point('s > t', 'FAIL')])], { steps: [step('build')] });
    expect(brief(compare(broken, bad, plain).changes)).toEqual([
      ['new', 's > t', undefined, 'FAIL'],
      ['fix', 'run > step build', 'FAIL', 'PASS'],
    ]);
  });

  test('a memory type that no guest maps any more', () => {
    const type = { mappings: 1, pages: 1, suites: ['s'], status: 'PASS' } as const;
    const types = (covered: boolean) => ({ types: { X: { ...type, covered } } });
    const [yes, no] = [run(passed, types(true)), run(passed, types(false))];
    expect(brief(compare(yes, no, plain).changes)).toEqual([
      ['gone', 'memory types > X', 'PASS', 'MISS'],
    ]);
    expect(brief(compare(no, yes, plain).changes)).toEqual([
      ['new', 'memory types > X', 'MISS', 'PASS'],
    ]);
    expect(compare(yes, yes, plain).changes).toEqual([]);
  });
});

test('equal runs have no changes, and the worst change stands first', () => {
  const tests = (['FAIL', 'ERROR', 'MISS', 'PASS', 'SKIP'] as const).map((status) =>
    point(`s > ${status}`, status),
  );
  expect(between(tests, tests)).toEqual([['known', 's > FAIL', 'FAIL', 'FAIL']]);
  const found = between(
    [
      point('s > a', 'PASS'),
      point('s > b', 'FAIL'),
      point('s > c', 'PASS'),
      point('s > d', 'SKIP'),
    ],
    [
      point('s > a', 'FAIL'),
      point('s > b', 'PASS'),
      point('s > c', 'SKIP'),
      point('s > d', 'FAIL'),
    ],
  );
  expect(found.map(([kind]) => kind)).toEqual(['regression', 'new', 'gone', 'fix']);
});

test('the command that shows it again is narrowed down to the test', () => {
  const change = compare(
    run([job([point('s > it’s a test > c', 'PASS')])]),
    run([job([point('s > it’s a test > c', 'FAIL')])]),
    plain,
  ).changes[0];
  expect(change?.reproduce).toBe("pgmap run --suite s --topology t --test 's > it’s a test'");
});

describe('known failures', () => {
  const entry: KnownFailure = { test: 's > t', reason: 'r', link: 'l', expires: '2027-01-01' };
  const bad = run([job([point('s > t > c', 'FAIL')])]);
  const good = run([job([point('s > t > c', 'PASS')])]);
  const judge = (now: RunResult, known: KnownFailure, old?: RunResult) =>
    compare(old, now, { ...plain, known: [known] });

  test.each<[string, Partial<KnownFailure>, boolean]>([
    ['its test', {}, true],
    ['its suite', { test: 's' }, true],
    ['just that case', { test: 's > t > c' }, true],
    ['another case', { test: 's > t > d' }, false],
    ['a name that only begins so', { test: 's > tt' }, false],
    ['its topology', { topology: 't' }, true],
    ['another topology', { topology: 'u' }, false],
    ['a kernel in range', { kernel: { from: '6.1', to: '6.12' } }, true],
    ['just this kernel', { kernel: { from: '6.12.117', to: '6.12.117' } }, true],
    ['kernels before', { kernel: { to: '6.12.116' } }, false],
    ['kernels after', { kernel: { from: '6.13' } }, false],
    ['a report', { splat: 'WARNING' }, false],
    ['its last day', { expires: '2026-11-22' }, true],
    ['a day too late', { expires: '2026-11-21' }, false],
  ])('%s', (_, more, excused) => {
    const known = { ...entry, ...more };
    // With a baseline and without.
    expect(judge(bad, known, good).changes.map(({ kind }) => kind)).toEqual([
      excused ? 'known' : 'regression',
    ]);
    expect(judge(bad, known).changes).toMatchObject(
      excused ? [{ kind: 'known', is: 'FAIL', reason: 'r', link: 'l' }] : [],
    );
  });

  test('a report by its title, and only during its test', () => {
    const loud = run([job([point('s > t', 'PASS')], { splats: [splat('WARNING in f')] })]);
    const quiet = run([job([point('s > t', 'PASS')])]);
    const kinds = (more: Partial<KnownFailure>) =>
      judge(
        loud,
        { ...entry, test: undefined, splat: '^WARNING in f$', ...more },
        quiet,
      ).changes.map(({ kind }) => kind);
    expect(kinds({})).toEqual(['known']);
    expect(kinds({ test: 's > t' })).toEqual(['known']);
    expect(kinds({ test: 's' })).toEqual(['known']);
    expect(kinds({ test: 's > u' })).toEqual(['regression']);
    expect(kinds({ splat: '^BUG' })).toEqual(['regression']);
  });

  test.each<[string, RunResult, Partial<KnownFailure>, string | undefined]>([
    ['seen', bad, {}, undefined],
    ['not seen', good, {}, "'s > t' was not seen"],
    ['its test did not run', run([job([point('s > u', 'PASS')])]), {}, undefined],
    ['its test was skipped', run([job([point('s > t', 'SKIP')])]), {}, undefined],
    ['not for this kernel', good, { kernel: { from: '6.13' } }, undefined],
    ['expired', bad, { expires: '2026-01-01' }, 'expired on 2026-01-01'],
    ['expired, and mended', good, { expires: '2026-01-01' }, 'expired on 2026-01-01'],
    ['no such report', good, { test: undefined, splat: 'BUG' }, "'BUG' was not seen"],
    [
      'no such report, but only a few tests ran',
      run(good.jobs, { argv: ['run', '--suite', 's'] }),
      { test: undefined, splat: 'BUG' },
      undefined,
    ],
  ])('an entry is named when it should go: %s', (_, now, more, wanted) => {
    const { notes } = judge(now, { ...entry, ...more });
    expect(notes).toHaveLength(wanted === undefined ? 0 : 1);
    expect(notes.join()).toContain(wanted ?? '');
  });
});

test('statusAt finds what a change is about, and says nothing where nothing is known', () => {
  const now = run(
    [job([point('s > t > a', 'PASS'), point('s > t > b', 'FAIL')], { splats: [splat('W')] })],
    { steps: [step('build')] },
  );
  const at = (path: string, of: string | undefined = 's@t') =>
    statusAt(now, { path: path.split(' > '), ...(of === '' ? {} : { job: of }) });
  expect(at('s > t > a')).toBe('PASS');
  expect(at('s > t > gone')).toBe('FAIL');
  expect(at('s > t')).toBe('FAIL');
  expect(at('s > u')).toBeUndefined();
  expect(at('s > t > a', 's@other')).toBeUndefined();
  expect(at('s > kernel reports > W')).toBe('FAIL');
  expect(at('s > kernel reports > X')).toBe('PASS');
  expect(at('s > step boot')).toBe('PASS');
  expect(at('run > step build', '')).toBe('PASS');
  expect(at('run > step apply', '')).toBeUndefined();
});
