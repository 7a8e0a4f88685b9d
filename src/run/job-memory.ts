// Results of jobs that need not be run again, and which of them are worth to be kept.
import type { EventBody, JobInfo } from '../core/event.ts';
import type { PlannedJob } from '../core/plan.ts';
import { fold } from '../core/result.ts';
import { jobKeys } from './job-key.ts';
import type { Lab } from './request.ts';
import type { ReadyKernel } from './run-jobs.ts';
import { keepJob, type KeptJob, readJob } from '../store/job-cache.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import type { Accel } from '../vm/qemu-args.ts';

/** The jobs of which a result is kept, with it. */
export async function recall(
  jobs: readonly PlannedJob[],
  of: {
    readonly lab: Lab;
    readonly base: Source;
    readonly kernelKey: string;
    readonly accel: Accel;
  },
  ctx: Context,
): Promise<ReadonlyMap<PlannedJob, KeptJob>> {
  const keyOf = await jobKeys({ ...of, baseTree: of.base.tree }, ctx);
  const kept = new Map<PlannedJob, KeptJob>();
  for (const job of jobs) {
    const found = await readJob(ctx.cacheDir, await keyOf(job));
    if (found !== undefined) kept.set(job, found);
  }
  return kept;
}

/** Gives what keeps the result of a job, if it is worth it. */
export async function rememberJob(
  ready: ReadyKernel,
  ctx: Context,
): Promise<(job: PlannedJob, events: readonly EventBody[]) => Promise<void>> {
  const { build, base, lab, accel, kernel } = ready;
  // Nobody knows what a kernel is made of that was built elsewhere.
  if (build.request === undefined) return () => Promise.resolve();
  const surroundings = { lab, kernelKey: build.key, baseTree: base.tree, accel: accel.accel };
  const keyOf = await jobKeys(surroundings, ctx);
  return async (job, seen) => {
    if (ctx.signal.aborted || !isWorthKeeping(job, seen)) return;
    // Paths lead into this run's folder, which may go.
    const events = seen.filter(({ type }) => type !== 'line' && type !== 'artifact');
    await keepJob(ctx.cacheDir, await keyOf(job), { kernel, events });
  };
}

/** As events of a run that did not have to do it. */
export function* replay(kept: KeptJob): Iterable<EventBody> {
  for (const event of kept.events)
    yield event.type === 'step-end' ? { ...event, note: 'cached' } : event;
}

/** What `run-begin` says of a job. */
export const jobInfo = (job: PlannedJob): JobInfo => ({
  id: job.id,
  topology: job.topology.name,
  suite: job.suite.name,
  tests: job.tests.map((test) => test.name),
  types: job.suite.types,
  reproduce: job.reproduce,
});

/** A job that came to a verdict about the kernel and was followed to its end. */
function isWorthKeeping(job: PlannedJob, events: readonly EventBody[]): boolean {
  const run = {
    ...{ id: '', startedAt: '', argv: [], version: '', subject: '', jobs: [jobInfo(job)] },
    host: { cpus: 0, memoryBytes: 0, accel: '' },
  };
  const record: readonly EventBody[] = [
    { type: 'run-begin', run },
    ...events,
    { type: 'run-end', status: 'PASS' },
  ];
  const [result] = fold(record.map((event) => ({ at: 0, ...event }))).jobs;
  const ended = result?.steps.some(({ step, status }) => step === 'teardown' && status === 'PASS');
  return ended === true && ['PASS', 'FAIL', 'SKIP'].includes(result?.status ?? '');
}
