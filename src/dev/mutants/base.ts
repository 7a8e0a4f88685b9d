// The unmodified source first: a suite that is not green there proves nothing about mutants.
import type { RunResult } from '../../core/result.ts';

export interface BaseVerdict {
  readonly suite: string;
  readonly green: boolean;
  /** What was not green, in one line; '' if all was. */
  readonly why: string;
}

/** One verdict per suite that was to be run. A suite that makes no sense on this source (SKIP) is green. */
export function judgeBase(suites: readonly string[], result: RunResult): BaseVerdict[] {
  const step = result.steps.find(({ status }) => status !== 'PASS' && status !== 'SKIP');
  return suites.map((suite) => {
    const jobs = result.jobs.filter((job) => job.suite === suite);
    const bad = jobs.filter(({ status }) => status !== 'PASS' && status !== 'SKIP');
    const why =
      step !== undefined
        ? `${step.step}: ${step.failure?.title ?? step.status}`
        : jobs.length === 0
          ? 'it was not run'
          : bad.map((job) => `${job.id} is ${job.status}`).join(', ');
    return { suite, green: why === '', why };
  });
}
