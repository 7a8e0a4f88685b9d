// What one job of a run came to.
import type { Rate } from './change.ts';
import type { JobInfo, Splat, Step, TestPoint, TypeUse } from './event.ts';
import type { Failure } from './failure.ts';
import { nameIn, type Renamed } from './rename.ts';
import { type Status, worst } from './status.ts';

export interface StepResult {
  readonly step: Step;
  readonly status: Status;
  readonly ms: number;
  readonly note?: string;
  readonly failure?: Failure;
}

export interface JobResult {
  readonly id: string;
  readonly topology: string;
  readonly suite: string;
  /** The kernel's names of the memory types this job is for. */
  readonly types: readonly string[];
  readonly status: Status;
  /** QEMU's start to the first answered ssh command; absent if it never answered. */
  readonly bootMs?: number;
  readonly ms: number;
  readonly steps: readonly StepResult[];
  readonly tests: readonly TestPoint[];
  readonly splats: readonly Splat[];
  /** That of the worst step; the others are in `steps`. */
  readonly failure?: Failure;
  /** How many of its rounds were not green; absent if there was one. */
  readonly rounds?: Rate;
  readonly reproduce: string;
}

/** What the record has said of a job so far. */
export interface JobState {
  readonly info: JobInfo;
  readonly points: TestPoint[];
  readonly splats: Splat[];
  readonly steps: StepResult[];
  /** Steps that began and have not ended. */
  readonly open: Set<Step>;
  coverage: Readonly<Record<string, TypeUse>>;
  begun: number | undefined;
  ended: number | undefined;
  bootMs: number | undefined;
}

export const newJob = (info: JobInfo): JobState => ({
  info,
  points: [],
  splats: [],
  steps: [],
  open: new Set(),
  coverage: {},
  begun: undefined,
  ended: undefined,
  bootMs: undefined,
});

/** A job that the plan does not know: only a broken record has one. */
export const unannounced = (id: string): JobInfo => ({
  id,
  topology: 'unknown',
  suite: id,
  tests: [],
  types: [],
  reproduce: '',
});

/** With memory types as the tested tree names them. */
export function inTreeNames(job: JobState, renamed: Renamed): JobState {
  if (Object.keys(renamed).length === 0) return job;
  const coverage = Object.entries(job.coverage).map(([name, use]) => [nameIn(renamed, name), use]);
  return {
    ...job,
    info: { ...job.info, types: job.info.types.map((name) => nameIn(renamed, name)) },
    coverage: Object.fromEntries(coverage) as JobState['coverage'],
  };
}

/** `now`: the time of the record's last event; `closed`: the record has its end. */
export function jobResult(job: JobState, now: number, closed: boolean): JobResult {
  const tests = withMissing(job);
  const failed = job.steps.filter((step) => step.failure !== undefined);
  const failure = failed.find(
    (step) => step.status === worst(failed.map(({ status }) => status)),
  )?.failure;
  const members = tests.map(({ status }) => status);
  for (const step of job.steps)
    if (step.status !== 'PASS' && step.status !== 'SKIP') members.push(step.status);
  if (job.splats.some((splat) => splat.allowed === undefined)) members.push('FAIL');
  // In a cut record, only the end of the last step shows that nothing more was to come.
  const complete = closed || job.steps.some((step) => step.step === 'teardown');
  if (!complete || job.open.size > 0) members.push('MISS');
  return {
    id: job.info.id,
    topology: job.info.topology,
    suite: job.info.suite,
    types: job.info.types,
    status: worst(members),
    ...(job.bootMs === undefined ? {} : { bootMs: job.bootMs }),
    ms: job.begun === undefined ? 0 : (job.open.size > 0 ? now : (job.ended ?? now)) - job.begun,
    steps: job.steps,
    tests,
    splats: job.splats,
    ...(failure === undefined ? {} : { failure }),
    reproduce: job.info.reproduce,
  };
}

/**
 * Every declared test begins as MISS: one that left no point is listed as such. Where a step said why the whole job
 * makes no sense here (QEMU too old), they are skipped for that reason.
 */
function withMissing(job: JobState): TestPoint[] {
  const seen = new Set(job.points.map((point) => point.path[1] ?? ''));
  const skip = job.points.length === 0 && job.steps.find((step) => step.status === 'SKIP');
  const reason = skip ? (skip.failure?.title ?? skip.note) : undefined;
  const missing = job.info.tests
    .filter((test) => !seen.has(test))
    .map((test): TestPoint => {
      const path = [job.info.suite, test];
      return reason === undefined
        ? { path, status: 'MISS', diagnostics: ['never ran'] }
        : { path, status: 'SKIP', directive: { name: 'SKIP', reason }, diagnostics: [] };
    });
  return [...job.points, ...missing];
}
