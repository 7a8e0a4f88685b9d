// The verdict rules that are decided by the fold, one row each, and what holds for every record that was cut short.
import { describe, expect, test } from 'vitest';
import type { Event, EventBody, JobInfo, TestPoint } from './event.ts';
import { exitCode, exitCodes } from './exit-code.ts';
import type { Failure } from './failure.ts';
import { type RunResult, fold } from './result.ts';
import { type Status, statuses, worst } from './status.ts';

const type = 'MEMORY_DEVICE_FS_DAX';
const job = 'fs-dax@nvdimm';
const info: JobInfo = {
  id: job,
  topology: 'nvdimm',
  suite: 'fs-dax',
  tests: ['mmap', 'truncate'],
  types: [type],
  reproduce: 'pgmap run --suite fs-dax --topology nvdimm',
};

const begin = (...jobs: JobInfo[]): EventBody => ({
  type: 'run-begin',
  run: {
    id: 'r',
    startedAt: '2026-11-22T14:30:00.000Z',
    argv: ['run'],
    version: '0',
    host: { cpus: 2, memoryBytes: 2 ** 30, accel: 'tcg' },
    subject: 'a tree',
    jobs,
  },
});
const kernel: EventBody = {
  type: 'kernel',
  kernel: { release: '6.12', tree: 't', key: 'k' },
  enumerators: ['MEMORY_DEVICE_PRIVATE', type],
};
const series: EventBody = { type: 'series', series: { title: 's', patches: 1, base: 'b' } };
const step = (
  name: Extract<EventBody, { type: 'step-begin' }>['step'],
  status: Status = 'PASS',
  failure?: Partial<Failure>,
  of?: string,
): EventBody[] => {
  const where = of === undefined ? {} : { job: of };
  const full: Failure = { blame: 'lab', code: 'code', title: 'title', ...failure };
  return [
    { type: 'step-begin', ...where, step: name },
    {
      type: 'step-end',
      ...where,
      step: name,
      status,
      ...(failure === undefined ? {} : { failure: full }),
    },
  ];
};
const point = (path: string[], status: Status, more: Partial<TestPoint> = {}): EventBody => ({
  type: 'test',
  job,
  point: { path: ['fs-dax', ...path], status, diagnostics: [], ...more },
});
const splat = (allowed?: string): EventBody => ({
  type: 'splat',
  job,
  splat: {
    title: 'WARNING in memremap_pages',
    kind: 'WARNING',
    from: 0,
    to: 1,
    text: 'w',
    during: [],
    ...(allowed === undefined ? {} : { allowed }),
  },
});
const coverage = (mappings = 1, name = type): EventBody => ({
  type: 'coverage',
  job,
  types: { [name]: { mappings, pages: 512, unmapped: 0 } },
});
const end = (status: Status = 'PASS'): EventBody => ({ type: 'run-end', status });
const both = [point(['mmap'], 'PASS'), point(['truncate'], 'PASS')];
const built = [begin(info), ...step('build'), kernel];
const booted = [...built, ...step('boot', 'PASS', undefined, job)];
const suite = (...points: EventBody[]): EventBody[] => {
  const [first, last] = step('suite', 'PASS', undefined, job);
  return first === undefined || last === undefined ? [] : [first, ...points, last];
};
const down = step('teardown', 'PASS', undefined, job);
/** Everything went well, with room for what did not. */
const ran = (points: EventBody[], ...more: EventBody[]): EventBody[] => [
  ...booted,
  ...suite(...points),
  coverage(),
  ...more,
  ...down,
  end(),
];

const stamped = (bodies: readonly EventBody[]): Event[] =>
  bodies.map((body, index) => ({ at: index * 10, ...body }));
const folded = (bodies: readonly EventBody[]): RunResult => fold(stamped(bodies));

