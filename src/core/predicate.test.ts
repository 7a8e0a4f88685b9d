import { expect, test } from 'vitest';
import type { Event, EventBody } from './event.ts';
import { judge, type Predicate } from './predicate.ts';
import { fold, type RunResult } from './result.ts';

const run = {
  ...{ id: 'r', startedAt: '', argv: [], version: '', subject: '' },
  host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
  jobs: [
    {
      id: 'devdax@nvdimm',
      topology: 'nvdimm',
      suite: 'devdax',
      tests: ['maps'],
      types: [],
      reproduce: '',
    },
  ],
};
const job = 'devdax@nvdimm';
const path = ['devdax', 'maps'];
const at = (body: EventBody): Event => ({ at: 0, ...body });
const result = (...events: EventBody[]): RunResult =>
  fold(
    [
      { type: 'run-begin', run } as const,
      ...events,
      { type: 'run-end', status: 'PASS' } as const,
    ].map(at),
  );
const end = (
  step: 'boot' | 'suite' | 'probe' | 'build',
  status: 'PASS' | 'FAIL' | 'MISS' | 'ERROR',
  code = 'x',
  blame: 'series' | 'lab' | 'test' = 'series',
): EventBody => ({
  ...{ type: 'step-end', step, status },
  ...(step === 'build' ? {} : { job }),
  ...(status === 'PASS' ? {} : { failure: { blame, code, title: `${step} ${code}` } }),
});
const point = (
  status: 'PASS' | 'FAIL' | 'ERROR' | 'SKIP',
  ms = 10,
  ...more: string[]
): EventBody => ({
  ...{ type: 'test', job },
  point: { path: [...path, ...more], status, ms, diagnostics: [] },
});
const splat = (title: string): EventBody => ({
  ...{ type: 'splat', job },
  splat: { title, kind: 'WARNING', from: 0, to: 1, text: '', during: [] },
});
const up = end('boot', 'PASS');
const done = end('suite', 'PASS');

const test1: Predicate = { kind: 'test', path, errorIsBad: false };
const orError: Predicate = { kind: 'test', path, errorIsBad: true };
const caseOf: Predicate = { kind: 'test', path: [...path, 'twice'], errorIsBad: false };
const report: Predicate = { kind: 'splat', title: 'WARNING in f' };
const boots: Predicate = { kind: 'boot' };
const slow: Predicate = { kind: 'timing', path, maxMs: 100 };
const cmd: Predicate = { kind: 'cmd', suite: 'devdax', command: 'maps' };

test.each([
  ['it passes', test1, [up, point('PASS'), done], 'good'],
  ['it fails', test1, [up, point('FAIL'), done], 'bad'],
  [
    'a case of it fails',
    test1,
    [up, point('PASS', 1, 'once'), point('FAIL', 1, 'twice'), done],
    'bad',
  ],
  [
    'a case of it fails, and then it is killed',
    test1,
    [up, point('FAIL', 1, 'once'), point('ERROR'), done],
    'bad',
  ],
  [
    'another case fails',
    caseOf,
    [up, point('FAIL', 1, 'once'), point('PASS', 1, 'twice'), done],
    'good',
  ],
  ['it was skipped', test1, [up, point('SKIP'), done], 'skip'],
  ['it was killed', test1, [up, point('ERROR'), done], 'skip'],
  ['it was killed, which is bad', orError, [up, point('ERROR'), done], 'bad'],
  [
    'its program does not compile',
    orError,
    [point('ERROR'), end('suite', 'ERROR', 'x', 'test')],
    'skip',
  ],
  ['it passes beside a kernel report', test1, [up, point('PASS'), done, splat('BUG')], 'good'],
  [
    'the kernel crashed in it',
    test1,
    [up, point('FAIL'), end('suite', 'FAIL', 'guest-crashed')],
    'bad',
  ],
  [
    'the connection was lost in it',
    orError,
    [up, point('ERROR'), end('suite', 'ERROR', 'connection-lost', 'lab')],
    'infra',
  ],
  ['the kernel does not build', test1, [end('build', 'FAIL')], 'skip'],
  ['the disk is full', test1, [end('build', 'MISS', 'disk-full', 'lab')], 'infra'],
  ['the kernel does not boot', test1, [end('boot', 'FAIL', 'boot-panic')], 'skip'],
  ['QEMU died', test1, [end('boot', 'MISS', 'qemu-died', 'lab')], 'infra'],
  ['no device appeared', test1, [up, end('probe', 'MISS', 'device-absent', 'lab')], 'skip'],
  ['nothing was run', test1, [], 'infra'],
  ['the report came', report, [up, point('PASS'), done, splat('WARNING in f')], 'bad'],
  ['another report came', report, [up, point('FAIL'), done, splat('WARNING in g')], 'good'],
  ['the report came in boot', report, [end('boot', 'FAIL'), splat('WARNING in f')], 'bad'],
  ['another came in boot', report, [end('boot', 'FAIL'), splat('WARNING in g')], 'skip'],
  ['no report, but not all ran', report, [up, done], 'infra'],
  ['a panic in boot is asked for', boots, [end('boot', 'FAIL', 'boot-panic')], 'bad'],
  ['it boots', boots, [up, point('FAIL'), done], 'good'],
  ['QEMU dies and a panic is asked for', boots, [end('boot', 'MISS', 'qemu-died', 'lab')], 'infra'],
  ['it is slow', slow, [up, point('PASS', 60, 'once'), point('PASS', 60, 'twice'), done], 'bad'],
  ['it is quick', slow, [up, point('PASS', 60), done], 'good'],
  ['it fails and time is asked for', slow, [up, point('FAIL', 500), done], 'skip'],
  ['a command that says nothing', cmd, [up, done], 'infra'],
] as [string, Predicate, EventBody[], string][])('%s', (_, predicate, events, outcome) => {
  expect(judge(predicate, result(...events))).toMatchObject({ outcome });
});

test('a command of the user', () => {
  const judged = (...points: [string, 'PASS' | 'FAIL' | 'SKIP'][]): string =>
    judge(
      { kind: 'cmd', suite: 'devdax', command: 'true\nfalse' },
      result(
        up,
        ...points.map(([name, status]): EventBody => ({
          ...{ type: 'test', job },
          point: { path: ['devdax', '$ true; false', name], status, diagnostics: [] },
        })),
        done,
      ),
    ).outcome;
  expect(judged(['exit code 0', 'PASS'])).toBe('good');
  expect(judged(['exit code 3', 'FAIL'])).toBe('bad');
  expect(judged(['exit code 125', 'SKIP'])).toBe('skip');
  // What it left behind is not what was asked.
  expect(judged(['exit code 0', 'PASS'], ['leaves nothing', 'FAIL'])).toBe('good');
});

test('a record that is cut or empty teaches nothing', () => {
  expect(judge(test1, fold([]))).toMatchObject({ outcome: 'infra' });
});
