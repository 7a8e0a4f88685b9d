// The one place that composes a run: source → series → kernel → image → jobs → what the series changed. Everything it learns
// becomes an event.
import { loadSuites, loadTopologies } from './config/load.ts';
import type { Event, EventBody } from './core/event.ts';
import { asFailure } from './core/failure.ts';
import { finishedJobs } from './core/finished.ts';
import { checkNames, leftForTheNight, type PlannedJob } from './core/plan.ts';
import { fold } from './core/result.ts';
import type { Status } from './core/status.ts';
import { buildEach, jobsLeft } from './series/build-each.ts';
import type { BuiltPatch } from './series/each.ts';
import { testEach } from './series/test-each.ts';
import { compareLayout, compileCallers } from './series/interface.ts';
import { type Inputs, runInputs } from './run/inputs.ts';
import { jobInfo } from './run/job-memory.ts';
import { judge } from './verdict/judge.ts';
import { planRun } from './run/plan-run.ts';
import type { Lab, RunPlace, RunRequest } from './run/request.ts';
import { asideUnfinished, type Done, exceptDone, mustBeSame, readAsked } from './run/resume.ts';
import type { Workshop } from './run/run-at.ts';
import { makeKernel, runJobs } from './run/run-jobs.ts';
import { StepFailed, stepper } from './run/steps.ts';
import { openSource, treeTypes } from './run/tested-kernel.ts';
import { type AppliedSeries, applySeries } from './tree/series.ts';
import type { Source } from './tree/source.ts';
import type { Context } from './util/context.ts';
import { withSandbox } from './util/sandbox-trial.ts';
import type { AccelChoice } from './vm/probe.ts';

/**
 * Does everything and tells everything as events, `run-end` excepted, whose status it returns: PASS unless the run was
 * cut short. Rejects only with what is wrong before there is a run: an unknown suite, a tree that is none.
 */
export async function runPipeline(
  request: RunRequest,
  place: RunPlace,
  lab: Lab,
  tell: (event: EventBody) => void,
  contextWith: (onProgress: (text: string) => void) => Context,
): Promise<Status> {
  const { resumed } = place;
  const record: Event[] = [...(resumed?.events ?? [])];
  const done = finishedJobs(record);
  const begun = performance.now() - (record.at(-1)?.at ?? 0);
  const emit = exceptDone((event) => {
    if (event.type !== 'line') record.push({ at: performance.now() - begun, ...event });
    tell(event);
  }, done);
  const bare = contextWith((text) => emit({ type: 'line', source: 'make', text }));
  const { ctx, info: sandbox } = await withSandbox(request.sandbox ?? 'auto', bare);
  const suites = await loadSuites(lab.projectDir, request.extraDir);
  const topologies = await loadTopologies(lab.projectDir, request.extraDir);
  checkNames(request.selection, { suites, topologies });
  const base = await openSource(request.source, ctx);
  const enumerators = await treeTypes(base, ctx);
  const catalogue = { suites, topologies, enumerators };
  const { jobs, notes } = await planRun(request, lab, catalogue, base, ctx);
  const inputs = await runInputs({ request, lab }, base, jobs, ctx);
  const more = await begin({ request, lab, place, base, jobs, inputs }, done, emit, ctx);
  emit({ type: 'sandbox', sandbox });
  const later = [...suites.values()].filter((suite) => leftForTheNight(suite, request.selection));
  if (later.length > 0)
    emit({
      type: 'note',
      text: `Left out, add --nightly: ${later.map((suite) => suite.name).join(', ')}`,
    });
  for (const text of [...more, ...notes]) emit({ type: 'note', text });
  const to = { step: stepper(emit), emit };
  let applied: AppliedSeries | undefined;
  let accel: AccelChoice | undefined;
  let built: readonly BuiltPatch[] = [];
  try {
    if (request.series.length > 0)
      applied = await to.step('apply', () => apply(base, request, emit, ctx));
    const kernelOf = {
      ...{ request, lab, dir: place.dir },
      source: applied?.source ?? base,
      base: applied?.baseSource ?? base,
    };
    // In order, so that the last one's objects are there for what follows.
    if (request.each === true && applied !== undefined)
      built = await buildEach({ request, lab, place, applied }, emit, ctx);
    const ready = await makeKernel(kernelOf, jobs, to, ctx);
    if (request.prebuilt === undefined) await compareLayout(kernelOf, emit, ctx);
    accel = ready?.accel;
    const { repeat = 1, untilFail = false } = request;
    if (ready !== undefined) {
      const left =
        applied === undefined || repeat > 1 || untilFail
          ? jobs
          : await jobsLeft(built, jobs, { ready, applied }, emit, ctx);
      await runJobs(ready, left, { count: repeat, untilFail, done }, emit, ctx);
    }
    if (request.callers === true) await compileCallers(kernelOf, emit, ctx);
  } catch (error) {
    if (!(error instanceof StepFailed)) return broken(error, emit);
  }
  try {
    // A series that does not apply has nothing that could be compared.
    if (isOver(ctx) || (request.series.length > 0 && applied === undefined))
      return ended(ctx, emit);
    const one = {
      ...{ request, lab, place, jobs, base: applied?.baseSource ?? base },
      ...(accel === undefined ? {} : { accel }),
      result: fold([...record, { at: 0, type: 'run-end', status: 'PASS' }]),
    };
    await judge({ ...one, ...(applied === undefined ? {} : { applied }) }, to, ctx);
    if (applied !== undefined && accel !== undefined && built.length > 0)
      await testEach(built, { ...one, applied }, emit, ctx);
  } catch (error) {
    if (!(error instanceof StepFailed)) return broken(error, emit);
  }
  return ended(ctx, emit);
}