describe('what happened → status of the job, of the run, exit code', () => {
  const lab = { blame: 'lab' } as const;
  const rows: [string, EventBody[], Status, Status, number][] = [
    ['all passed', ran(both), 'PASS', 'PASS', 0],
    [
      'a patch does not apply',
      [begin(info), series, ...step('apply', 'FAIL', { blame: 'series' }), end('FAIL')],
      'MISS',
      'FAIL',
      1,
    ],
    [
      'the kernel with a series does not compile',
      [begin(info), series, ...step('build', 'FAIL', { blame: 'series' }), end('FAIL')],
      'MISS',
      'FAIL',
      1,
    ],
    [
      'a plain tree does not compile',
      [begin(info), ...step('build', 'FAIL', { blame: 'series' }), end('FAIL')],
      'MISS',
      'FAIL',
      125,
    ],
    [
      'a plain tree cannot be configured',
      [begin(info), ...step('configure', 'FAIL', { blame: 'series' }), end('FAIL')],
      'MISS',
      'FAIL',
      125,
    ],
    [
      'a wanted option was lost',
      [begin(info), ...step('configure', 'MISS', { blame: 'test' }), end('MISS')],
      'MISS',
      'MISS',
      125,
    ],
    [
      'a wanted option that the base kept was lost',
      [begin(info), series, ...step('configure', 'FAIL', { blame: 'series' }), end('FAIL')],
      'MISS',
      'FAIL',
      1,
    ],
    [
      'panic or silence before ssh',
      [...built, ...step('boot', 'FAIL', { blame: 'series' }, job), ...down, end('FAIL')],
      'FAIL',
      'FAIL',
      1,
    ],
    ['a splat although every test passed', ran(both, splat()), 'FAIL', 'FAIL', 1],
    ['a splat after the last step', [...ran(both).slice(0, -1), splat(), end()], 'FAIL', 'FAIL', 1],
    ['an allowed splat', ran(both, splat('known')), 'PASS', 'PASS', 0],
    ['not ok', ran([point(['mmap'], 'FAIL'), point(['truncate'], 'PASS')]), 'FAIL', 'FAIL', 1],
    [
      'a child not ok below a parent ok',
      ran([point(['mmap', 'case'], 'FAIL'), point(['mmap'], 'PASS'), point(['truncate'], 'PASS')]),
      'FAIL',
      'FAIL',
      1,
    ],
    [
      'one test skipped',
      ran([point(['mmap'], 'SKIP'), point(['truncate'], 'PASS')]),
      'PASS',
      'PASS',
      0,
    ],
    [
      'XFAIL counts as passed',
      ran([
        point(['mmap'], 'PASS', { directive: { name: 'XFAIL', reason: 'r' } }),
        point(['truncate'], 'PASS'),
      ]),
      'PASS',
      'PASS',
      0,
    ],
    [
      'a test was killed',
      ran([point(['mmap'], 'ERROR'), point(['truncate'], 'PASS')]),
      'ERROR',
      'ERROR',
      0,
    ],
    [
      'nothing but broken tests',
      ran([point(['mmap'], 'ERROR'), point(['truncate'], 'MISS')]),
      'ERROR',
      'ERROR',
      125,
    ],
    ['a declared test left no point', ran([point(['mmap'], 'PASS')]), 'MISS', 'MISS', 0],
    ['no test left a point', ran([]), 'MISS', 'MISS', 125],
    [
      'connection lost, nothing explains it',
      [...booted, ...step('suite', 'ERROR', { blame: 'test' }, job), ...down, end()],
      'ERROR',
      'ERROR',
      125,
    ],
    [
      'connection lost, a splat explains it',
      [...booted, ...step('suite', 'ERROR', { blame: 'test' }, job), splat(), ...down, end()],
      'FAIL',
      'FAIL',
      1,
    ],
    ['no QEMU', [...built, ...step('boot', 'MISS', lab, job), end('MISS')], 'MISS', 'MISS', 255],
    [
      'disk full while building',
      [begin(info), ...step('build', 'MISS', lab), end('MISS')],
      'MISS',
      'MISS',
      255,
    ],
    [
      'a bad command line',
      [begin(), ...step('apply', 'MISS', { blame: 'usage' }), end('MISS')],
      'MISS',
      'MISS',
      255,
    ],
    [
      'our own bug',
      [...built, ...step('boot', 'MISS', { blame: 'tool' }, job), end('MISS')],
      'MISS',
      'MISS',
      125,
    ],
    [
      'everything skipped',
      ran([point(['mmap'], 'SKIP'), point(['truncate'], 'SKIP')]),
      'SKIP',
      'SKIP',
      125,
    ],
    [
      'QEMU too old for the topology',
      [...built, ...step('boot', 'SKIP', lab, job), end()],
      'SKIP',
      'SKIP',
      125,
    ],
    [
      'green, but the type was never mapped',
      [...booted, ...suite(...both), coverage(0), ...down, end()],
      'PASS',
      'MISS',
      0,
    ],
    [
      'green, but nothing was said about coverage',
      [...booted, ...suite(...both), ...down, end()],
      'PASS',
      'MISS',
      0,
    ],
    [
      'a kernel built elsewhere, type never mapped',
      [begin(info), ...step('boot', 'PASS', undefined, job), ...suite(...both), ...down, end()],
      'PASS',
      'MISS',
      0,
    ],
    ['a reporter broke', [...ran(both).slice(0, -1), end('MISS')], 'PASS', 'MISS', 0],
    [
      'interrupted by a signal',
      [
        ...booted,
        ...step('suite', 'MISS', { blame: 'usage', code: 'interrupted' }, job),
        end('MISS'),
      ],
      'MISS',
      'MISS',
      130,
    ],
    ['the record has no end', ran(both).slice(0, -1), 'PASS', 'MISS', 130],
    [
      'a step of the job never ended',
      [...booted, ...suite(...both).slice(0, -1), coverage(), end()],
      'MISS',
      'MISS',
      0,
    ],
    [
      'a step of the run never ended',
      [...ran(both).slice(0, -1), { type: 'step-begin', step: 'image' }, end()],
      'PASS',
      'MISS',
      0,
    ],
    [
      'run-end cannot make it better',
      ran([point(['mmap'], 'FAIL'), point(['truncate'], 'PASS')]),
      'FAIL',
      'FAIL',
      1,
    ],
  ];
  test.each(rows)('%s', (_what, events, ofJob, ofRun, code) => {
    const result = folded(events);
    expect(result.jobs[0]?.status ?? ofJob).toBe(ofJob);
    expect(result.status).toBe(ofRun);
    expect(exitCode(result)).toBe(code);
  });
});

