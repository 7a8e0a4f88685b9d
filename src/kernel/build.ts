// From a tree and fragments to a kernel in the cache. A kernel is kept under a key made of all that goes into it, so
// that the same input again builds nothing; the object folder stays, so that a changed tree builds only what changed.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { copyCheap, exists, fillFolder, readIfThere, writeAtomic } from '../util/files.ts';
import { lock } from '../util/lock.ts';
import { checkRequired, configure } from './configure.ts';
import { keepDebugModules } from './debug-modules.ts';
import { elfSections } from './elf.ts';
import { type Fragment, mergeFragments, parseConfig, type Symbols, type Unmet } from './kconfig.ts';
import { checkMade, isAttack, madeFile, removeMade } from './made.ts';
import { type BuildPlace, kernelRelease, make, makeVariables } from './make.ts';
import { buildObjects, objectsKey } from './objects.ts';
import { toolchain } from './toolchain.ts';
import { learn, parseWarnings, readWarnings, type Warnings } from './warnings.ts';

export interface KernelRequest {
  /** Object id of the tree that `checkOut` lays out. */
  readonly tree: string;
  /** Names the object folder: what is built there next builds on what was built before. */
  readonly objects: string;
  readonly fragments: readonly Fragment[];
  /** Symbols without which there is no point in the kernel; it is then not built. */
  readonly required?: readonly string[];
  /** Lays the sources out, and holds them; only called when something must be built. */
  checkOut(): Promise<AsyncDisposable & { readonly dir: string }>;
}

export interface Build {
  readonly key: string;
  readonly dir: string;
  /** `make kernelrelease`. */
  readonly release: string;
  /** bzImage. */
  readonly image: string;
  readonly configFile: string;
  /** Holds lib/modules/RELEASE. */
  readonly modulesDir: string;
  /** UAPI headers: the folder to give to -I. */
  readonly headersDir: string;
  /** Symbols without CONFIG_ → final value. */
  readonly config: Symbols;
  readonly unmet: readonly Unmet[];
  /** SHA-256 of the section .notes, as the kernel shows it in /sys/kernel/notes: it holds the build id. */
  readonly notes?: string;
  readonly cached: boolean;
}

