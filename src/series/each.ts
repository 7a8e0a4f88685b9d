// A series patch by patch: every kernel built in order, in one object folder, with what the compiler says anew; and those
// whose code or data differs tried in guests.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { loadKnownFailures } from '../config/known.ts';
import { isWorse } from '../core/change.ts';
import { compare } from '../core/compare.ts';
import { coveringJobs } from '../core/cover.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import {
  buildFailures,
  type PatchInfo,
  patchName,
  type PatchTests,
  testFailures,
} from '../core/patch.ts';
import type { PlannedJob } from '../core/plan.ts';
import { fold, type RunResult } from '../core/result.ts';
import { type Status, worst } from '../core/status.ts';
import { probeModule } from '../run/guest-image.ts';
import { recall, replay } from '../run/job-memory.ts';
import type { Case } from '../verdict/judge.ts';
import {
  type Build,
  builtWarnings,
  ensureKernel,
  kernelKey,
  type KernelRequest,
  learnWarnings,
  objectWarnings,
} from '../kernel/build.ts';
import { imageIdentity } from '../kernel/image-identity.ts';
import { compareWarnings, type Warnings } from '../kernel/warnings.ts';
import { runAt, type Workshop } from '../run/run-at.ts';
import type { Emit, ReadyKernel } from '../run/run-jobs.ts';
import { StepFailed } from '../run/steps.ts';
import { readRecord } from '../store/run-folder.ts';
import { kernelRequest } from '../run/tested-kernel.ts';
import type { AppliedSeries, Patch } from '../tree/series.ts';
import { atCommit, type Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

/** A patch whose kernel was tried to build. */
export interface BuiltPatch {
  readonly info: PatchInfo;
  readonly source: Source;
  /** Of the image; absent if there is none. */
  readonly identity?: string;
}

export interface Series extends Workshop {
  readonly applied: AppliedSeries;
}

const nothingKnown: Warnings = { complete: false, objects: {} };

/**
 * Builds the base and then each patch, from the kernels in the cache where they are. Emits a `patch` event for each and
 * the step `each`, which FAILs if one does not build although what came before it did; then it goes on with the next.
 * Throws StepFailed for what has nothing to do with the patches.
 */
export async function buildEach(one: Series, emit: Emit, ctx: Context): Promise<BuiltPatch[]> {
  emit({ type: 'step-begin', step: 'each' });
  try {
    const built = await buildAll(one, emit, ctx);
    endStep(buildFailures(built.map(({ info }) => info)), emit);
    return built;
  } catch (error) {
    const failure = asFailure(error);
    emit({ type: 'step-end', step: 'each', status: 'MISS', failure });
    throw new StepFailed(failure.title, { cause: error });
  }
}

async function buildAll(one: Series, emit: Emit, ctx: Context): Promise<BuiltPatch[]> {
  const { applied, request, lab } = one;
  const base = applied.baseSource;
  const requestFor = (source: Source): Promise<KernelRequest> =>
    kernelRequest(request, lab, source, ctx);
  const baseRequest = await requestFor(base);
  const first = await tryBuild(baseRequest, said(ctx, 'the base'));
  let before = await baseWarnings(baseRequest, first, applied.patches, ctx);
  /** Image → the first that has it, 0 for the base. */
  const images = new Map<string, number>();
  let image = first.kernel === undefined ? undefined : await imageIdentity(first.kernel.dir);
  if (image !== undefined) images.set(image, 0);
  // Where the base does not build, patches are only to blame once one of them did.
  let sound = first.kernel !== undefined;
  const built: BuiltPatch[] = [];
  for (const patch of applied.patches) {
    const source = await atCommit(base, patch.after, ctx);
    const wanted = await requestFor(source);
    const loud = said(ctx, `patch ${patch.number}/${patch.of}`);
    const { kernel, failure } = await tryBuild(wanted, loud);
    const after =
      kernel === undefined
        ? await objectWarnings(wanted, ctx)
        : ((await builtWarnings(kernel)) ?? nothingKnown);
    const change = compareWarnings(before, after);
    const identity = kernel === undefined ? undefined : await imageIdentity(kernel.dir);
    const sameAs = identity === undefined ? undefined : images.get(identity);
    const info: PatchInfo = {
      ...named(patch),
      build: kernel !== undefined ? 'PASS' : sound ? 'FAIL' : 'MISS',
      ...(failure === undefined ? {} : { failure }),
      cached: kernel?.cached === true,
      newWarnings: change.added,
      fixedWarnings: change.fixed,
      otherWarnings: change.unknown,
      image:
        kernel === undefined
          ? 'none'
          : identity !== undefined && identity === image
            ? 'same'
            : 'changed',
      ...(sameAs === undefined ? {} : { sameAs }),
    };
    emit({ type: 'patch', patch: info });
    built.push({ info, source, ...(identity === undefined ? {} : { identity }) });
    if (kernel === undefined) continue;
    sound = true;
    before = after;
    image = identity;
    if (identity !== undefined && sameAs === undefined) images.set(identity, patch.number);
    // Now, while its objects are there; if it cannot be built, testing says so.
    if (sameAs === undefined || patch === applied.patches.at(-1))
      await probeModule({ build: { ...kernel, request: wanted }, source, base, lab }, loud).catch(
        () => ctx.signal.throwIfAborted(),
      );
  }
  return built;
}

const named = ({
  number,
  of,
  title,
  commit,
}: Patch): Pick<PatchInfo, 'number' | 'of' | 'title' | 'commit'> => ({
  ...{ number, of, title },
  ...(commit === undefined ? {} : { commit }),
});

/** A build that fails is an answer; all else is thrown. */
async function tryBuild(
  request: KernelRequest,
  ctx: Context,
): Promise<{ kernel?: Build; failure?: Failure }> {
  try {
    return { kernel: await ensureKernel(request, ctx) };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const failure = asFailure(error);
    if (failure.code !== 'build-failed') throw error;
    return { failure };
  }
}

/**
 * The warnings of the base. Where nobody listened when it was compiled, at least the files that the series changes are
 * compiled again, once, to know what is new in them.
 */
async function baseWarnings(
  request: KernelRequest,
  { kernel }: { kernel?: Build },
  patches: readonly Patch[],
  ctx: Context,
): Promise<Warnings> {
  if (kernel === undefined) return objectWarnings(request, ctx);
  const known = (await builtWarnings(kernel)) ?? nothingKnown;
  const objects = patches
    .flatMap((patch) => patch.files)
    .filter((file) => file.endsWith('.c') && !file.startsWith('tools/'))
    .map((file) => file.replace(/\.c$/, '.o'))
    .filter((object) => !Object.hasOwn(known.objects, object));
  if (known.complete || objects.length === 0) return known;
  return learnWarnings(request, kernel, [...new Set(objects)], said(ctx, 'warnings of the base'));
}

const said = (ctx: Context, what: string): Context => ({
  ...ctx,
  onProgress: (text) => ctx.onProgress(`${what}: ${text}`),
});

/** Tells what the step came to. */
function endStep(failure: Failure | undefined, emit: Emit): void {
  if (failure === undefined) emit({ type: 'step-end', step: 'each', status: 'PASS' });
  else
    emit({
      ...{ type: 'step-end', step: 'each', failure },
      status: failure.blame === 'series' ? 'FAIL' : 'MISS',
    });
}

/**
 * What still must run on the last patch. Where its kernel is that of the base, results that are kept of the base hold for
 * it: those are emitted as its own, and a note.
 */
export async function jobsLeft(
  built: readonly BuiltPatch[],
  jobs: readonly PlannedJob[],
  { ready, applied }: { readonly ready: ReadyKernel; readonly applied: AppliedSeries },
  emit: Emit,
  ctx: Context,
): Promise<readonly PlannedJob[]> {
  // Tests that the series changes make other jobs of the same kernel.
  if (built.at(-1)?.info.sameAs !== 0 || ready.guest.again.size > 0) return jobs;
  const { lab, request, accel } = ready;
  const base = applied.baseSource;
  const key = await kernelKey(await kernelRequest(request, lab, base, ctx), ctx);
  const kept = await recall(jobs, { lab, base, kernelKey: key, accel: accel.accel }, ctx);
  for (const one of kept.values()) for (const event of replay(one)) emit(event);
  if (kept.size > 0)
    emit({
      type: 'note',
      text: `The series leaves code and data of the kernel as they are: ${kept.size} of ${jobs.length} jobs were not run again, their results are those of the base.`,
    });
  return jobs.filter((job) => !kept.has(job));
}

/**
 * Runs jobs on the kernels between the base and the last patch that differ from what was tested: all jobs where the run
 * was narrowed down by hand, else one per memory type and those that came out otherwise at the end of the series than on
 * its base. The last patch is the run itself. Emits the patches again with their tests, and the step `each`, which FAILs
 * if something is worse than on the base, twice.
 */
export async function testEach(
  built: readonly BuiltPatch[],
  one: Case & Series,
  emit: Emit,
  ctx: Context,
): Promise<void> {
  emit({ type: 'step-begin', step: 'each' });
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
  endStep(testFailures(done) ?? notTested(done), emit);
}

const whole = (jobs: readonly unknown[]): string => `all ${jobs.length} jobs`;

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
