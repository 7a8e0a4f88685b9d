// A run that was cut short goes on: what it was asked for, what of it counts, and whether it still is the same run.
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, EventBody, JobId, JobInfo, RunInfo } from '../core/event.ts';
import { type Failure, FailureError } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import { commandLine } from '../core/shell.ts';
import type { Status } from '../core/status.ts';
import { kernelKey } from '../kernel/build.ts';
import { compareInputs, type Inputs } from './inputs.ts';
import { jobInfo } from './job-memory.ts';
import type { Lab, RunRequest } from './request.ts';
import { readRecord } from '../store/run-folder.ts';
import { givenKernel, kernelRequest } from './tested-kernel.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { exists } from '../util/files.ts';

/** Finished jobs, and whether something in them FAILed. */
export type Done = ReadonlyMap<JobId, { readonly failed: boolean }>;

/** What a record says that was asked for. */
export interface Asked {
  readonly run: RunInfo;
  readonly request: RunRequest;
  readonly cwd: string;
}

/** The request in a record. Throws FailureError `usage/not-resumable`. */
export function readAsked(events: readonly Event[], dir: string): Asked {
  const begin = events.find((event) => event.type === 'run-begin');
  const { origin } = begin?.run ?? {};
  if (begin === undefined || origin === undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'not-resumable',
      title: `the record in ${dir} does not say what was asked for`,
      hint: 'It was cut off too early, or written by an older pgmap: run it again from the beginning.',
    });
  const request = origin.request as RunRequest & { readonly repeat?: number | null };
  // JSON has no Infinity.
  const repeat = request.repeat ?? (request.untilFail === true ? Infinity : 1);
  return { run: begin.run, request: { ...request, repeat }, cwd: origin.cwd };
}

/** Whether a run came to its end by itself. */
export function hasEnded(events: readonly Event[]): boolean {
  const end = events.findLast((event) => event.type === 'run-end' || event.type === 'resume');
  return end?.type === 'run-end' && end.interrupted !== true;
}

/** Whether it did, and lost nothing on the way for want of room, memory or a QEMU that lives. */
export function isWhole(events: readonly Event[]): boolean {
  const begin = events.findLastIndex(({ type }) => type === 'run-begin' || type === 'resume');
  const lost = events
    .slice(begin)
    // Asking for the wrong thing, or testing what does not build, comes to the same again.
    .some(
      (event) => event.type === 'step-end' && event.status === 'MISS' && !isFinal(event.failure),
    );
  return hasEnded(events) && !lost;
}

const isFinal = (failure: Failure | undefined): boolean =>
  failure?.blame === 'usage' || failure?.blame === 'series';

/** How a record ends. */
export const endOfRun = ({ aborted }: AbortSignal, status: Status): EventBody =>
  aborted ? { type: 'run-end', status: 'MISS', interrupted: true } : { type: 'run-end', status };

/** What finished jobs have told stands in the record already. */
export const exceptDone =
  (emit: (event: EventBody) => void, done: Done) =>
  (event: EventBody): void => {
    if ('job' in event && event.job !== undefined && done.has(event.job)) return;
    emit(event);
  };

/** What must be as it was when the run began. */
export interface Subject {
  readonly lab: Lab;
  readonly inputs: Inputs;
  readonly jobs: readonly PlannedJob[];
  /** The commit that is tested; undefined if its series does not apply. */
  readonly source: Source | undefined;
}

/**
 * Gives a line for the report about what has changed and may. Throws FailureError `usage/run-changed`: results of two
 * kernels, or of two versions of a suite, are not those of one run.
 */
export async function mustBeSame(
  { run, request }: Asked,
  events: readonly Event[],
  { lab, inputs, jobs, source }: Subject,
  ctx: Context,
): Promise<string | undefined> {
  const { tested, tools } = compareInputs(run.origin?.inputs ?? {}, inputs);
  const kernel = events.findLast((event) => event.type === 'kernel')?.kernel;
  if (tested.length === 0 && kernel !== undefined) {
    const key =
      request.prebuilt !== undefined
        ? (await givenKernel(request.prebuilt)).value.build.key
        : source && (await kernelKey(await kernelRequest(request, lab, source, ctx), ctx));
    if (key !== kernel.key)
      tested.push(
        source?.tree === kernel.tree || request.series.length === 0
          ? "the kernel's configuration or the compiler"
          : 'the series',
      );
  }
  if (tested.length === 0 && !samePlan(run.jobs, jobs.map(jobInfo))) tested.push('the plan');
  if (tested.length > 0)
    throw new FailureError({
      blame: 'usage',
      code: 'run-changed',
      title: `this would be another run, for since it began there has changed: ${tested.join(', ')}`,
      hint: `Begin again: ${commandLine(['npx', 'pgmap', ...run.argv])}`,
    });
  return tools.length === 0
    ? undefined
    : `Finished jobs were run with another ${tools.join(' and ')} than those after them.`;
}

const samePlan = (before: readonly JobInfo[], now: readonly JobInfo[]): boolean => {
  const lines = (jobs: readonly JobInfo[]): string =>
    JSON.stringify(jobs.map(({ id, tests }) => [id, ...tests].join('\0')).sort());
  return lines(before) === lines(now);
};

/**
 * What is there of a part of a run that has a record of its own: the base, a patch, a repetition. One of something else is
 * taken away.
 */
export async function recordedPart(
  dir: string,
  subject: string,
  jobs: readonly JobInfo[],
): Promise<{ readonly events: readonly Event[]; readonly ended: boolean } | undefined> {
  if (!(await exists(dir))) return undefined;
  const events = await readRecord(dir).catch((): Event[] => []);
  const run = events.find((event) => event.type === 'run-begin')?.run;
  if (run === undefined || run.subject !== subject || !samePlan(run.jobs, jobs)) {
    await rm(dir, { recursive: true, force: true });
    return undefined;
  }
  return { events, ended: isWhole(events) };
}

/**
 * Moves the folders of jobs that begin again out of the way: what a first part printed is none of the second's, but may
 * say why the host went down.
 */
export async function asideUnfinished(dir: string, done: Done): Promise<void> {
  const jobs = join(dir, 'jobs');
  for (const name of await readdir(jobs).catch((): string[] => [])) {
    if (done.has(name) || name.endsWith(cut)) continue;
    await rm(join(jobs, name, 'backing'), { recursive: true, force: true });
    await rm(join(jobs, name + cut), { recursive: true, force: true });
    await rename(join(jobs, name), join(jobs, name + cut));
  }
}

const cut = '.cut';
