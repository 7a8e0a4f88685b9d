// What a run came to → what is said of the mutant.
import { describe, expect, test } from 'vitest';
import type { Splat, TestPoint } from '../../core/event.ts';
import type { JobResult, StepResult } from '../../core/job-result.ts';
import type { RunResult } from '../../core/result.ts';
import type { Status } from '../../core/status.ts';
import { judgeBase } from './base.ts';
import { judge, type Outcome, together, type Verdict } from './verdict.ts';

const generic = 'MEMORY_DEVICE_GENERIC';
const fsDax = 'MEMORY_DEVICE_FS_DAX';

const job = (suite: string, status: Status, more: Partial<JobResult> = {}): JobResult => ({
  id: `${suite}@nvdimm`,
  topology: 'nvdimm',
  suite,
  types: suite === 'devdax' ? [generic, 'MEMORY_DEVICE_DEVDAX'] : [fsDax],
  status,
  ms: 1000,
  steps: [],
  tests: [],
  splats: [],
  reproduce: '',
  ...more,
});
const point = (path: string[], status: Status, ...diagnostics: string[]): TestPoint => ({
  path,
  status,
  diagnostics,
});
const splat = (title: string, kind: string, allowed?: string): Splat => ({
  ...{ title, kind, from: 0, to: 1, text: title, during: [] },
  ...(allowed === undefined ? {} : { allowed }),
});
const failed = (
  step: StepResult['step'],
  status: Status,
  title: string,
  code = 'c',
): StepResult => ({
  step,
  status,
  ms: 1,
  failure: { blame: 'series', code, title },
});

const run = (status: Status, more: Partial<RunResult> = {}): RunResult => ({
  schema: 1,
  id: 'r',
  status,
  startedAt: '',
  subject: '',
  argv: [],
  host: { cpus: 2, memoryBytes: 1, accel: 'tcg' },
  types: {},
  steps: [],
  jobs: [job('devdax', 'PASS')],
  changes: [],
  notes: [],
  timing: { applyMs: 500, buildMs: 60_000, bootMs: 1, testMs: 1, totalMs: 80_500 },
  ...more,
});
const mutant = { types: [generic] };

test('a test that fails in a suite for its type', () => {
  const jobs = [
    job('devdax', 'FAIL', {
      tests: [point(['devdax', 'edges', 'last page'], 'FAIL'), point(['devdax', 'x'], 'PASS')],
    }),
    job('fs-dax', 'PASS'),
  ];
  expect(judge(mutant, run('FAIL', { jobs }))).toEqual({
    outcome: 'caught',
    by: [{ kind: 'test', job: 'devdax@nvdimm', what: 'edges > last page' }],
    rightType: true,
    exact: true,
    otherTypes: [],
    buildMs: 60_000,
    testMs: 20_000,
  });
});

describe('attribution', () => {
  test.each<[string, string[], Status, Status, boolean, string[]]>([
    ['only another type fails', [generic], 'PASS', 'FAIL', false, [fsDax]],
    ['both fail', [generic], 'FAIL', 'FAIL', true, [fsDax]],
    ['a shared mutant', [fsDax, generic], 'FAIL', 'FAIL', true, []],
    ['a mutant of all types', [], 'PASS', 'FAIL', true, []],
    ['an ERROR elsewhere is no attribution', [generic], 'FAIL', 'ERROR', true, []],
  ])('%s', (_name, types, devdax, fs, rightType, otherTypes) => {
    const jobs = [job('devdax', devdax), job('fs-dax', fs)];
    expect(judge({ types }, run('FAIL', { jobs }))).toMatchObject({
      outcome: 'caught',
      rightType,
      otherTypes,
    });
  });
});

test('a suite for more types than the mutant breaks does not name the type exactly', () => {
  const wide = job('api', 'FAIL', { types: [generic, fsDax] });
  expect(judge(mutant, run('FAIL', { jobs: [wide] }))).toMatchObject({
    rightType: true,
    exact: false,
  });
  const jobs = [wide, job('devdax', 'FAIL')];
  expect(judge(mutant, run('FAIL', { jobs }))).toMatchObject({ rightType: true, exact: true });
  expect(judge({ types: [generic, fsDax] }, run('FAIL', { jobs: [wide] })).exact).toBe(true);
});

