// Kernel modules that a suite brings along, built against exactly the kernel that is tested.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { copyCheap, exists, fillFolder } from '../util/files.ts';
import { type KernelRequest, withObjects } from './build.ts';
import { madeFile } from './made.ts';
import { make } from './make.ts';

/**
 * A folder with the modules that the Kbuild in `sourcesDir` makes, from the cache or built. `name` is the suite's. Throws
 * FailureError `test/module-does-not-build`.
 */
export async function ensureSuiteModules(
  request: KernelRequest,
  kernelKey: string,
  { name, sourcesDir }: { readonly name: string; readonly sourcesDir: string },
  ctx: Context,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([kernelKey, name]));
  for (const file of (await readdir(sourcesDir)).toSorted())
    hash.update(file).update(await readFile(join(sourcesDir, file)));
  const digest = hash.digest('hex').slice(0, 16);
  const dir = join(ctx.cacheDir, 'kernels', `${kernelKey}-${name}-${digest}`);
  if (await exists(dir)) return dir;
  ctx.onProgress(`building the modules of ${name}`);
  await withObjects(request, ctx, (place) =>
    fillFolder(dir, async (temporary) => {
      const work = join(place.objectDir, `pgmap-${name}`);
      await rm(work, { recursive: true, force: true });
      await mkdir(work, { recursive: true });
      await cp(sourcesDir, work, { recursive: true });
      const log = join(temporary, 'build.log');
      const what = `building the modules of ${name}`;
      try {
        await make(place, { targets: ['modules'], variables: [`M=${work}`], log, what }, ctx);
      } catch (error) {
        if (!(error instanceof FailureError) || error.failure.blame === 'lab') throw error;
        const failure = { ...error.failure, blame: 'test', code: 'module-does-not-build' } as const;
        throw new FailureError(failure, { cause: error });
      }
      for (const file of await readdir(work))
        if (file.endsWith('.ko'))
          await copyCheap(await madeFile(work, file), join(temporary, file));
    }),
  );
  return dir;
}