test('a regression against the baseline is bad, whatever passed', () => {
  const changes = [{ path: ['a'], kind: 'regression' }] as const;
  expect(exitCode({ ...folded(ran(both)), changes })).toBe(exitCodes.bad);
});

test('a job without any test or point is MISS', () => {
  const none = { ...info, tests: [], types: [] };
  expect(
    folded([begin(none), ...step('boot', 'PASS', undefined, job), end()]).jobs[0]?.status,
  ).toBe('MISS');
});

test('no events at all are MISS', () => {
  expect(folded([])).toMatchObject({ status: 'MISS', interrupted: true, jobs: [] });
});

test('a skipped step gives its reason to every test of the job', () => {
  const result = folded([
    ...built,
    ...step('boot', 'SKIP', { title: 'QEMU is too old' }, job),
    end(),
  ]);
  expect(result.jobs[0]?.tests.map((one) => one.directive?.reason)).toEqual([
    'QEMU is too old',
    'QEMU is too old',
  ]);
});

test('a test that never ran is listed, and says so', () => {
  const tests = folded(ran([point(['mmap', 'case'], 'PASS')])).jobs[0]?.tests;
  expect(tests?.at(-1)).toEqual({
    path: ['fs-dax', 'truncate'],
    status: 'MISS',
    diagnostics: ['never ran'],
  });
});

test('what an unannounced job said is not lost', () => {
  const stray: EventBody = {
    type: 'test',
    job: 'other@x',
    point: { path: ['other', 't'], status: 'FAIL', diagnostics: [] },
  };
  const result = folded([...ran(both).slice(0, -1), stray, end()]);
  expect(result.status).toBe('FAIL');
  expect(result.jobs.map((one) => one.id)).toEqual([job, 'other@x']);
  expect(result.steps.map((one) => one.step)).toEqual(['build']);
});

test('the failure of a job is that of its worst step', () => {
  const result = folded([
    ...built,
    ...step('boot', 'PASS', undefined, job),
    ...step('probe', 'MISS', { code: 'no-sign' }, job),
    ...step('suite', 'FAIL', { code: 'worse' }, job),
    end('FAIL'),
  ]);
  expect(result.jobs[0]?.failure?.code).toBe('worse');
  expect(result.jobs[0]?.steps.map((one) => one.failure?.code)).toEqual([
    undefined,
    'no-sign',
    'worse',
  ]);
});

