// What changed in the jobs of two runs: tests by their paths, kernel reports by their titles, steps such as boot.
import { type Change, type ChangeKind, isWorse } from './change.ts';
import { isBelow, type Observation, observeJob, samePath } from './observe.ts';
import type { JobResult } from './job-result.ts';
import type { RunResult } from './result.ts';
import { type Status, worst } from './status.ts';

/** `seen`: the observations of `now`. `onlyPlanned`: leave out what the new run never set out to do. */
export function jobChanges(
  old: RunResult,
  now: RunResult,
  seen: readonly Observation[],
  onlyPlanned: boolean,
): Change[] {
  const changes: Change[] = [];
  for (const job of now.jobs) {
    const before = old.jobs.find(({ id }) => id === job.id);
    const own = seen.filter((one) => one.job === job.id);
    if (before === undefined) {
      changes.push(...changeOf({ job: job.id, path: [job.suite] }, undefined, besidesFails(own)));
      for (const one of own)
        if (one.status === 'FAIL') changes.push(...changeOf(one, undefined, 'FAIL'));
      continue;
    }
    const found = whatIs(before, own);
    found.push(...whatWas(before, job, own, { found, onlyPlanned }));
    // Tests that had no chance need no line each: why they had none is told.
    const cause = found.some(
      (change) => isWorse(change) || change.path[1]?.startsWith('step ') === true,
    );
    changes.push(...found.filter((change) => !(cause && change.reason === neverRan)));
  }
  for (const job of onlyPlanned ? [] : old.jobs)
    if (!now.jobs.some(({ id }) => id === job.id))
      changes.push(...changeOf({ job: job.id, path: [job.suite] }, job.status, undefined));
  return changes;
}

/** What an address came to in a job: its own status, else that of its test; undefined if nobody knows. */
export function jobStatus(job: JobResult, path: readonly string[]): Status | undefined {
  const [, second = '', third] = path;
  const exact = job.tests.filter((point) => samePath(point.path, path));
  if (exact.length > 0) return worst(exact.map(({ status }) => status));
  if (second === 'kernel reports' && path.length === 3) {
    if (job.splats.some((one) => one.allowed === undefined && one.title === third)) return 'FAIL';
    const ranToItsEnd = ['boot', 'suite'].every((name) =>
      job.steps.some(({ step, status }) => step === name && status === 'PASS'),
    );
    return ranToItsEnd ? 'PASS' : undefined;
  }
  if (second.startsWith('step ') && path.length === 2) {
    const found = job.steps.filter(({ step }) => `step ${step}` === second);
    return found.length === 0 ? undefined : worst(found.map(({ status }) => status));
  }
  return groupOf(job, path) ?? groupOf(job, path.slice(0, 2));
}

type Maybe = Status | 'absent';

/** Was (down) and is (across). */
const table: Readonly<Record<Maybe, Readonly<Partial<Record<Maybe, ChangeKind>>>>> = {
  FAIL: { FAIL: 'known', ERROR: 'gone', MISS: 'gone', PASS: 'fix', SKIP: 'gone', absent: 'gone' },
  ERROR: { FAIL: 'new', PASS: 'new' },
  MISS: { FAIL: 'new', PASS: 'new' },
  PASS: { FAIL: 'regression', ERROR: 'gone', MISS: 'gone', SKIP: 'gone', absent: 'gone' },
  SKIP: { FAIL: 'new', ERROR: 'new', MISS: 'new', PASS: 'new' },
  absent: { FAIL: 'new', ERROR: 'new', MISS: 'new', PASS: 'new' },
};

/** Nothing, or the one change there is. */
export function changeOf(
  at: Pick<Change, 'job' | 'path'> & Pick<Observation, 'splat' | 'why'>,
  was: Status | undefined,
  is: Status | undefined,
): Change[] {
  const kind = table[was ?? 'absent'][is ?? 'absent'];
  if (kind === undefined) return [];
  const reason = kind === 'known' ? 'it FAILed before, too' : at.why;
  return [
    {
      path: at.path,
      kind,
      ...(was === undefined ? {} : { was }),
      ...(is === undefined ? {} : { is }),
      ...(at.job === undefined || at.job === '' ? {} : { job: at.job }),
      ...(at.splat === undefined ? {} : { during: at.splat.during }),
      ...(reason === undefined || is === 'PASS' ? {} : { reason: reason.slice(0, 500) }),
    },
  ];
}

/** Everything that the new run saw, held against the old one. */
function whatIs(before: JobResult, own: readonly Observation[]): Change[] {
  const changes: Change[] = [];
  const newTests = new Set<string>();
  for (const one of own) {
    const was = jobStatus(before, one.path);
    const found = changeOf(one, was, one.status);
    if (found[0]?.kind !== 'new' || one.status === 'FAIL') {
      changes.push(...found);
      continue;
    }
    // A test that is new has many cases: one line is enough.
    const path = one.path.slice(0, 2);
    const key = path.join('\0');
    if (newTests.has(key)) continue;
    newTests.add(key);
    const is = besidesFails(own.filter((other) => isBelow(other.path, path)));
    changes.push(...changeOf({ ...one, path }, was, is));
  }
  return changes;
}

/** What the old run saw and the new one has not. */
function whatWas(
  before: JobResult,
  job: JobResult,
  own: readonly Observation[],
  { found, onlyPlanned }: { readonly found: readonly Change[]; readonly onlyPlanned: boolean },
): Change[] {
  const changes: Change[] = [];
  const wholeTests = new Set<string>();
  const told = (test: readonly string[]): boolean =>
    found.some(({ is, path }) => is !== undefined && is !== 'PASS' && isBelow(path, test));
  for (const one of observeJob(before)) {
    if (own.some((other) => samePath(other.path, one.path))) continue;
    const at = { job: job.id, path: one.path };
    if (one.splat !== undefined || one.path[1]?.startsWith('step ') === true) {
      const is = jobStatus(job, one.path);
      // Where nothing is known, a report is not gone; that a lab works again is no news of the kernel.
      if (is !== undefined && one.status === 'FAIL') changes.push(...changeOf(at, one.status, is));
      continue;
    }
    const test = one.path.slice(0, 2);
    if (groupOf(job, test) !== undefined) {
      // Of its test, less remains; unless the test itself is told of already.
      if (!told(test)) changes.push(...changeOf(at, one.status, groupOf(job, one.path)));
    } else if (!onlyPlanned && !wholeTests.has(test.join('\0'))) {
      wholeTests.add(test.join('\0'));
      changes.push(...changeOf({ ...at, path: test }, groupOf(before, test), undefined));
    }
  }
  return changes;
}

/** The worst of what lies at or below a path. */
function groupOf(job: JobResult, path: readonly string[]): Status | undefined {
  const members = job.tests.filter((point) => isBelow(point.path, path));
  return members.length === 0 ? undefined : worst(members.map(({ status }) => status));
}

const besidesFails = (own: readonly Observation[]): Status =>
  worst(own.flatMap(({ status }) => (status === 'FAIL' ? [] : [status])));

/** The diagnostic of a test that left no point, @see result.ts */
const neverRan = 'never ran';
