// Every kernel of a series built in order, in one object folder, with what the compiler says anew.
import { asFailure, type Failure } from '../core/failure.ts';
import { buildFailures, type PatchInfo } from '../core/patch.ts';
import type { PlannedJob } from '../core/plan.ts';
import { type BuiltPatch, endStep, said, type Series } from './each.ts';
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
import { probeModule } from '../run/guest-image.ts';
import { recall, replay } from '../run/job-memory.ts';
import type { Emit, ReadyKernel } from '../run/run-jobs.ts';
import { StepFailed } from '../run/steps.ts';
import { kernelRequest } from '../run/tested-kernel.ts';
import type { AppliedSeries, Patch } from '../tree/series.ts';
import { atCommit, type Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

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