interface Beginning extends Workshop {
  readonly base: Source;
  readonly jobs: readonly PlannedJob[];
  readonly inputs: Inputs;
}

/** Tells that the run begins, or that it goes on; gives notes on that. Rejects if it would be another run by now. */
async function begin(
  { request, lab, place, base, jobs, inputs }: Beginning,
  done: Done,
  emit: (event: EventBody) => void,
  ctx: Context,
): Promise<string[]> {
  const { id, startedAt, argv, cwd, resumed } = place;
  if (resumed !== undefined) {
    const applied =
      request.series.length === 0
        ? { source: base }
        : await applySeries(base, request.series, ctx).catch(() => undefined);
    const asked = readAsked(resumed.events, place.dir);
    const subject = { lab, inputs, jobs, source: applied?.source };
    const note = await mustBeSame(asked, resumed.events, subject, ctx);
    await asideUnfinished(place.dir, done);
    emit({ type: 'resume', startedAt: resumed.startedAt });
    return note === undefined ? [] : [note];
  }
  emit({
    type: 'run-begin',
    run: {
      ...{ id, startedAt, argv, version: lab.version },
      host: { cpus: lab.cpus, memoryBytes: lab.memoryBytes, accel: request.accel },
      ...{ subject: base.subject, jobs: jobs.map(jobInfo) },
      ...(cwd === undefined ? {} : { origin: { request, cwd, inputs } }),
    },
  });
  return [];
}

const isOver = ({ signal, deadline }: Context): boolean =>
  signal.aborted || deadline?.aborted === true;

/** A failed step has said so, and what is left of the run is MISS by itself. */
function ended(ctx: Context, emit: (event: EventBody) => void): Status {
  if (ctx.deadline?.aborted === true)
    emit({ type: 'note', text: `Stopped: ${asFailure(ctx.deadline.reason).title}` });
  return isOver(ctx) ? 'MISS' : 'PASS';
}

/** What is no failed step is a bug. */
function broken(error: unknown, emit: (event: EventBody) => void): Status {
  const failure = asFailure(error);
  emit({ type: 'step-begin', step: 'teardown' });
  emit({ type: 'step-end', step: 'teardown', status: 'MISS', failure });
  return 'MISS';
}

async function apply(
  base: Source,
  { series }: RunRequest,
  emit: (event: EventBody) => void,
  ctx: Context,
): Promise<{ value: AppliedSeries }> {
  const applied = await applySeries(base, series, ctx);
  const { baseFrom, baseSource, patches, title } = applied;
  emit({
    type: 'series',
    series: {
      ...{ title, patches: patches.length, base: applied.base, baseFrom },
      ...(baseSource.subject === base.subject ? {} : { subject: baseSource.subject }),
    },
  });
  for (const text of applied.notes) emit({ type: 'note', text });
  return { value: applied };
}
