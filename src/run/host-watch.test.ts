// What a job tells once the disk of the host was full, and when it was stopped.
import { expect, test } from 'vitest';
import type { EventBody } from '../core/event.ts';
import { FailureError } from '../core/failure.ts';
import { fold } from '../core/result.ts';
import { watchHost } from './host-watch.ts';

const job = 's@t';
const part: EventBody[] = [
  { type: 'step-begin', job, step: 'suite' },
  { type: 'test', job, point: { path: ['s', 'one'], status: 'PASS', diagnostics: [] } },
  { type: 'test', job, point: { path: ['s', 'two'], status: 'FAIL', diagnostics: ['bad'] } },
  { type: 'step-end', job, step: 'suite', status: 'FAIL' },
  { type: 'step-begin', job, step: 'teardown' },
  {
    type: 'splat',
    job,
    splat: { title: 'WARNING in x', kind: 'WARNING', from: 0, to: 1, text: 'x', during: [] },
  },
  { type: 'step-end', job, step: 'teardown', status: 'PASS' },
];

function told(fullFrom: number, signal = new AbortController().signal) {
  const events: EventBody[] = [];
  let at = 0;
  using watch = watchHost(
    '/run',
    signal,
    (event) => events.push(event),
    () => at > fullFrom,
  );
  for (at = 1; at <= part.length; at++) {
    const event = part[at - 1];
    if (event !== undefined) watch.emit(event);
  }
  const info = { id: job, topology: 't', suite: 's', tests: [], types: [], reproduce: '' };
  const run = {
    ...{ id: 'r', startedAt: '', argv: [], version: '', subject: '', jobs: [info] },
    host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
  };
  const record: EventBody[] = [
    { type: 'run-begin', run },
    ...events,
    { type: 'run-end', status: 'PASS' },
  ];
  return { events, result: fold(record.map((event) => ({ at: 0, ...event }))) };
}

test('while all is well, what is told is passed on as it is', () => {
  const { events, result } = told(Infinity);
  expect(events).toEqual(part);
  expect(result.status).toBe('FAIL');
});

test('from the moment at which the disk is full nothing is the fault of the kernel, and the job is not kept as done', () => {
  for (let from = 0; from < part.length; from++) {
    const { result } = told(from);
    const blamed = from >= 3;
    expect(result.status, String(from)).toBe(blamed ? 'FAIL' : 'MISS');
    const teardown = result.jobs[0]?.steps.find(({ step }) => step === 'teardown');
    expect(teardown, String(from)).toMatchObject({
      status: 'MISS',
      failure: { blame: 'lab', code: 'disk-full' },
    });
  }
  const { result } = told(1);
  expect(result.jobs[0]?.tests.map(({ status }) => status)).toEqual(['PASS', 'MISS']);
  expect(result.jobs[0]?.tests[1]?.diagnostics).toEqual([
    'the host ran short: No space left while writing /run',
    'bad',
  ]);
  expect(result.jobs[0]?.splats[0]?.allowed).toContain('the host ran short');
});

test('a job that was stopped is not finished, however far it came', () => {
  const stop = new AbortController();
  stop.abort(new FailureError({ blame: 'usage', code: 'interrupted', title: 'interrupted' }));
  const { events } = told(Infinity, stop.signal);
  expect(events.at(-1)).toMatchObject({
    ...{ step: 'teardown', status: 'MISS', failure: { code: 'interrupted' } },
  });
});
