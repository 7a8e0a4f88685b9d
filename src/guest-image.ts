// One initramfs for all guests of a run: Debian's programs, the kernel's modules, our own, the suites, the keys.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRecipe } from './config/load.ts';
import type { Suite } from './core/suite.ts';
import { type GuestKeys, newGuestKeys } from './guest/keys.ts';
import {
  baseLayer,
  keysLayer,
  libLayer,
  modulesLayer,
  probeLayer,
  suitesLayer,
  type SuitePayload,
  writeInitrd,
} from './image/initrd.ts';
import { ensureProbeModule } from './kernel/probe-module.ts';
import { ensureOracle, ensurePrograms } from './kernel/programs.ts';
import type { Lab } from './request.ts';
import { type TestedKernel, treeTypes } from './tested-kernel.ts';
import { extractAtCommit } from './tree/read.ts';
import type { Source } from './tree/source.ts';
import type { Context } from './util/context.ts';

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
}

/** One initramfs for all guests of the run, kept in its folder: `qemu.argv` boots from it by hand. */
export async function makeImage(inputs: ImageInputs, ctx: Context): Promise<GuestImage> {
  const { build, source, dir, lab } = inputs;
  const images = join(lab.projectDir, 'images');
  const base = await baseLayer(await loadRecipe(lab.projectDir), images, ctx);
  const layers: Buffer[] = [base.bytes];
  if (build.modulesDir !== undefined)
    layers.push((await modulesLayer(build.modulesDir, build.key, ctx)).bytes);
  if (build.request !== undefined) {
    const types = await treeTypes(source, ctx);
    const sources = join(images, 'probe');
    const probe = await ensureProbeModule(build.request, build.key, sources, types, ctx);
    layers.push(await probeLayer(probe, build.release));
  }
  layers.push(await libLayer(await ensureOracle(join(images, 'oracle'), build, ctx)));
  const payloads = await suitePayloads(inputs, ctx);
  const keys = newGuestKeys();
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'ssh_key'), keys.clientPrivate, { mode: 0o600 });
  const initrd = join(dir, 'initrd.cpio');
  await writeInitrd(initrd, [...layers, await suitesLayer(payloads), keysLayer(keys)]);
  return { initrd, keys };
}

/**
 * The chosen suites with their programs. Upstream's tests are built from the base tree, so that a patch cannot weaken
 * the test that would catch it.
 */
async function suitePayloads(
  { build, base, suites, lab }: ImageInputs,
  ctx: Context,
): Promise<SuitePayload[]> {
  let extracted: string | undefined;
  const treeDir = async (): Promise<string> => {
    if (extracted !== undefined) return extracted;
    extracted = await mkdtemp(join(tmpdir(), 'pgmap-selftests-'));
    await extractAtCommit(base, selftestPaths, extracted, ctx);
    return extracted;
  };
  try {
    const payloads: SuitePayload[] = [];
    for (const suite of suites) {
      const dir = join(lab.projectDir, 'suites', suite.name);
      const from = {
        suiteDir: dir,
        libDir: join(lab.projectDir, 'images/lib'),
        headersDir: build.headersDir,
        kernelKey: `${build.key} ${base.tree}`,
        treeDir,
      };
      const programs = await ensurePrograms(suite, from, ctx);
      payloads.push({
        name: suite.name,
        dir,
        ...(programs === undefined ? {} : { programsDir: programs.dir }),
      });
    }
    return payloads;
  } finally {
    if (extracted !== undefined) await rm(extracted, { recursive: true, force: true });
  }
}

/** What the selftests of mm include, relative to their own places. */
const selftestPaths = [
  'tools/testing/selftests/mm',
  'tools/testing/selftests/vm',
  'tools/testing/selftests/kselftest.h',
  'tools/testing/selftests/kselftest_harness.h',
  'tools/include',
  'lib/test_hmm_uapi.h',
  'mm/gup_test.h',
];
