// The key of a job's result: everything that could make it come out differently, and nothing that needs a build.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRecipe } from '../config/load.ts';
import type { PlannedJob } from '../core/plan.ts';
import { suiteFolder } from '../core/suite.ts';
import { baseLayer } from '../image/initrd.ts';
import type { Lab } from './request.ts';
import type { Context } from '../util/context.ts';
import type { Accel } from '../vm/qemu-args.ts';
import { qemuFacts } from '../vm/probe.ts';

export interface JobSurroundings {
  readonly lab: Lab;
  /** @see kernelKey() */
  readonly kernelKey: string;
  /** Object id of the tree whose test programs of upstream's are used. */
  readonly baseTree: string;
  readonly accel: Accel;
}

/** Gives the key of a job: its kernel, topology, suite, tests, image, QEMU, accelerator, and this tool itself. */
export async function jobKeys(
  { lab, kernelKey, baseTree, accel }: JobSurroundings,
  ctx: Context,
): Promise<(job: PlannedJob) => Promise<string>> {
  const images = join(lab.projectDir, 'images');
  const [qemu, base, image, tool] = await Promise.all([
    qemuFacts(lab.qemu, ctx.signal),
    baseLayer(await loadRecipe(lab.projectDir), images, ctx),
    folderDigest(images),
    folderDigest(join(lab.projectDir, 'dist'), isTool),
  ]);
  const common = [kernelKey, baseTree, accel, qemu.version, base.key, image, tool, lab.version];
  return async ({ suite, topology, tests, variant }) =>
    digest([
      ...common,
      ...(variant === undefined ? [] : [JSON.stringify(variant)]),
      JSON.stringify(topology),
      suite.name,
      await folderDigest(suiteFolder(lab.projectDir, suite)),
      // Suites share sources: `../p2pdma/p2pmem.c`.
      ...(await Promise.all(
        shared(suite.programs.flatMap((one) => one.sources)).map((name) =>
          folderDigest(join(lab.projectDir, 'suites', name)),
        ),
      )),
      JSON.stringify(tests.map((test) => test.name)),
    ]);
}

/** Suites whose files a source is taken from. */
export const shared = (sources: readonly string[]): string[] =>
  [...new Set(sources.flatMap((source) => /^\.\.\/([^/]+)\//.exec(source)?.[1] ?? []))].sort();

/** Tests of the tool and what makes them cannot change what a guest does. */
export const isTool = (path: string): boolean =>
  path.endsWith('.js') && !path.endsWith('.test.js') && !/^(testing|dev|e2e|report)\//.test(path);

/** Of names, contents and whether they may be run, of all files below a folder. */
export async function folderDigest(
  dir: string,
  wanted: (path: string) => boolean = () => true,
): Promise<string> {
  const paths = (await readdir(dir, { recursive: true })).filter(wanted).sort();
  const hash = createHash('sha256');
  for (const path of paths) {
    const info = await stat(join(dir, path));
    if (!info.isFile()) continue;
    const text = await readFile(join(dir, path));
    // A script that may not be run is another one.
    hash.update(`${path}\0${info.mode & 0o111}\0${text.length}\0`).update(text);
  }
  return hash.digest('hex');
}

const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
