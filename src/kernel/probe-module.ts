// pgmap_probe, our own kernel module, built against exactly the kernel that is tested.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { copyCheap, exists, fillFolder } from '../util/files.ts';
import { type KernelRequest, withObjects } from './build.ts';
import { make } from './make.ts';

/**
 * The built pgmap_probe.ko for a kernel, from the cache or built. `types` are the tree's enumerators: the module
 * counts by name. Throws FailureError `tool/probe-does-not-build`.
 */
export async function ensureProbeModule(
  request: KernelRequest,
  kernelKey: string,
  sourcesDir: string,
  types: readonly string[],
  ctx: Context,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([kernelKey, types]));
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
      await copyCheap(join(work, 'pgmap_probe.ko'), join(temporary, 'pgmap_probe.ko'));
    }),
  );
  return module;
}

/** `PGMAP_TYPES(X)`: one X(name) per enumerator, so that the module can print names instead of numbers. */
export const typesHeader = (types: readonly string[]): string =>
  `/* Generated from the enumerators of the tree's enum memory_type. */\n#define PGMAP_TYPES(X) ${types.map((type) => `X(${type})`).join(' ')}\n`;
