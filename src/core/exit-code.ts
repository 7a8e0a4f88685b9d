// The exit code of a run, fit for `git bisect run`.
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
 * 0 nothing FAILed and something PASSed · 1 a FAIL, or worse than the baseline · 125 this kernel cannot be judged, or a
 * plain tree that does not build · 130 interrupted, or the record has no end · 255 nothing could be run, and the command line or the
 * host is at fault.
 */
export function exitCode(result: RunResult): number {
  const steps = [...result.steps, ...result.jobs.flatMap((job) => job.steps)];
  if (result.interrupted === true || steps.some((step) => step.failure?.code === 'interrupted'))
    return exitCodes.interrupted;
  const built = result.steps.every(
    (step) => step.status !== 'FAIL' || (step.step !== 'build' && step.step !== 'configure'),
  );
  if (!built && result.series === undefined) return exitCodes.cannotJudge;
  if (result.status === 'FAIL') return exitCodes.bad;
  if (result.changes.some((change) => change.kind === 'regression')) return exitCodes.bad;
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
