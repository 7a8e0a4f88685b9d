// Some jobs on the kernel of one commit, as a run of its own in a folder: the base of a series, one of its patches, a repetition.
import { basename } from 'node:path';
import type { Event } from '../core/event.ts';
import { asFailure, FailureError } from '../core/failure.ts';
import { finishedJobs } from '../core/finished.ts';
import type { PlannedJob } from '../core/plan.ts';
import { fold, type RunResult } from '../core/result.ts';
import { jobInfo, recall, replay } from './job-memory.ts';
import { kernelKey } from '../kernel/build.ts';
import type { Lab, RunPlace, RunRequest } from './request.ts';
import { type Emit, makeKernel, runJobs } from './run-jobs.ts';
import { asideUnfinished, type Done, endOfRun, exceptDone, recordedPart } from './resume.ts';
import { StepFailed, stepper } from './steps.ts';
import { continueRecord, type Following, readRecord, startRecord } from '../store/run-folder.ts';
import type { KeptJob } from '../store/job-cache.ts';
import { kernelRequest } from './tested-kernel.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import type { AccelChoice } from '../vm/probe.ts';

export interface RunAt {
  /** The commit that is tested. */
  readonly source: Source;
  /** Whose test programs of upstream's are built in: the base of the series. */
  readonly base: Source;
  /** None: only the kernel is built. */
  readonly jobs: readonly PlannedJob[];
  /** New or empty; gets events.ndjson, kernel/ and jobs/. */
  readonly dir: string;
  /** What its record says was tested. */
  readonly subject: string;
  /** Take results of jobs that are kept from before, if nothing that goes into them has changed. */
  readonly reuse: boolean;
  /** How often each job is run; absent: once. */
  readonly repeat?: number;
  /** What the run chose, so that nothing has to be built to find out. */
  readonly accel?: AccelChoice;
}

/** What is the same for all commits of one `pgmap run`. */
export interface Workshop {
  readonly request: RunRequest;
  readonly lab: Lab;
  readonly place: RunPlace;
}

/**
 * Builds the kernel (or finds it), runs the jobs (or finds what they came to), and gives what that came to. In a run that
 * was cut short and goes on, a record that is whole is read, one that is not goes on, too. Rejects when interrupted, with
 * `usage/run-exists|out-not-empty|out-unusable`, or with `lab/disk-full` if the record cannot be written; a build that
 * fails is a step of the result. `ctx.onProgress` is told what goes on, a line at a time.
 */
export async function runAt(at: RunAt, shop: Workshop, context: Context): Promise<RunResult> {
  const { lab, place, request } = shop;
  const jobs = at.jobs.map(jobInfo);
  const before =
    place.resumed === undefined ? undefined : await recordedPart(at.dir, at.subject, jobs);
  if (before?.ended === true) return fold(before.events);
  const stop = new AbortController();
  const ctx = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  const follow: Following = {
    onEvent(event) {
      const text = progressOf(event);
      if (text !== undefined) ctx.onProgress(text);
    },
    onBroken: (failure) => stop.abort(new FailureError(failure)),
  };
  const { recorder, events } =
    before === undefined
      ? { recorder: await startRecord(at.dir, follow), events: [] }
      : await continueRecord(at.dir, follow);
  const done = finishedJobs(events);
  const emit = exceptDone(recorder.emit, done);
  if (before === undefined)
    emit({
      type: 'run-begin',
      run: {
        id: `${place.id}/${basename(at.dir)}`,
        startedAt: place.startedAt,
        argv: place.argv,
        version: lab.version,
        host: { cpus: lab.cpus, memoryBytes: lab.memoryBytes, accel: request.accel },
        ...{ subject: at.subject, jobs },
      },
    });
  else {
    await asideUnfinished(at.dir, done);
    emit({ type: 'resume', startedAt: place.resumed?.startedAt ?? '' });
  }
  const loud: Context = {
    ...ctx,
    onProgress: (text) => emit({ type: 'line', source: 'make', text }),
  };
  try {
    await work(at, shop, { emit, done }, loud);
  } catch (error) {
    if (!(error instanceof StepFailed)) {
      emit({ type: 'step-begin', step: 'teardown' });
      emit({ type: 'step-end', step: 'teardown', status: 'MISS', failure: asFailure(error) });
    }
  }
  emit(endOfRun(ctx.signal, 'PASS'));
  recorder.close();
  ctx.signal.throwIfAborted();
  return fold(await readRecord(at.dir));
}

async function work(
  at: RunAt,
  shop: Workshop,
  { emit, done }: Telling,
  ctx: Context,
): Promise<void> {
  const kept = at.reuse ? await keptJobs(at, shop, ctx) : new Map<PlannedJob, KeptJob>();
  const rest = at.jobs.filter((job) => !kept.has(job));
  const [first] = kept.values();
  if (rest.length > 0 || first === undefined) {
    const inputs = { ...shop, ...at };
    const ready = await makeKernel(inputs, rest, { step: stepper(emit), emit }, ctx, at.accel);
    if (ready !== undefined) {
      const rounds = { count: at.repeat ?? 1, untilFail: false };
      await runJobs(ready, rest, { ...rounds, done }, emit, ctx);
    }
  } else {
    emit(first.kernel);
    if (at.accel !== undefined) emit({ type: 'accel', ...at.accel });
  }
  for (const one of kept.values()) for (const event of replay(one)) emit(event);
}

interface Telling {
  readonly emit: Emit;
  readonly done: Done;
}

async function keptJobs(
  { source, base, jobs, accel }: RunAt,
  { request, lab }: Workshop,
  ctx: Context,
): Promise<ReadonlyMap<PlannedJob, KeptJob>> {
  const chosen = accel?.accel ?? request.accel;
  if (request.prebuilt !== undefined || chosen === 'auto' || jobs.length === 0) return new Map();
  const key = await kernelKey(await kernelRequest(request, lab, source, ctx), ctx);
  return recall(jobs, { lab, base, kernelKey: key, accel: chosen }, ctx);
}

/** What a view of the whole run can show of this part. */
function progressOf(event: Event): string | undefined {
  if (event.type === 'line') return event.text;
  if (event.type !== 'step-begin' || event.job === undefined) return undefined;
  return `${event.job}: ${event.step}`;
}
