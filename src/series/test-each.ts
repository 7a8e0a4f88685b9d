// The kernels of a series tried in guests, each whose code or data differs from what was tested.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadKnownFailures } from '../config/known.ts';
import { isWorse } from '../core/change.ts';
import { compare } from '../core/compare.ts';
import { coveringJobs } from '../core/cover.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import { type PatchInfo, patchName, type PatchTests, testFailures } from '../core/patch.ts';
import type { PlannedJob } from '../core/plan.ts';
import { fold, type RunResult } from '../core/result.ts';
import { type Status, worst } from '../core/status.ts';
import { type BuiltPatch, endStep, said, type Series } from './each.ts';
import { runAt } from '../run/run-at.ts';
import type { Emit } from '../run/run-jobs.ts';
import { StepFailed } from '../run/steps.ts';
import { readRecord } from '../store/run-folder.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import type { Case } from '../verdict/judge.ts';

/**
 * Runs jobs on the kernels between the base and the last patch that differ from what was tested: all jobs where the run
 * was narrowed down by hand, else one per memory type and those that came out otherwise at the end of the series than on
 * its base. The last patch is the run itself. Emits the patches again with their tests, and the step `each`, which FAILs
 * if something is worse than on the base, twice. Throws StepFailed.
 */
export async function testEach(
  built: readonly BuiltPatch[],
  one: Case & Series,
  emit: Emit,
  ctx: Context,
): Promise<void> {
  emit({ type: 'step-begin', step: 'each' });
  try {
    const done = await testAll(built, one, emit, ctx);
    endStep(testFailures(done) ?? notTested(done), emit);
  } catch (error) {
    const failure = asFailure(error);
    emit({ type: 'step-end', step: 'each', status: 'MISS', failure });
    throw new StepFailed(failure.title, { cause: error });
  }
}

async function testAll(
  built: readonly BuiltPatch[],
  one: Case & Series,
  emit: Emit,
  ctx: Context,
): Promise<PatchInfo[]> {
  const last = built.at(-1);
  const old = await baseResult(one);
  const chosen = jobsBetween(one, old);
  /** Image → what was seen of it, and where. */
  const seen = new Map<string, { number: number; tests: PatchTests }>();
  const end = wholeRun(one.result);
  if (last?.identity !== undefined)
    seen.set(last.identity, { number: last.info.number, tests: end });
  const base = old === undefined ? (last?.info.sameAs === 0 ? end : undefined) : wholeRun(old);
  const done: PatchInfo[] = [];
  for (const { info, source, identity } of built) {
    ctx.signal.throwIfAborted();
    let tests: PatchTests | undefined;
    if (info.build === 'PASS' && identity !== undefined) {
      const known = seen.get(identity);
      if (info === last?.info) tests = end;
      else if (info.sameAs === 0) tests = base && { ...base, what: sameAs('the base') };
      else if (known !== undefined)
        tests = { ...known.tests, what: sameAs(`patch ${known.number}`) };
      else {
        tests = await testPatch(info, source, chosen, one, old, ctx);
        seen.set(identity, { number: info.number, tests });
      }
    }
    const told = { ...info, ...(tests === undefined ? {} : { tests }) };
    done.push(told);
    emit({ type: 'patch', patch: told });
  }
  return done;
}

const whole = ({ length }: readonly unknown[]): string =>
  length === 1 ? 'the only job' : `all ${length} jobs`;

const sameAs = (what: string): string => `as ${what}, the kernel is the same`;

const wholeRun = (result: RunResult): PatchTests => ({
  ...{ status: jobsStatus(result), jobs: statusesOf(result), worse: [] },
  what: whole(result.jobs),
});

