// One initramfs for all guests of a run: Debian's programs, the kernel's modules, our own, the suites, the keys.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRecipe } from '../config/load.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import { type Suite, suiteFolder } from '../core/suite.ts';
import { type GuestKeys, newGuestKeys } from '../guest/keys.ts';
import {
  baseLayer,
  keysLayer,
  libLayer,
  modulesLayer,
  probeLayer,
  suitesLayer,
  type SuitePayload,
  writeInitrd,
} from '../image/initrd.ts';
import { headersKey } from '../kernel/headers-key.ts';
import { ensureProbeModule } from '../kernel/probe-module.ts';
import { ensureOracle, ensurePrograms } from '../kernel/programs.ts';
import { ensureSuiteModules } from '../kernel/suite-modules.ts';
import type { Lab } from './request.ts';
import {
  changedSelftests,
  seriesPrograms,
  type SeriesPrograms,
  selftestsOf,
} from './series-tests.ts';
import { type TestedKernel, typeNames } from './tested-kernel.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

export interface ImageInputs {
  readonly build: TestedKernel;
  readonly source: Source;
  readonly base: Source;
  readonly suites: readonly Suite[];
  /** Folder for the image and the run's key. */
  readonly dir: string;
  readonly lab: Lab;
}

export interface GuestImage {
  readonly initrd: string;
  readonly keys: GuestKeys;
  /** Suite → programs of upstream's that the series changes, see withSeriesTests(). */
  readonly again: ReadonlyMap<string, SeriesPrograms['changed']>;
  /** Suite → why its programs do not compile: nothing of it can be run. */
  readonly broken: ReadonlyMap<string, Failure>;
}

/** One initramfs for all guests of the run, kept in its folder: `qemu.argv` boots from it by hand. */
export async function makeImage(inputs: ImageInputs, ctx: Context): Promise<GuestImage> {
  const { build, dir, lab } = inputs;
  const images = join(lab.projectDir, 'images');
  const base = await baseLayer(await loadRecipe(lab.projectDir), images, ctx);
  const layers: Buffer[] = [base.bytes];
  if (build.modulesDir !== undefined)
    layers.push((await modulesLayer(build.modulesDir, build.key, ctx)).bytes);
  const probe = await probeModule(inputs, ctx);
  if (probe !== undefined) layers.push(await probeLayer(probe, build.release));
  // A kernel of elsewhere comes with the host's headers: many, and nobody changes them.
  const headers = build.request === undefined ? build.key : await headersKey(build.headersDir, ctx);
  const ours = { headersDir: build.headersDir, key: headers };
  layers.push(await libLayer(await ensureOracle(join(images, 'oracle'), ours, ctx)));
  const { payloads, again, broken } = await suitePayloads(inputs, headers, ctx);
  const keys = newGuestKeys();
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'ssh_key'), keys.clientPrivate, { mode: 0o600 });
  const initrd = join(dir, 'initrd.cpio');
  await writeInitrd(initrd, [...layers, await suitesLayer(payloads), keysLayer(keys)]);
  return { initrd, keys, again, broken };
}

/**
 * pgmap_probe for the tested kernel, from the cache or built; none for a kernel that was built elsewhere. It speaks of
 * memory types by the names that suites know.
 */
export async function probeModule(
  { build, source, base, lab }: Pick<ImageInputs, 'build' | 'source' | 'base' | 'lab'>,
  ctx: Context,
): Promise<string | undefined> {
  if (build.request === undefined) return undefined;
  const names = await typeNames(base, source, ctx);
  const sources = join(lab.projectDir, 'images/probe');
  return ensureProbeModule(build.request, build.key, sources, names, ctx);
}

/** None for a kernel that was built elsewhere. */
const suiteModules = async (
  { kbuild, name }: Suite,
  { build, dir }: { readonly build: TestedKernel; readonly dir: string },
  ctx: Context,
): Promise<string | undefined> =>
  kbuild === undefined || build.request === undefined
    ? undefined
    : ensureSuiteModules(build.request, build.key, { name, sourcesDir: join(dir, kbuild) }, ctx);

/**
 * The chosen suites with their programs. Upstream's tests are built from the base tree, so that a patch cannot weaken
 * the test that would catch it; those that the series changes are built from its tree too, into a folder `series`.
 */
async function suitePayloads(
  { build, source, base, suites, lab }: ImageInputs,
  headers: string,
  ctx: Context,
): Promise<Pick<GuestImage, 'again' | 'broken'> & { payloads: SuitePayload[] }> {
  await using before = selftestsOf(base, ctx);
  await using after = selftestsOf(source, ctx);
  const changedFiles = await changedSelftests(base, source, ctx);
  const payloads: SuitePayload[] = [];
  const again = new Map<string, SeriesPrograms['changed']>();
  const broken = new Map<string, Failure>();
  for (const suite of suites) {
    const dir = suiteFolder(lab.projectDir, suite);
    const from = {
      suiteDir: dir,
      libDir: join(lab.projectDir, 'images/lib'),
      headersDir: build.headersDir,
      kernelKey: `${headers} ${base.tree}`,
      treeDir: before.dir,
    };
    try {
      const programs = await ensurePrograms(suite, from, ctx);
      const ofSeries = { ...from, kernelKey: `${headers} ${source.tree}`, treeDir: after.dir };
      const second = await seriesPrograms(suite, changedFiles, ofSeries, ctx);
      if (second.changed.size > 0) again.set(suite.name, second.changed);
      const modulesDir = await suiteModules(suite, { build, dir }, ctx);
      payloads.push({
        ...{ name: suite.name, dir },
        ...(modulesDir === undefined ? {} : { modulesDir }),
        ...(programs === undefined ? {} : { programsDir: programs.dir }),
        ...(second.dir === undefined ? {} : { seriesDir: second.dir }),
      });
    } catch (error) {
      const failure = asFailure(error);
      if (failure.blame !== 'test') throw error;
      broken.set(suite.name, failure);
    }
  }
  return { payloads, again, broken };
}