test('hangs and crashes come before splats, splats before tests; allowed splats are none', () => {
  const jobs = [
    job('devdax', 'FAIL', {
      steps: [failed('suite', 'FAIL', 'BUG in x', 'guest-crashed')],
      tests: [
        point(['devdax', 'a'], 'FAIL'),
        point(['devdax', 'b'], 'FAIL', 'stuck in the kernel: not done after 20 s'),
      ],
      splats: [
        splat('WARNING in memremap_pages', 'WARNING'),
        splat('task hung in memunmap_pages', 'HUNG'),
        splat('Memory failure', 'INFO', 'injected'),
      ],
    }),
  ];
  const { by } = judge(mutant, run('FAIL', { jobs }));
  expect(by.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
    'hang: task hung in memunmap_pages',
    'hang: b',
    'crash: BUG in x',
    'splat: WARNING in memremap_pages',
    'test: a',
  ]);
});

describe('nothing that is not a FAIL is caught', () => {
  test('all green is missed', () => {
    expect(judge(mutant, run('PASS'))).toMatchObject({ outcome: 'missed', by: [] });
  });
  test.each<Status>(['ERROR', 'MISS', 'SKIP'])('%s is unclear', (status) => {
    const tests = [point(['devdax', 'edges'], status)];
    const { outcome, by, rightType } = judge(
      mutant,
      run(status, { jobs: [job('devdax', status, { tests })] }),
    );
    expect({ outcome, rightType }).toEqual({ outcome: 'unclear', rightType: undefined });
    expect(by).toHaveLength(1);
  });
  test('a type that was never mapped is unclear', () => {
    const types = {
      [generic]: { covered: false, mappings: 0, pages: 0, suites: [], status: 'MISS' as const },
    };
    expect(judge(mutant, run('MISS', { types }))).toMatchObject({
      outcome: 'unclear',
      by: [{ what: `${generic} was never mapped` }],
    });
  });
  test.each<[StepResult['step'], Status, string]>([
    ['apply', 'FAIL', 'not applied'],
    ['build', 'FAIL', 'not built'],
    ['build', 'MISS', 'unclear'],
    ['image', 'ERROR', 'unclear'],
  ])('step %s %s is %s', (step, status, outcome) => {
    const jobs = [job('devdax', 'MISS')];
    const steps = [failed(step, status, 'title')];
    expect(judge(mutant, run(status, { steps, jobs }))).toMatchObject({
      outcome,
      by: [{ what: `${step}: title` }],
    });
  });
});

test('the base: each suite for itself, and none if the kernel does not build', () => {
  const jobs = [job('devdax', 'PASS'), job('fs-dax', 'FAIL'), job('p2pdma', 'SKIP')];
  const names = ['devdax', 'fs-dax', 'p2pdma', 'kmem'];
  expect(judgeBase(names, run('FAIL', { jobs }))).toEqual([
    { suite: 'devdax', green: true, why: '' },
    { suite: 'fs-dax', green: false, why: 'fs-dax@nvdimm is FAIL' },
    { suite: 'p2pdma', green: true, why: '' },
    { suite: 'kmem', green: false, why: 'it was not run' },
  ]);
  const steps = [failed('build', 'FAIL', 'no')];
  expect(judgeBase(names, run('FAIL', { jobs, steps })).some(({ green }) => green)).toBe(false);
});

describe('two runs together', () => {
  const one = (outcome: Outcome, more: Partial<Verdict> = {}): Verdict => ({
    outcome,
    by: [{ kind: 'test', job: outcome, what: '' }],
    otherTypes: [],
    buildMs: 1,
    testMs: 2,
    ...more,
  });
  test.each<[Outcome, Outcome, Outcome]>([
    ['missed', 'caught', 'caught'],
    ['caught', 'unclear', 'caught'],
    ['missed', 'unclear', 'unclear'],
    ['missed', 'missed', 'missed'],
    ['not built', 'not built', 'not built'],
  ])('%s and %s are %s', (a, b, outcome) => {
    const { by, ...rest } = together(one(a), one(b));
    expect(rest).toEqual({ outcome, otherTypes: [], buildMs: 2, testMs: 4 });
    expect(by.map((evidence) => evidence.job)).toEqual(a === b ? [a, b] : [outcome]);
  });
  test('the right type in one of them is enough', () => {
    const wrong = one('caught', { rightType: false, exact: false, otherTypes: [fsDax] });
    expect(together(wrong, one('caught', { rightType: true, exact: true }))).toMatchObject({
      rightType: true,
      exact: true,
      otherTypes: [fsDax],
    });
    expect(together(wrong, one('missed'))).toMatchObject({ rightType: false });
  });
});