interface Manifest {
  readonly release: string;
  readonly unmet: readonly Unmet[];
  readonly notes?: string;
  /** File → bytes: what a power cut left empty is no kernel. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** Bumped when what a cache entry holds changes. */
const layout = 6;

/** The key of a request, known without building anything. */
export async function kernelKey(request: KernelRequest, ctx: Context): Promise<string> {
  const parts = [
    layout,
    request.tree,
    mergeFragments(request.fragments).text,
    await toolchain(ctx),
    makeVariables,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/**
 * The kernel for a request, from the cache or built. Throws FailureError `series/build-failed` with the first
 * compiler error, `lab/option-not-taken`, or what make's surroundings failed with (`lab/…`).
 */
export async function ensureKernel(request: KernelRequest, ctx: Context): Promise<Build> {
  const key = await kernelKey(request, ctx);
  const dir = join(ctx.cacheDir, 'kernels', key);
  const cached = await readBuild(key, dir, true);
  if (cached !== undefined) {
    // Somebody may have asked for the same without requiring anything.
    checkRequired(request.required ?? [], cached.config, cached.unmet);
    return cached;
  }
  await withObjects(request, ctx, async (place) => {
    // Whoever held the lock may have built the same.
    if ((await readBuild(key, dir, true)) !== undefined) return;
    // What is there is not whole.
    await rm(dir, { recursive: true, force: true });
    await keep(dir, key, place, ctx);
  });
  const built = await readBuild(key, dir, false);
  if (built === undefined)
    throw new FailureError({
      blame: 'tool',
      code: 'bug',
      title: `the kernel in ${dir} is not whole`,
    });
  return built;
}

/**
 * The object folder of a request, locked and brought to exactly its state; a make that finds little to do if it was
 * near. For what is built against a kernel: modules of our own.
 */
export async function withObjects<T>(
  request: KernelRequest,
  ctx: Context,
  use: (place: BuildPlace) => Promise<T>,
): Promise<T> {
  const key = await kernelKey(request, ctx);
  const objectDir = objectsDir(request, ctx);
  await using _ = await lock(`${objectDir}.lock`, `building ${key.slice(0, 8)}`, ctx);
  await using sources = await request.checkOut();
  const place = { sourceDir: sources.dir, objectDir };
  try {
    if ((await objectsKey(objectDir)) !== key)
      await buildObjects(objectDir, key, () => compile(request, place, ctx), ctx);
    return await use(place);
  } catch (error) {
    // Nobody builds on what an attack has left.
    if (isAttack(error)) await rm(objectDir, { recursive: true, force: true });
    throw error;
  }
}

/** One folder for all trees and configurations of a source: kbuild finds what a change of either touches. */
export const objectsDir = (
  request: Pick<KernelRequest, 'objects'>,
  ctx: Pick<Context, 'cacheDir'>,
): string => join(ctx.cacheDir, 'objects', request.objects);

/** What is known of the warnings in an object folder. */
const warningsOf = (objectDir: string): string => join(objectDir, '.pgmap-warnings.json');

/**
 * The warnings of the sources that an object folder was last built from, successfully or not; those of a kernel in the
 * cache are in its folder, see {@link builtWarnings}.
 */
export const objectWarnings = async (
  request: Pick<KernelRequest, 'objects'>,
  ctx: Pick<Context, 'cacheDir'>,
): Promise<Warnings> => parseWarnings(await readIfThere(warningsOf(objectsDir(request, ctx))));

/** The warnings of a kernel in the cache; undefined for one that was kept before they were. */
export async function builtWarnings(build: Pick<Build, 'dir'>): Promise<Warnings | undefined> {
  const text = await readIfThere(join(build.dir, 'warnings.json'));
  return text === undefined ? undefined : parseWarnings(text);
}

/**
 * Compiles these objects of a kernel in the cache once more, to know what the compiler says of them, and keeps it with
 * the kernel.
 */
export async function learnWarnings(
  request: KernelRequest,
  build: Pick<Build, 'dir'>,
  objects: readonly string[],
  ctx: Context,
): Promise<Warnings> {
  return withObjects(request, ctx, async (place) => {
    const warnings = readWarnings(place.sourceDir);
    const there: string[] = [];
    for (const object of objects)
      if (await exists(join(place.objectDir, object))) there.push(object);
    const again = async (): Promise<void> => {
      for (const object of there) await removeMade(place.objectDir, object);
      const what = 'compiling once more';
      await make(place, { targets: there, log: logOf(place), what, onLine: warnings.line }, ctx);
    };
    if (there.length > 0)
      await buildObjects(place.objectDir, await kernelKey(request, ctx), again, ctx);
    const file = warningsOf(place.objectDir);
    const known = learn(parseWarnings(await readIfThere(file)), warnings.objects());
    await writeAtomic(file, JSON.stringify(known));
    await writeAtomic(join(build.dir, 'warnings.json'), JSON.stringify(known));
    return known;
  });
}

/** The whole output of the last makes in an object folder. */
const logOf = (place: BuildPlace): string => join(place.objectDir, 'pgmap-build.log');

async function compile(request: KernelRequest, place: BuildPlace, ctx: Context): Promise<void> {
  await writeAtomic(logOf(place), '');
  const file = warningsOf(place.objectDir);
  // Only who began a folder knows all that was said of what is in it.
  const fresh = !(await exists(join(place.objectDir, '.config')));
  const before = fresh ? { complete: true, objects: {} } : parseWarnings(await readIfThere(file));
  ctx.onProgress('configuring the kernel');
  const { unmet, symbols } = await configure(
    place,
    mergeFragments(request.fragments),
    logOf(place),
    ctx,
  );
  checkRequired(request.required ?? [], symbols, unmet);
  await writeAtomic(join(place.objectDir, '.pgmap-unmet.json'), JSON.stringify(unmet));
  const what = 'building the kernel';
  const warnings = readWarnings(place.sourceDir);
  // If we are killed on the way, objects will have been made that nobody listened to.
  await writeAtomic(file, JSON.stringify({ ...before, complete: false }));
  try {
    await make(
      place,
      {
        ...{ targets: ['bzImage', 'modules'], log: logOf(place), what, progress: true },
        onLine: warnings.line,
      },
      ctx,
    );
  } finally {
    await writeAtomic(file, JSON.stringify(learn(before, warnings.objects())));
  }
}

/** Copies what guests and suites need of a finished build into the cache, all of it or nothing. */
async function keep(dir: string, key: string, place: BuildPlace, ctx: Context): Promise<void> {
  const unmet: unknown = JSON.parse(
    await readFile(join(place.objectDir, '.pgmap-unmet.json'), 'utf8'),
  );
  const release = await kernelRelease(place, ctx);
  await fillFolder(dir, async (temporary) => {
    const to = (name: string): string => join(temporary, name);
    const install = async (target: string, folder: string, ...variables: string[]) => {
      await mkdir(folder);
      await make(
        place,
        {
          ...{ targets: [target], variables, writes: [folder] },
          ...{ log: logOf(place), what: `make ${target}` },
        },
        ctx,
      );
      await checkMade(folder);
    };
    ctx.onProgress('installing modules and headers');
    const [modules, headers] = [to('modules'), to('headers')];
    const strip = 'INSTALL_MOD_STRIP=1';
    await install('modules_install', modules, strip, `INSTALL_MOD_PATH=${modules}`);
    await install('headers_install', headers, `INSTALL_HDR_PATH=${headers}`);
    const take = async (name: string, as: string): Promise<void> =>
      copyCheap(await madeFile(place.objectDir, name), to(as));
    await take('arch/x86/boot/bzImage', 'bzImage');
    await take('vmlinux', 'vmlinux');
    await take('System.map', 'System.map');
    await take('.config', 'config');
    await keepDebugModules(place.objectDir, to('debug'));
    await copyCheap(logOf(place), to('build.log'));
    const warnings = warningsOf(place.objectDir);
    if (await exists(warnings)) await copyCheap(warnings, to('warnings.json'));
    const sizes: Record<string, number> = {};
    for (const name of ['bzImage', 'vmlinux', 'config']) sizes[name] = (await stat(to(name))).size;
    const notes = await notesOf(to('vmlinux'));
    await writeFile(to('manifest.json'), JSON.stringify({ key, release, unmet, notes, sizes }));
  });
}

/** Undefined for what has no such section: no kernel of Linux. */
async function notesOf(vmlinux: string): Promise<string | undefined> {
  const section = elfSections(await readFile(vmlinux))?.find(({ name }) => name === '.notes');
  if (section === undefined) return undefined;
  return createHash('sha256').update(section.data).digest('hex');
}

function parseManifest(text: string): Manifest | undefined {
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    return undefined;
  }
}

async function readBuild(key: string, dir: string, cached: boolean): Promise<Build | undefined> {
  const text = await readIfThere(join(dir, 'manifest.json'));
  if (text === undefined) return undefined;
  const manifest = parseManifest(text);
  if (manifest === undefined) return undefined;
  for (const [name, size] of Object.entries(manifest.sizes)) {
    const found = await stat(join(dir, name)).catch(() => undefined);
    if (found?.size !== size) return undefined;
  }
  // Last use, for `pgmap clean`.
  const now = new Date();
  await utimes(dir, now, now);
  return {
    key,
    dir,
    release: manifest.release,
    image: join(dir, 'bzImage'),
    configFile: join(dir, 'config'),
    modulesDir: join(dir, 'modules'),
    headersDir: join(dir, 'headers/include'),
    config: parseConfig(await readFile(join(dir, 'config'), 'utf8')),
    unmet: manifest.unmet,
    ...(manifest.notes === undefined ? {} : { notes: manifest.notes }),
    cached,
  };
}
