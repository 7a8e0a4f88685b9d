// The one place that composes a run: source → series → kernel → image → jobs → what the series changed. Everything it learns
// becomes an event.
import { loadSuites, loadTopologies } from './config/load.ts';
import type { Event, EventBody } from './core/event.ts';
import { asFailure } from './core/failure.ts';
import { checkNames, leftForTheNight } from './core/plan.ts';
import { fold } from './core/result.ts';
import type { Status } from './core/status.ts';
import { type BuiltPatch, buildEach, jobsLeft, testEach } from './series/each.ts';
import { compareLayout, compileCallers } from './series/interface.ts';
import { jobInfo } from './run/job-memory.ts';
import { judge } from './verdict/judge.ts';
import { planRun } from './run/plan-run.ts';
import type { Lab, RunPlace, RunRequest } from './run/request.ts';
import { makeKernel, runJobs } from './run/run-jobs.ts';
import { StepFailed, stepper } from './run/steps.ts';
import { openSource, treeTypes } from './run/tested-kernel.ts';
import { type AppliedSeries, applySeries } from './tree/series.ts';
import type { Source } from './tree/source.ts';
import type { Context } from './util/context.ts';
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
  const record: Event[] = [];
  const begun = performance.now();
  const emit = (event: EventBody): void => {
    if (event.type !== 'line') record.push({ at: performance.now() - begun, ...event });
    tell(event);
  };
  const ctx = contextWith((text) => emit({ type: 'line', source: 'make', text }));
  const suites = await loadSuites(lab.projectDir);
  const topologies = await loadTopologies(lab.projectDir);
  checkNames(request.selection, { suites, topologies });
  const base = await openSource(request.source, ctx);
  const enumerators = await treeTypes(base, ctx);
  const catalogue = { suites, topologies, enumerators };
  const { jobs, notes } = await planRun(request, lab, catalogue, base, ctx);
  emit({
    type: 'run-begin',
    run: {
      id: place.id,
      startedAt: place.startedAt,
      argv: place.argv,
      version: lab.version,
      host: { cpus: lab.cpus, memoryBytes: lab.memoryBytes, accel: request.accel },
      subject: base.subject,
      jobs: jobs.map(jobInfo),
    },
  });
  const later = [...suites.values()].filter((suite) => leftForTheNight(suite, request.selection));
  if (later.length > 0)
    emit({
      type: 'note',
      text: `Left out, add --nightly: ${later.map((suite) => suite.name).join(', ')}`,
    });
  for (const text of notes) emit({ type: 'note', text });
  const to = { step: stepper(emit), emit };
  let applied: AppliedSeries | undefined;
  let accel: AccelChoice | undefined;
  let built: readonly BuiltPatch[] = [];
  try {
    if (request.series.length > 0)
      applied = await to.step('apply', () => apply(base, request, emit, ctx));
    const inputs = {
      ...{ request, lab, dir: place.dir },
      source: applied?.source ?? base,
      base: applied?.baseSource ?? base,
    };
    // In order, so that the last one's objects are there for what follows.
    if (request.each === true && applied !== undefined)
      built = await buildEach({ request, lab, place, applied }, emit, ctx);
    const ready = await makeKernel(inputs, jobs, to, ctx);
    if (request.prebuilt === undefined) await compareLayout(inputs, emit, ctx);
    accel = ready?.accel;
    const { repeat = 1, untilFail = false } = request;
    if (ready !== undefined) {
      const left =
        applied === undefined || repeat > 1 || untilFail
          ? jobs
          : await jobsLeft(built, jobs, { ready, applied }, emit, ctx);
      await runJobs(ready, left, { count: repeat, untilFail }, emit, ctx);
    }
    if (request.callers === true) await compileCallers(inputs, emit, ctx);
  } catch (error) {
    if (!(error instanceof StepFailed)) return broken(error, emit);
  }
  try {
    // A series that does not apply has nothing that could be compared.
    if (ctx.signal.aborted || (request.series.length > 0 && applied === undefined))
      return statusOf(ctx);
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
  return statusOf(ctx);
}

/** A failed step has said so, and what is left of the run is MISS by itself. */
const statusOf = ({ signal }: Context): Status => (signal.aborted ? 'MISS' : 'PASS');

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