async function testPatch(
  info: PatchInfo,
  source: Source,
  { jobs, what }: { readonly jobs: readonly PlannedJob[]; readonly what: string },
  one: Case & Series,
  old: RunResult | undefined,
  ctx: Context,
): Promise<PatchTests> {
  const folder = `patches/${info.number}`;
  const run = (narrowed: readonly PlannedJob[], dir: string, reuse: boolean): Promise<RunResult> =>
    runAt(
      {
        ...{ source, base: one.applied.baseSource, jobs: narrowed, reuse },
        dir: join(one.place.dir, dir),
        subject: patchName(info),
        ...(one.accel === undefined ? {} : { accel: one.accel }),
      },
      one,
      said(ctx, `patch ${info.number}/${info.of}`),
    );
  const known = await loadKnownFailures(one.lab.projectDir);
  const today = one.place.startedAt.slice(0, 10);
  const worseIn = (result: RunResult): { job: string; path: string }[] =>
    compare(old ?? one.result, result, { known, today, onlyPlanned: true })
      .changes.filter(isWorse)
      .map((change) => ({ job: change.job ?? '', path: change.path.join(' > ') }));
  const result = await run(jobs, folder, true);
  let worse = worseIn(result);
  // Once is an accident.
  const doubtful = jobs.filter((job) => worse.some((change) => change.job === job.id));
  if (doubtful.length > 0) {
    const again = worseIn(await run(doubtful, `${folder}-again`, false)).map(({ path }) => path);
    worse = worse.filter(({ job, path }) => job === '' || again.includes(path));
  }
  return {
    ...{ what, folder, status: jobsStatus(result), jobs: statusesOf(result) },
    worse: worse.map(({ path }) => path),
  };
}

/** What the base came to, if this run has asked. */
async function baseResult({ place }: Case): Promise<RunResult | undefined> {
  const dir = join(place.dir, 'base');
  const names = await readdir(dir).catch((): string[] => []);
  return names.includes('events.ndjson') ? fold(await readRecord(dir)) : undefined;
}

function jobsBetween(
  { jobs, request: { selection }, result }: Case,
  old: RunResult | undefined,
): { jobs: readonly PlannedJob[]; what: string } {
  const { suites, tests, topologies, types } = selection;
  const byHand = types.filter((type) => type !== 'auto');
  if ([suites, tests, topologies, byHand].some((list) => list.length > 0))
    return { jobs, what: whole(jobs) };
  const of = (run: RunResult | undefined, id: string) => run?.jobs.find((job) => job.id === id);
  const cover = coveringJobs(
    jobs.map(({ id, suite }) => ({ id, types: suite.types, ms: of(result, id)?.ms ?? 0 })),
  );
  const changed = jobs.filter(({ id }) => {
    const is = of(result, id)?.status;
    return old === undefined ? is !== 'PASS' && is !== 'SKIP' : is !== of(old, id)?.status;
  });
  const few = jobs.filter((job) => cover.includes(job.id) || changed.includes(job));
  const more = few.length - cover.length;
  const what = `${few.length} of ${jobs.length} jobs, one per memory type${more > 0 ? ` and ${more} that the series changes` : ''}`;
  return few.length === jobs.length ? { jobs, what: whole(jobs) } : { jobs: few, what };
}

const statusesOf = ({ jobs }: RunResult): { id: string; status: Status }[] =>
  jobs.map(({ id, status }) => ({ id, status }));

/** Of its jobs alone: the run itself has other things to say. */
const jobsStatus = ({ jobs }: RunResult): Status => worst(jobs.map(({ status }) => status));

function notTested(patches: readonly PatchInfo[]): Failure | undefined {
  const lost = patches.filter(
    ({ tests }) => tests?.folder !== undefined && ['MISS', 'ERROR'].includes(tests.status),
  );
  const first = lost[0];
  if (first === undefined) return undefined;
  return {
    blame: 'lab',
    code: 'patch-not-tested',
    title: `${patchName(first)} could not be tested in full: ${first.tests?.status ?? ''}`,
    hint: `See ${first.tests?.folder ?? ''}/ in the run's folder.`,
  };
}
