// What a run that was compared, or whose failures are known, exits with.
import { expect, test } from 'vitest';
import type { Change } from './change.ts';
import type { Event, EventBody, TestPoint } from './event.ts';
import { exitCode } from './exit-code.ts';
import { fold, type RunResult } from './result.ts';
import type { Status } from './status.ts';

const points = (statuses: Readonly<Record<string, Status>>): TestPoint[] =>
  Object.entries(statuses).map(([name, status]) => ({
    ...{ path: ['s', name], status, diagnostics: [] },
  }));

function result(
  statuses: Readonly<Record<string, Status>>,
  more: readonly EventBody[] = [],
): RunResult {
  const job = 's@t';
  const bodies: EventBody[] = [
    {
      type: 'run-begin',
      run: {
        ...{ id: '', startedAt: '', argv: [], version: '', subject: '' },
        host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
        jobs: [{ id: job, topology: 't', suite: 's', tests: [], types: [], reproduce: '' }],
      },
    },
    ...points(statuses).map((point): EventBody => ({ type: 'test', job, point })),
    { type: 'step-begin', job, step: 'teardown' },
    { type: 'step-end', job, step: 'teardown', status: 'PASS' },
    ...more,
    { type: 'run-end', status: 'PASS' },
  ];
  return fold(bodies.map((body, at): Event => ({ at, ...body })));
}
const change = (kind: Change['kind'], name: string, was?: Status, is?: Status): EventBody => ({
  type: 'change',
  change: {
    ...{ path: ['s', name], kind, job: 's@t' },
    ...(was === undefined ? {} : { was }),
    ...(is === undefined ? {} : { is }),
  },
});
const series: EventBody = { type: 'series', series: { title: 's', patches: 1, base: 'b' } };
const unbuilt: EventBody[] = [
  { type: 'step-begin', step: 'build' },
  {
    ...{ type: 'step-end', step: 'build', status: 'FAIL' },
    failure: { blame: 'series', code: 'build-failed', title: 'x.c:1' },
  },
];
const baseline = (built: boolean): EventBody => ({
  type: 'baseline',
  baseline: { kind: 'base', id: 'b', subject: '', built, status: 'PASS', jobs: 1, cached: 0 },
});

test.each<[string, RunResult, number]>([
  ['nothing changed', result({ a: 'PASS' }, [baseline(true)]), 0],
  ['a FAIL that nobody compared', result({ a: 'PASS', b: 'FAIL' }), 1],
  [
    'a FAIL that is known',
    result({ a: 'PASS', b: 'FAIL' }, [change('known', 'b', undefined, 'FAIL')]),
    0,
  ],
  [
    'one that is known, and one that is not',
    result({ a: 'FAIL', b: 'FAIL', c: 'PASS' }, [change('known', 'b', 'FAIL', 'FAIL')]),
    1,
  ],
  [
    'one that comes and goes',
    result({ a: 'PASS', b: 'FAIL' }, [change('flaky', 'b', 'PASS', 'FAIL')]),
    0,
  ],
  [
    'all that FAILs is known, and nothing passed',
    result({ b: 'FAIL' }, [change('known', 'b', 'FAIL', 'FAIL')]),
    125,
  ],
  [
    'a regression',
    result({ a: 'PASS', b: 'FAIL' }, [change('regression', 'b', 'PASS', 'FAIL')]),
    1,
  ],
  [
    'a FAIL where nothing was known',
    result({ a: 'PASS', b: 'FAIL' }, [change('new', 'b', 'MISS', 'FAIL')]),
    1,
  ],
  [
    'a test that is new and passes',
    result({ a: 'PASS' }, [change('new', 'a', undefined, 'PASS')]),
    0,
  ],
  ['one that is fixed', result({ a: 'PASS' }, [change('fix', 'a', 'FAIL', 'PASS')]), 0],
  [
    'one that is skipped now',
    result({ a: 'PASS', b: 'SKIP' }, [change('gone', 'b', 'PASS', 'SKIP')]),
    0,
  ],
  [
    'one that is lost',
    result({ a: 'PASS', b: 'ERROR' }, [change('gone', 'b', 'PASS', 'ERROR')]),
    125,
  ],
  [
    'one that is lost and one that broke',
    result({ a: 'FAIL', b: 'MISS', c: 'PASS' }, [
      change('gone', 'b', 'PASS', 'MISS'),
      change('regression', 'a', 'PASS', 'FAIL'),
    ]),
    1,
  ],
  ['a tree that does not build', result({}, unbuilt), 125],
  ['a series that does not build', result({}, [series, ...unbuilt]), 1],
  ['one whose base does', result({}, [series, ...unbuilt, baseline(true)]), 1],
  ['one whose base does not either', result({}, [series, ...unbuilt, baseline(false)]), 125],
  [
    'a base that does not build, and a series that does',
    result({ a: 'PASS' }, [series, baseline(false)]),
    0,
  ],
])('%s: %#', (_, run, code) => {
  expect(exitCode(run)).toBe(code);
});
