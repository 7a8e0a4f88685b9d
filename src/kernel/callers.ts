// Compiles single files that the tested configuration leaves out, in an object folder of their own, with nearly everything
// configured as a module. Objects only: nothing is linked.
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { exists, readIfThere, writeAtomic } from '../util/files.ts';
import { lock } from '../util/lock.ts';
import { type KernelRequest, objectsDir } from './build.ts';
import { diagnose, type Diagnostic, formatDiagnostic } from './diagnostics.ts';
import { removeMade } from './made.ts';
import { type BuildPlace, make } from './make.ts';
import { buildObjects } from './objects.ts';
import { objectLines } from './warnings.ts';
import { toolchain } from './toolchain.ts';

export interface CallersRequest extends Pick<KernelRequest, 'tree' | 'checkOut'> {
  /** Names the object folder of the tested kernel; ours is beside it. */
  readonly objects: string;
  /** File → single target of make. */
  readonly targets: ReadonlyMap<string, string>;
}

/** File → why it does not compile; undefined if it does. */
export type CompileErrors = ReadonlyMap<string, string | undefined>;

/**
 * `allmodconfig`, but for what makes every compilation slower, and for what makes a warning an error: a warning is not
 * what is asked here.
 */
const fragment = [
  ...['WERROR', 'DRM_WERROR', 'DRM_AMDGPU_WERROR', 'DRM_I915_WERROR', 'DRM_XE_WERROR'],
  ...['KASAN', 'KCSAN', 'KMSAN', 'KCOV', 'GCOV_KERNEL', 'UBSAN', 'MODVERSIONS', 'FTRACE'],
  ...['GCC_PLUGINS', 'RUST'],
]
  .map((symbol) => `CONFIG_${symbol}=n\n`)
  .concat('CONFIG_DEBUG_INFO_NONE=y\n')
  .join('');

/** Bumped when the same request is to be compiled again. */
const recipe = 1;

/** Compiles the files, or remembers what came of it. Throws only what has nothing to do with them. */
export async function compileCallers(
  request: CallersRequest,
  ctx: Context,
): Promise<CompileErrors> {
  const files = [...request.targets].sort(([a], [b]) => (a < b ? -1 : 1));
  if (files.length === 0) return new Map();
  const parts = [recipe, request.tree, files, fragment, await toolchain(ctx)];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  const objects = objectsDir({ objects: `${request.objects}-callers` }, ctx);
  const note = join(objects, '.pgmap-callers', `${key}.json`);
  const read = async (): Promise<CompileErrors | undefined> => {
    const text = await readIfThere(note);
    if (text === undefined) return undefined;
    const known = JSON.parse(text) as [string, string | null][];
    return new Map(known.map(([file, error]) => [file, error ?? undefined]));
  };
  const known = await read();
  if (known !== undefined) return known;
  await using _ = await lock(`${objects}.lock`, 'compiling users of memremap_pages()', ctx);
  const meanwhile = await read();
  if (meanwhile !== undefined) return meanwhile;
  await using sources = await request.checkOut();
  const place = { sourceDir: sources.dir, objectDir: objects };
  // Before anything runs that could put a folder of its own there.
  await mkdir(dirname(note), { recursive: true });
  let errors: CompileErrors = new Map();
  const compileThem = async (): Promise<void> => {
    errors = await compileAll(place, request, ctx);
  };
  await buildObjects(objects, request.tree, compileThem, ctx);
  const list = [...errors].map(([file, error]) => [file, error ?? null]);
  await writeAtomic(note, JSON.stringify(list));
  return errors;
}

async function compileAll(
  place: BuildPlace,
  { tree, targets }: CallersRequest,
  ctx: Context,
): Promise<CompileErrors> {
  const log = join(place.objectDir, 'pgmap-callers.log');
  await writeAtomic(log, '');
  const stamp = join(place.objectDir, '.pgmap-callers-tree');
  if ((await readIfThere(stamp)) !== tree) {
    ctx.onProgress('configuring nearly everything, for users of memremap_pages()');
    const file = join(place.objectDir, '.pgmap-fragment');
    await writeAtomic(file, fragment);
    const variables = [`KCONFIG_ALLCONFIG=${file}`];
    const what = 'configuring nearly everything';
    await make(place, { targets: ['allmodconfig'], variables, log, what }, ctx);
    await writeAtomic(stamp, tree);
  }
  // An object that is left from before says nothing; ccache makes it again in no time if nothing has changed.
  for (const target of targets.values()) await removeMade(place.objectDir, target);
  const said = objectLines();
  let whole: string | undefined;
  try {
    const request = {
      targets: [...targets.values()],
      ...{ log, what: 'compiling users of memremap_pages()', progress: true },
      flags: ['-k'],
      onLine: said.line,
    };
    await make(place, request, ctx);
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'build-failed') throw error;
    whole = error.failure.title;
  }
  const there = new Set<string>();
  for (const target of targets.values())
    if (await exists(join(place.objectDir, target))) there.add(target);
  return new Map(
    [...targets].map(([file, target]): [string, string | undefined] => {
      if (there.has(target)) return [file, undefined];
      const own = diagnose(said.of(target).join('\n'), place.sourceDir).error;
      if (own !== undefined) return [file, reasonOf(own, file)];
      // Where make came to no object at all, what stopped it is the reason for each.
      const noRule = 'nearly everything configured, there is still no rule for it';
      return [file, there.size > 0 ? noRule : (whole ?? noRule)];
    }),
  );
}

/** Without the file's own name, which stands beside it. */
const reasonOf = (error: Diagnostic, file: string): string =>
  error.file !== undefined && error.line !== undefined && normalize(error.file) === file
    ? `line ${error.line}: ${error.text}`
    : formatDiagnostic(error);
