// What a run says about a mutant: caught only if something FAILed. A lab that broke or a test that gave up catches nothing.
import type { JobResult } from '../../core/job-result.ts';
import type { RunResult } from '../../core/result.ts';
import type { Mutant } from './patch.ts';

/**
 * - caught: a job FAILed.
 * - missed: all was green.
 * - unclear: nothing FAILed, but not all is known: an ERROR, a MISS, a type that was never mapped.
 */
export type Outcome = 'caught' | 'missed' | 'unclear' | 'not applied' | 'not built';

/** One thing that gave it away, or for `unclear` got in the way. */
export interface Evidence {
  readonly kind: 'test' | 'splat' | 'hang' | 'crash' | 'other';
  /** Name of the job; '' for steps of the run. */
  readonly job: string;
  readonly what: string;
}

export interface Verdict {
  readonly outcome: Outcome;
  readonly by: readonly Evidence[];
  /** A suite for one of the mutant's types is among those that failed. Only of what was caught. */
  readonly rightType?: boolean;
  /** One of those is for no other type. */
  readonly exact?: boolean;
  /** Types for which a suite failed that is for none of the mutant's. */
  readonly otherTypes: readonly string[];
  readonly buildMs: number;
  /** From the end of the build on: image, boots and tests. */
  readonly testMs: number;
}

export function judge(mutant: Pick<Mutant, 'types'>, result: RunResult): Verdict {
  const { applyMs, buildMs, totalMs } = result.timing;
  const times = { buildMs, testMs: Math.max(0, totalMs - buildMs - applyMs) };
  const step = result.steps.find(({ status }) => status !== 'PASS' && status !== 'SKIP');
  if (step !== undefined) {
    const what = `${step.step}: ${step.failure?.title ?? step.status}`;
    const by: Evidence[] = [{ kind: 'other', job: '', what }];
    return { outcome: stepOutcome(step.step, step.status), by, otherTypes: [], ...times };
  }
  const failing = result.jobs.filter((job) => job.status === 'FAIL');
  if (failing.length === 0) {
    const green = result.status === 'PASS';
    const by = green ? [] : unclear(result);
    return { outcome: green ? 'missed' : 'unclear', by, otherTypes: [], ...times };
  }
  const isFor = (job: JobResult): boolean =>
    mutant.types.length === 0 || job.types.some((type) => mutant.types.includes(type));
  // The old name of the generic type is no further type.
  const isMeant = (type: string): boolean =>
    mutant.types.length === 0 || [...mutant.types, 'MEMORY_DEVICE_DEVDAX'].includes(type);
  return {
    outcome: 'caught',
    by: failing.flatMap(evidence),
    rightType: failing.some(isFor),
    exact: failing.some((job) => isFor(job) && job.types.every(isMeant)),
    otherTypes: [
      ...new Set(failing.filter((job) => !isFor(job)).flatMap((job) => job.types)),
    ].sort(),
    ...times,
  };
}

/** Two runs of one mutant with different suites as one. What was found weighs more than what is not known. */
export function together(a: Verdict, b: Verdict): Verdict {
  const order: readonly Outcome[] = ['not applied', 'not built', 'caught', 'unclear', 'missed'];
  const [first, second] = order.indexOf(a.outcome) <= order.indexOf(b.outcome) ? [a, b] : [b, a];
  const right = [a.rightType, b.rightType].filter((one) => one !== undefined);
  return {
    outcome: first.outcome,
    by: first.outcome === second.outcome ? [...a.by, ...b.by] : first.by,
    ...(right.length === 0 ? {} : { rightType: right.includes(true) }),
    ...(right.length === 0 ? {} : { exact: a.exact === true || b.exact === true }),
    otherTypes: [...new Set([...a.otherTypes, ...b.otherTypes])].sort(),
    buildMs: a.buildMs + b.buildMs,
    testMs: a.testMs + b.testMs,
  };
}

/** The verdict of a run that left no result. */
export const withoutResult = (why: string): Verdict => ({
  outcome: 'unclear',
  by: [{ kind: 'other', job: '', what: why }],
  otherTypes: [],
  buildMs: 0,
  testMs: 0,
});

function stepOutcome(step: string, status: string): Outcome {
  if (status !== 'FAIL') return 'unclear';
  return step === 'apply' ? 'not applied' : 'not built';
}

/** Hangs and crashes first: they explain what comes with them. */
function evidence(job: JobResult): Evidence[] {
  const found: Evidence[] = [];
  for (const step of job.steps)
    if (step.status === 'FAIL')
      found.push({
        kind: step.failure?.code === 'guest-crashed' ? 'crash' : 'other',
        job: job.id,
        what: step.failure?.title ?? `${step.step} failed`,
      });
  for (const { title, kind, allowed } of job.splats)
    if (allowed === undefined)
      found.push({ kind: kind === 'HUNG' ? 'hang' : 'splat', job: job.id, what: title });
  for (const { path, status, diagnostics } of job.tests)
    if (status === 'FAIL')
      found.push({
        kind: diagnostics[0]?.startsWith('stuck in the kernel') === true ? 'hang' : 'test',
        job: job.id,
        what: path.slice(1).join(' > ') || job.suite,
      });
  return found.sort((a, b) => rank(a) - rank(b));
}

const rank = ({ kind }: Evidence): number => ['hang', 'crash', 'splat', 'test'].indexOf(kind);

/** Why nothing is known although nothing failed. */
function unclear(result: RunResult): Evidence[] {
  const found = result.jobs.flatMap((job): Evidence[] => {
    if (job.status === 'PASS' || job.status === 'SKIP') return [];
    const test = job.tests.find(({ status }) => status === job.status);
    const why = job.failure?.title ?? test?.path.slice(1).join(' > ') ?? '';
    return [{ kind: 'other', job: job.id, what: `${job.status} ${why}`.trim() }];
  });
  for (const [type, { covered, status }] of Object.entries(result.types))
    if (!covered && status === 'MISS')
      found.push({ kind: 'other', job: '', what: `${type} was never mapped` });
  return found.length > 0
    ? found
    : [{ kind: 'other', job: '', what: `the run is ${result.status}` }];
}
