// From a request to the kernel that is tested: the source, the series on it, the configuration, the build.
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { loadFragments, loadSuites, loadTopologies } from '../config/load.ts';
import { loadVariant } from '../config/variant.ts';
import { FailureError } from '../core/failure.ts';
import { type MemoryType, newTypes, type Renamed, treeNames } from '../core/rename.ts';
import { type Build, ensureKernel, type KernelRequest } from '../kernel/build.ts';
import { type Fragment, parseConfig } from '../kernel/kconfig.ts';
import { openPrebuilt } from '../kernel/prebuilt.ts';
import type { Lab, RunRequest, SourceRequest } from './request.ts';
import { openDistro } from '../tree/distro.ts';
import { memremapHeader, numberedTypes } from '../tree/enumerators.ts';
import { readAtCommit } from '../tree/read.ts';
import { applySeries } from '../tree/series.ts';
import { openTree, type Source } from '../tree/source.ts';
import { checkOut } from '../tree/worktree.ts';
import type { Context } from '../util/context.ts';

export const openSource = (request: SourceRequest, ctx: Context): Promise<Source> =>
  request.kind === 'tree'
    ? openTree(request.dir, request.base, ctx)
    : openDistro(request.version, ctx);

/** Enumerators of the tree's `enum memory_type`. */
export const treeTypes = async (source: Source, ctx: Context): Promise<string[]> =>
  (await numberedTreeTypes(source, ctx)).map((type) => type.name);

const numberedTreeTypes = async (source: Source, ctx: Context): Promise<MemoryType[]> =>
  numberedTypes((await readAtCommit(source, memremapHeader, ctx)) ?? '');

/** The types of the tested tree, against what suites call them and what its base has. */
export interface TypeNames {
  readonly enumerators: readonly string[];
  /** Name of the suites → name in the tree; only those that differ. */
  readonly renamed: Renamed;
  /** Those that the base does not have. */
  readonly added: readonly string[];
}

export async function typeNames(base: Source, source: Source, ctx: Context): Promise<TypeNames> {
  const tree = await numberedTreeTypes(source, ctx);
  const before = source.tree === base.tree ? tree : await numberedTreeTypes(base, ctx);
  return {
    enumerators: tree.map((type) => type.name),
    renamed: treeNames(before, tree),
    added: newTypes(before, tree),
  };
}

/** The kernel that is tested: built by us from `request`, or given. */
export interface TestedKernel {
  readonly release: string;
  readonly key: string;
  readonly image: string;
  readonly modulesDir?: string;
  /** Folder of UAPI headers for in-guest programs. */
  readonly headersDir: string;
  /** Absent for a kernel built elsewhere, whose configuration nobody knows. */
  readonly config?: Build['config'];
  readonly configFile?: string;
  /** Its folder in the cache, with vmlinux. */
  readonly dir?: string;
  readonly unmet: Build['unmet'];
  readonly notes?: Build['notes'];
  /** What it was built from, for building against it. */
  readonly request?: KernelRequest;
}

/** Up to the kernel in the cache. Throws FailureError. */
export async function buildKernel(
  request: RunRequest,
  lab: Lab,
  ctx: Context,
): Promise<{ build: Build & { request: KernelRequest }; source: Source; base: Source }> {
  const given = await openSource(request.source, ctx);
  const { source, baseSource: base } =
    request.series.length === 0
      ? { source: given, baseSource: given }
      : await applySeries(given, request.series, ctx);
  const kernel = await kernelRequest(request, lab, source, ctx);
  return { build: { ...(await ensureKernel(kernel, ctx)), request: kernel }, source, base };
}

export interface KernelStep {
  readonly value: { readonly build: TestedKernel; readonly tree: string };
  readonly note?: string;
}

export async function builtKernel(
  request: RunRequest,
  lab: Lab,
  source: Source,
  ctx: Context,
): Promise<KernelStep> {
  const kernel = await kernelRequest(request, lab, source, ctx);
  const build = await ensureKernel(kernel, ctx);
  return {
    value: { build: { ...build, request: kernel }, tree: source.tree },
    ...(build.cached ? { note: 'cached' } : {}),
  };
}

export async function givenKernel({
  image,
  modulesDir,
}: NonNullable<RunRequest['prebuilt']>): Promise<KernelStep> {
  const kernel = await openPrebuilt(resolve(image), modulesDir && resolve(modulesDir));
  const build = { ...kernel, headersDir: '/usr/include', unmet: [] };
  return { value: { build, tree: 'unknown' }, note: 'built elsewhere' };
}

/** Fragments that no suite or topology need ask for. */
const always = ['base', 'debug', 'injection', 'swap'];

/**
 * What to build. Every suite's and topology's fragments are in, not only the chosen ones': so that narrowing a run
 * down, to repeat one test of it, finds the same kernel in the cache.
 */
export async function kernelRequest(
  request: RunRequest,
  lab: Lab,
  source: Source,
  ctx: Context,
): Promise<KernelRequest> {
  const suites = await loadSuites(lab.projectDir);
  const topologies = await loadTopologies(lab.projectDir);
  const names = [...suites.values(), ...topologies.values()].flatMap((one) => one.config);
  const fragments: Fragment[] = await loadFragments(lab.projectDir, [
    ...always,
    ...names.toSorted(),
  ]);
  const variant = await loadVariant(lab.projectDir, request.variant);
  // After ours, so that it wins; before the user's, who has the last word.
  if (variant !== undefined)
    fragments.push({ name: `variant ${variant.name}`, text: variant.fragment });
  for (const file of request.configFiles) {
    const text = await readFile(resolve(file), 'utf8').catch((cause: unknown) => {
      throw new FailureError(
        { blame: 'usage', code: 'unreadable', title: `cannot read the fragment ${file}` },
        { cause },
      );
    });
    if (parseConfig(text).size === 0)
      throw new FailureError({
        blame: 'usage',
        code: 'bad-fragment',
        title: `${file} sets no symbol`,
        hint: 'A fragment has lines like CONFIG_KASAN=y.',
      });
    fragments.push({ name: basename(file), text });
  }
  return {
    tree: source.tree,
    // Own fragments get a folder of their own, so that a debug kernel and a plain one do not undo each other's objects.
    objects: [
      source.id,
      ...(variant === undefined ? [] : [variant.name]),
      ...request.configFiles.map((file) => basename(file, '.config')),
    ].join('-'),
    fragments,
    ...(variant === undefined ? {} : { required: variant.required }),
    checkOut: () => checkOut(source, ctx, slotOf(request)),
  };
}

/** Variants take long to build: nobody waits for another one's sources. */
export const slotOf = ({ variant = '0' }: Pick<RunRequest, 'variant'>): string => variant;
