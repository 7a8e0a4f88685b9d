// pgmap_probe, our own kernel module, built against exactly the kernel that is tested.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { copyCheap, exists, fillFolder } from '../util/files.ts';
import { type KernelRequest, withObjects } from './build.ts';
import { madeFile } from './made.ts';
import { make } from './make.ts';

/** The tree's enumerators, by which the module counts, and those of them that are to be called otherwise. */
export interface ProbeTypes {
  readonly enumerators: readonly string[];
  /** What the module calls it → the enumerator. */
  readonly renamed: Readonly<Record<string, string>>;
}

/**
 * The built pgmap_probe.ko for a kernel, from the cache or built. Throws FailureError `tool/probe-does-not-build`.
 */
export async function ensureProbeModule(
  request: KernelRequest,
  kernelKey: string,
  sourcesDir: string,
  types: ProbeTypes,
  ctx: Context,
): Promise<string> {
  const names = Object.keys(types.renamed).length === 0 ? types.enumerators : types;
  const hash = createHash('sha256').update(JSON.stringify([kernelKey, names]));
  for (const name of (await readdir(sourcesDir)).toSorted())
    hash.update(name).update(await readFile(join(sourcesDir, name)));
  const dir = join(
    ctx.cacheDir,
    'kernels',
    `${kernelKey}-probe-${hash.digest('hex').slice(0, 16)}`,
  );
  const module = join(dir, 'pgmap_probe.ko');
  if (await exists(module)) return module;
  ctx.onProgress('building pgmap_probe');
  await withObjects(request, ctx, (place) =>
    fillFolder(dir, async (temporary) => {
      const work = join(place.objectDir, 'pgmap-probe');
      await rm(work, { recursive: true, force: true });
      await mkdir(work, { recursive: true });
      await cp(sourcesDir, work, { recursive: true });
      await writeFile(join(work, 'pgmap_types.h'), typesHeader(types));
      const log = join(temporary, 'build.log');
      const what = 'building pgmap_probe';
      try {
        await make(place, { targets: ['modules'], variables: [`M=${work}`], log, what }, ctx);
      } catch (error) {
        if (!(error instanceof FailureError) || error.failure.blame === 'lab') throw error;
        throw new FailureError(
          {
            ...error.failure,
            blame: 'tool',
            code: 'probe-does-not-build',
            hint: 'The memremap API of this tree is one that pgmap_probe does not know: coverage cannot be proved.',
          },
          { cause: error },
        );
      }
      await copyCheap(await madeFile(work, 'pgmap_probe.ko'), join(temporary, 'pgmap_probe.ko'));
    }),
  );
  return module;
}

/**
 * `PGMAP_TYPES(X)`: one X(name) per enumerator, so that the module can print names instead of numbers. A name that the
 * tree does not have is a macro for the one it has: `#name` in X still gives the name as it stands here.
 */
export function typesHeader({ enumerators, renamed }: ProbeTypes): string {
  const ours = new Map(Object.entries(renamed).map(([name, enumerator]) => [enumerator, name]));
  const macros = Object.entries(renamed).map(([name, to]) => `#define ${name} ${to}\n`);
  const list = enumerators.map((name) => `X(${ours.get(name) ?? name})`).join(' ');
  return `/* Generated from the enumerators of the tree's enum memory_type. */\n${macros.join('')}#define PGMAP_TYPES(X) ${list}\n`;
}
