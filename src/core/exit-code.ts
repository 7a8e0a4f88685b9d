// The exit code of a run, fit for `git bisect run`.
import { isLost, isWorse } from './change.ts';
import { observations, samePath } from './observe.ts';
import type { RunResult } from './result.ts';
import { tally } from './status.ts';

export const exitCodes = {
  good: 0,
  bad: 1,
  /** git bisect run: skip this commit. */
  cannotJudge: 125,
  interrupted: 130,
  /** Usage or host: git bisect run stops. */
  usage: 255,
} as const;

/**
 * 0 nothing FAILed that is not known, or nothing is worse than the baseline, and something PASSed · 1 a FAIL, or worse than the
 * baseline · 125 this kernel cannot be judged: a plain tree, or a series and its base, do not build; only ERROR or MISS; what
 * passed on the baseline is now ERROR or MISS · 130 interrupted, or the record has no end · 255 nothing could be run, and
 * the command line or the host is at fault.
 */
export function exitCode(result: RunResult): number {
  const steps = [...result.steps, ...result.jobs.flatMap((job) => job.steps)];
  if (result.interrupted === true || steps.some((step) => step.failure?.code === 'interrupted'))
    return exitCodes.interrupted;
  const built = result.steps.every(
    (step) => step.status !== 'FAIL' || (step.step !== 'build' && step.step !== 'configure'),
  );
  if (!built && (result.series === undefined || result.baseline?.built === false))
    return exitCodes.cannotJudge;
  if (result.changes.some(isWorse) || hasBlame(result)) return exitCodes.bad;
  if (result.changes.some(isLost)) return exitCodes.cannotJudge;
  const count = tally(result.jobs.flatMap((job) => job.tests.map((point) => point.status)));
  if (count.PASS > 0) return exitCodes.good;
  const blames = steps
    // A guest that was lost in the middle says nothing of the host.
    .filter((step) => step.status !== 'SKIP' && step.failure?.code !== 'connection-lost')
    .map((step) => step.failure?.blame);
  return blames.includes('usage') || blames.includes('lab')
    ? exitCodes.usage
    : exitCodes.cannotJudge;
}

/** A FAIL that no change excuses: not known, not flaky. */
function hasBlame(result: RunResult): boolean {
  if (result.status !== 'FAIL') return false;
  const fails = observations(result).filter(({ status }) => status === 'FAIL');
  const excuses = result.changes.filter(({ kind }) => kind === 'known' || kind === 'flaky');
  return (
    fails.length === 0 ||
    fails.some(
      ({ job, path }) =>
        !excuses.some((change) => (change.job ?? '') === job && samePath(change.path, path)),
    )
  );
}