test('a job that was cut off has lasted until the last event', () => {
  const result = fold([
    { at: 0, ...begin(info) },
    { at: 100, type: 'step-begin', job, step: 'boot' },
    { at: 350, type: 'note', text: 'n' },
  ]);
  expect(result.jobs[0]?.ms).toBe(250);
});

test('coverage adds up over jobs, and names the suites', () => {
  const second = { ...info, id: 'b', suite: 'another' };
  const result = folded([
    begin(info, second),
    kernel,
    coverage(2),
    { type: 'coverage', job: 'b', types: { [type]: { mappings: 1, pages: 8, unmapped: 1 } } },
    end(),
  ]);
  expect(result.types[type]).toMatchObject({
    covered: true,
    mappings: 3,
    pages: 520,
    suites: ['another', 'fs-dax'],
  });
});

/** Park and Miller's generator: the same records on every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** A record such as job.ts writes: some jobs, side by side, with anything that can happen to them. */
function anyRecord(seed: number): EventBody[] {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T | undefined => list[next(list.length)];
  const status = (): Status => (next(3) > 0 ? 'PASS' : (pick(statuses) ?? 'MISS'));
  const jobs = Array.from({ length: 1 + next(3) }, (_, index): JobInfo => ({
    ...info,
    id: `j${index}`,
    types: next(3) > 0 ? [type] : [],
  }));
  const lanes = jobs.map(({ id }) => {
    const events: EventBody[] = [...step('boot', status(), next(2) > 0 ? {} : undefined, id)];
    const [first, last] = step('suite', status(), undefined, id);
    if (first !== undefined) events.push(first);
    for (const name of info.tests)
      for (let count = next(3); count >= 0; count--)
        events.push({
          type: 'test',
          job: id,
          point: { path: ['fs-dax', name, `c${count}`], status: status(), diagnostics: [] },
        });
    if (last !== undefined) events.push(last);
    if (next(3) > 0)
      events.push({
        type: 'coverage',
        job: id,
        types: { [type]: { mappings: next(2), pages: 1, unmapped: 0 } },
      });
    const [before, after] = step('teardown', 'PASS', undefined, id);
    if (before !== undefined) events.push(before);
    if (next(4) === 0)
      events.push({
        type: 'splat',
        job: id,
        splat: { title: 't', kind: 'k', from: 0, to: 0, text: '', during: [] },
      });
    if (after !== undefined) events.push(after);
    return events;
  });
  const events: EventBody[] = [
    begin(...jobs),
    ...step('build', next(6) > 0 ? 'PASS' : status()),
    kernel,
  ];
  while (lanes.some((lane) => lane.length > 0)) {
    const event = pick(lanes.filter((lane) => lane.length > 0))?.shift();
    if (event !== undefined) events.push(event);
  }
  return [...events, end(status())];
}

describe('every prefix of a record', () => {
  const seeds = Array.from({ length: 60 }, (_, index) => index * 7919 + 1);
  test.each(seeds)('seed %i', (seed) => {
    const record = stamped(anyRecord(seed));
    const full = fold(record);
    for (let length = 0; length < record.length; length++) {
      const part = fold(record.slice(0, length));
      const where = `${length} of ${record.length} events`;
      expect(part.interrupted, where).toBe(true);
      // Nothing is green, and what is known to be bad stays at least as bad.
      expect(['FAIL', 'ERROR', 'MISS'], where).toContain(part.status);
      if (part.status !== 'MISS')
        expect(worst([part.status, full.status]), where).toBe(full.status);
      expect(exitCode(part), where).toBe(exitCodes.interrupted);
      for (const [index, one] of part.jobs.entries()) {
        const whole = full.jobs[index]?.status ?? 'MISS';
        expect(one.ms, where).toBeGreaterThanOrEqual(0);
        if (one.status === 'PASS' || one.status === 'SKIP') expect(whole, where).toBe(one.status);
        else if (one.status !== 'MISS') expect(worst([one.status, whole]), where).toBe(whole);
      }
      for (const [name, one] of Object.entries(part.types))
        if (one.status === 'PASS') expect(full.types[name]?.status, where).toBe('PASS');
    }
  });

  test('the generator makes green records too', () => {
    const found = new Set(seeds.map((seed) => fold(stamped(anyRecord(seed))).status));
    expect(found).toContain('FAIL');
    expect(found.size).toBeGreaterThan(1);
  });
});
