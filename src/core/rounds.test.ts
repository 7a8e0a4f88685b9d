import { expect, test } from 'vitest';
import type { Event, EventBody, TestPoint } from './event.ts';
import { fold } from './result.ts';
import { roundId, roundOf } from './rounds.ts';
import type { Status } from './status.ts';

const begin: EventBody = {
  type: 'run-begin',
  run: {
    ...{ id: 'r', startedAt: '', argv: [], version: '', subject: '' },
    host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
    jobs: [{ id: 's@t', topology: 't', suite: 's', tests: ['one'], types: [], reproduce: 'again' }],
  },
};
const record = (bodies: readonly EventBody[]): Event[] =>
  bodies.map((body, at) => ({ at, ...body }));
const point = (name: string, status: Status, why = ''): TestPoint => ({
  ...{ path: ['s', 'one', name], status, diagnostics: why === '' ? [] : [why] },
});
const round = (number: number, ...points: readonly TestPoint[]): EventBody[] => {
  const job = roundId('s@t', number);
  return [
    { type: 'step-begin', job, step: 'boot' },
    { type: 'step-end', job, step: 'boot', status: 'PASS', ms: 100 * number },
    ...points.map((one): EventBody => ({ type: 'test', job, point: one })),
    { type: 'step-begin', job, step: 'teardown' },
    { type: 'step-end', job, step: 'teardown', status: 'PASS' },
  ];
};
const end: EventBody = { type: 'run-end', status: 'PASS' };

test.each([
  ['s@t', 1, 's@t'],
  ['s@t', 2, 's@t~2'],
  ['s@t', 120, 's@t~120'],
])('%s, round %i is %s, and back', (job, number, id) => {
  expect(roundId(job, number)).toBe(id);
  expect(roundOf(id)).toEqual({ job, round: number });
});

test.each(['s@t~', 's@t~0', 's@t~x', '~'])('%s is no round', (id) => {
  expect(roundOf(id)).toEqual({ job: id, round: 1 });
});

test('rounds are one job, as bad as the worst of them, with counts where they disagree', () => {
  const result = fold(
    record([
      begin,
      ...round(1, point('a', 'PASS'), point('b', 'FAIL', 'first'), point('c', 'FAIL')),
      ...round(2, point('a', 'PASS'), point('b', 'PASS'), point('c', 'FAIL')),
      ...round(3, point('a', 'PASS'), point('b', 'FAIL', 'third'), point('c', 'FAIL')),
      end,
    ]),
  );
  expect(result.status).toBe('FAIL');
  expect(result.jobs).toHaveLength(1);
  const [job] = result.jobs;
  expect(job).toMatchObject({ id: 's@t', status: 'FAIL', rounds: { bad: 3, of: 3 }, bootMs: 200 });
  expect(job?.tests).toEqual([
    point('a', 'PASS'),
    { ...point('b', 'FAIL', 'first'), rate: { bad: 2, of: 3 } },
    point('c', 'FAIL'),
  ]);
});

test('one that was announced and never ran is MISS, and so is a test that a round never came to', () => {
  const cut = fold(record([begin, ...round(1, point('a', 'PASS')), ...round(2).slice(0, 2)]));
  expect(cut.jobs[0]).toMatchObject({ status: 'MISS', rounds: { bad: 1, of: 2 } });
  expect(cut.jobs[0]?.tests.map(({ path, status }) => [path.join(), status])).toEqual([
    ['s,one,a', 'PASS'],
    ['s,one', 'MISS'],
  ]);
  expect(fold(record([begin, end])).jobs[0]).toMatchObject({ status: 'MISS' });
});

test('reports say of which round they are, and names that come twice in a round stay two', () => {
  const splat = { title: 'W', kind: 'WARNING', from: 0, to: 1, text: '', during: [] };
  const result = fold(
    record([
      begin,
      ...round(1, point('a', 'PASS'), point('a', 'PASS')),
      { type: 'splat', job: 's@t', splat },
      ...round(2, point('a', 'PASS'), point('a', 'FAIL')),
      { type: 'splat', job: 's@t~2', splat },
      end,
    ]),
  );
  const [job] = result.jobs;
  expect(job?.splats.map((one) => one.round)).toEqual([undefined, 2]);
  expect(job?.tests.map(({ status, rate }) => [status, rate])).toEqual([
    ['PASS', undefined],
    ['FAIL', { bad: 1, of: 2 }],
  ]);
});
