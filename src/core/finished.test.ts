// What of a record counts when a run goes on: by table, and for a record cut at every event.
import { expect, test } from 'vitest';
import type { Event, EventBody, JobInfo } from './event.ts';
import { finishedJobs } from './finished.ts';
import { fold } from './result.ts';
import type { Status } from './status.ts';

const infos = ['a@t', 'b@t'].map((id): JobInfo => {
  const suite = id.slice(0, 1);
  return { id, topology: 't', suite, tests: ['one'], types: [], reproduce: '' };
});
const begin: EventBody = {
  type: 'run-begin',
  run: {
    ...{ id: 'r', startedAt: '', argv: [], version: '', subject: '', jobs: infos },
    host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
  },
};
const end: EventBody = { type: 'run-end', status: 'PASS' };
const resume: EventBody = { type: 'resume', startedAt: '2026-01-02T03:04:05.000Z' };
const build: EventBody[] = [
  { type: 'step-begin', step: 'build' },
  { type: 'step-end', step: 'build', status: 'PASS' },
];
const job = (id: string, status: Status, boot: Status = 'PASS'): EventBody[] => [
  { type: 'step-begin', job: id, step: 'boot' },
  { type: 'step-end', job: id, step: 'boot', status: boot },
  { type: 'test', job: id, point: { path: [id.slice(0, 1), 'one'], status, diagnostics: [] } },
  { type: 'step-begin', job: id, step: 'teardown' },
  { type: 'step-end', job: id, step: 'teardown', status: 'PASS' },
];
const stamped = (bodies: readonly EventBody[]): Event[] =>
  bodies.map((body, at): Event => ({ at, ...body }));
const brief = (bodies: readonly EventBody[]) => {
  const { status, jobs, steps } = fold(stamped(bodies));
  return {
    status,
    jobs: jobs.map((one) => [one.id, one.status, one.tests.map((point) => point.status)]),
    steps: steps.map(({ step }) => step),
  };
};

test('a finished job came to its teardown, and the lab did not lose it', () => {
  const half = job('a@t', 'FAIL').slice(0, -1);
  expect([...finishedJobs(stamped([begin, ...job('a@t', 'FAIL')]))]).toEqual([
    ['a@t', { failed: true }],
  ]);
  expect([...finishedJobs(stamped([begin, ...half])).keys()]).toEqual([]);
  expect([...finishedJobs(stamped([begin, ...job('a@t', 'PASS', 'MISS')])).keys()]).toEqual([]);
  expect([...finishedJobs(stamped([begin, ...job('b@t~2', 'PASS')]))]).toEqual([
    ['b@t~2', { failed: false }],
  ]);
});

test('a run cut at any event and resumed comes out as one that was not cut', () => {
  const part: EventBody[] = [begin, ...build, ...job('a@t', 'FAIL'), ...job('b@t', 'PASS'), end];
  const whole = brief(part);
  for (let cut = 1; cut < part.length; cut++) {
    const first = part.slice(0, cut);
    const done = finishedJobs(stamped(first));
    const rest = part.slice(1).filter((event) => !('job' in event) || !done.has(event.job ?? ''));
    expect(brief([...first, resume, ...rest]), String(cut)).toEqual(whole);
    // Nor when it is cut twice.
    const second = [...first, resume, ...rest.slice(0, 3)];
    const later = finishedJobs(stamped(second));
    const more = part.slice(1).filter((event) => !('job' in event) || !later.has(event.job ?? ''));
    expect(brief([...second, resume, ...more]), `${cut} twice`).toEqual(whole);
  }
});

test('what a half job told is gone, and until it has run again it is MISS', () => {
  const half = job('b@t', 'FAIL').slice(0, 3);
  const cut = [begin, ...job('a@t', 'PASS'), ...half, resume, end];
  expect(brief(cut)).toMatchObject({
    status: 'MISS',
    jobs: [
      ['a@t', 'PASS', ['PASS']],
      ['b@t', 'MISS', ['MISS']],
    ],
  });
});

test('the report says so, and time that was spent counts', () => {
  const result = fold(
    stamped([begin, ...build, ...job('a@t', 'PASS'), resume, ...build, ...job('b@t', 'PASS'), end]),
  );
  expect(result.notes).toEqual([
    'The run was cut short after 1 of 2 jobs, and went on at 2026-01-02T03:04:05.000Z.',
  ]);
  expect(result.timing.buildMs).toBe(2);
  expect(result.interrupted).toBeUndefined();
});

test('notes are told once, and none is lost', () => {
  const note = (text: string): EventBody => ({ type: 'note', text });
  const part = [begin, note('of both'), ...job('a@t', 'PASS'), note('of a'), resume];
  const { notes } = fold(stamped([...part, note('of both'), note('of b'), end]));
  expect(notes.slice(1)).toEqual(['of both', 'of a', 'of b']);
});

test('an end that was an interruption is none after a resume', () => {
  const stopped: EventBody = { type: 'run-end', status: 'MISS', interrupted: true };
  const part = [begin, ...job('a@t', 'PASS'), stopped, resume];
  expect(fold(stamped(part))).toMatchObject({ status: 'MISS', interrupted: true });
  expect(brief([...part, ...job('b@t', 'PASS'), end]).status).toBe('PASS');
});
