// Everything that a run saw, as one flat list with addresses: tests, kernel reports, and steps that went wrong.
import type { Splat } from './event.ts';
import type { JobResult } from './job-result.ts';
import type { RunResult } from './result.ts';
import { type Status, worst } from './status.ts';

export interface Observation {
  /** `suite@topology`; '' for what concerns the whole run. */
  readonly job: string;
  readonly topology: string;
  readonly path: readonly string[];
  readonly status: Status;
  readonly splat?: Splat;
  /** Why it is what it is, in one line, where the run says so. */
  readonly why?: string;
}

/** Of steps only those that went wrong; reports that are allowed are left out. */
export const observations = (result: RunResult): Observation[] => [
  ...result.steps
    .filter((step) => isBad(step.status))
    .map(({ step, status, failure }): Observation => ({
      ...{ job: '', topology: '', path: ['run', `step ${step}`], status },
      ...(failure === undefined ? {} : { why: failure.title }),
    })),
  ...result.jobs.flatMap(observeJob),
];

/** One per address: of points with the same path the worst. */
export function observeJob(job: JobResult): Observation[] {
  const seen = new Map<string, Observation>();
  for (const one of allOf(job)) {
    const key = one.path.join('\0');
    const other = seen.get(key);
    if (other === undefined || worst([other.status, one.status]) !== other.status)
      seen.set(key, one);
  }
  return [...seen.values()];
}

function allOf(job: JobResult): Observation[] {
  const at = { job: job.id, topology: job.topology };
  const tests = job.tests.map((point): Observation => {
    const why = point.directive?.reason ?? point.diagnostics[0];
    const { path, status } = point;
    return { ...at, path, status, ...(why === undefined ? {} : { why }) };
  });
  const splats = job.splats
    .filter((splat) => splat.allowed === undefined)
    .map((splat): Observation => {
      const path = [job.suite, 'kernel reports', splat.title];
      return { ...at, path, status: 'FAIL', splat };
    });
  // A guest that crashed is told by the test that it crashed in.
  const told = tests.some(({ status }) => status === 'FAIL');
  const steps = job.steps
    .filter((step) => isBad(step.status) && !(step.step === 'suite' && told))
    .map(({ step, status, failure }): Observation => ({
      ...{ ...at, path: [job.suite, `step ${step}`], status },
      ...(failure === undefined ? {} : { why: failure.title }),
    }));
  return [...tests, ...splats, ...steps];
}

export const samePath = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && isBelow(a, b);

/** At or below. */
export const isBelow = (path: readonly string[], ancestor: readonly string[]): boolean =>
  ancestor.every((name, index) => path[index] === name);

/** Neither PASS nor SKIP. */
export const isBad = (status: Status): boolean => status !== 'PASS' && status !== 'SKIP';
