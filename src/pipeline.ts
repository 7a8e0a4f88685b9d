// The one place that composes a run: source → series → kernel → image → jobs. Everything it learns becomes an event.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { loadFragments, loadRecipe, loadSuites, loadTopologies } from './config/load.ts';
import type { EventBody, Step } from './core/event.ts';
import { asFailure, type Failure, FailureError } from './core/failure.ts';
import { checkNames, planJobs, type PlannedJob, type Selection, unmetNeed } from './core/plan.ts';
import type { Status } from './core/status.ts';
import type { Suite } from './core/suite.ts';
import type { Topology } from './core/topology.ts';
import { parseSize } from './core/units.ts';
import { runLocally } from './exec/local.ts';
import { type GuestKeys, newGuestKeys } from './guest/keys.ts';
import {
  baseLayer,
  keysLayer,
  modulesLayer,
  probeLayer,
  suitesLayer,
  type SuitePayload,
  writeInitrd,
} from './image/initrd.ts';
import { runJob } from './job.ts';
import { type Build, ensureKernel, type KernelRequest } from './kernel/build.ts';
import { type Fragment, parseConfig } from './kernel/kconfig.ts';
import { openPrebuilt } from './kernel/prebuilt.ts';
import { ensureProbeModule } from './kernel/probe-module.ts';
import { ensurePrograms } from './kernel/programs.ts';
import { openDistro } from './tree/distro.ts';
import { memoryTypes, memremapHeader } from './tree/enumerators.ts';
import { extractAtCommit, readAtCommit } from './tree/read.ts';
import { applySeries } from './tree/series.ts';
import { openTree, type Source } from './tree/source.ts';
import { checkOut } from './tree/worktree.ts';
import type { Context } from './util/context.ts';
import { type AccelChoice, chooseAccel, missingFor, qemuFacts, timeoutScale } from './vm/probe.ts';

/** Which kernel source is meant. */
export type SourceRequest =
  | { readonly kind: 'distro'; readonly version?: string }
  | { readonly kind: 'tree'; readonly dir: string; readonly base?: string };

export interface RunRequest {
  readonly source: SourceRequest;
  /** What goes on top: files, folders, or a range of the tree. */
  readonly series: readonly string[];
  /** Files with further fragments. */
  readonly configFiles: readonly string[];
  /** Test this kernel instead of building one; `source` then only gives upstream's test programs. */
  readonly prebuilt?: { readonly image: string; readonly modulesDir?: string };
  readonly selection: Selection;
  readonly accel: 'auto' | 'kvm' | 'tcg';
  /** Guests at once. */
  readonly jobs: number;
  /** The command line that repeats this run, without what narrows it down. */
  readonly command: readonly string[];
}

/** Where a run happens. */
export interface Lab {
  readonly projectDir: string;
  readonly stateDir: string;
  readonly qemu: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Of this tool. */
  readonly version: string;
}

export interface RunPlace {
  readonly id: string;
  readonly dir: string;
  readonly startedAt: string;
  readonly argv: readonly string[];
}

export const openSource = (request: SourceRequest, ctx: Context): Promise<Source> =>
  request.kind === 'tree'
    ? openTree(request.dir, request.base, ctx)
    : openDistro(request.version, ctx);

/** Enumerators of the tree's `enum memory_type`. */
export async function treeTypes(source: Source, ctx: Context): Promise<string[]> {
  return memoryTypes((await readAtCommit(source, memremapHeader, ctx)) ?? '');
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
  readonly unmet: Build['unmet'];
  /** What it was built from, for building against it. */
  readonly request?: KernelRequest;
}

/** Up to the kernel in the cache. Throws FailureError. */
export async function buildKernel(
  request: RunRequest,
  lab: Lab,
  ctx: Context,
): Promise<{ build: Build & { request: KernelRequest }; source: Source; base: Source }> {
  const base = await openSource(request.source, ctx);
  const source =
    request.series.length === 0 ? base : (await applySeries(base, request.series, ctx)).source;
  const kernel = await kernelRequest(request, lab, source, ctx);
  return { build: { ...(await ensureKernel(kernel, ctx)), request: kernel }, source, base };
}

/**
 * Does everything and tells everything as events, `run-end` excepted, whose status it returns: PASS unless the run was
 * cut short. Rejects only with what is wrong before there is a run: an unknown suite, a tree that is none.
 */
export async function runPipeline(
  request: RunRequest,
  place: RunPlace,
  lab: Lab,
  emit: (event: EventBody) => void,
  contextWith: (onProgress: (text: string) => void) => Context,
): Promise<Status> {
  const ctx = contextWith((text) => emit({ type: 'line', source: 'make', text }));
  const suites = await loadSuites(lab.projectDir);
  const topologies = await loadTopologies(lab.projectDir);
  checkNames(request.selection, { suites, topologies });
  const base = await openSource(request.source, ctx);
  const enumerators = await treeTypes(base, ctx);
  const jobs = planJobs(request.selection, { suites, topologies, enumerators }, request.command);
  emit({
    type: 'run-begin',
    run: {
      id: place.id,
      startedAt: place.startedAt,
      argv: place.argv,
      version: lab.version,
      host: { cpus: lab.cpus, memoryBytes: lab.memoryBytes, accel: request.accel },
      subject: base.subject,
      jobs: jobs.map((job) => ({
        id: job.id,
        topology: job.topology.name,
        suite: job.suite.name,
        tests: job.tests.map((test) => test.name),
        types: job.suite.types,
        reproduce: job.reproduce,
      })),
    },
  });
  const step = stepper(emit);
  try {
    const source =
      request.series.length === 0
        ? base
        : await step('apply', async () => {
            const applied = await applySeries(base, request.series, ctx);
            emit({
              type: 'series',
              series: {
                title: applied.title,
                patches: applied.patches.length,
                base: applied.base,
              },
            });
            return { value: applied.source };
          });
    const kernel = await step('build', () =>
      request.prebuilt === undefined
        ? builtKernel(request, lab, source, ctx)
        : givenKernel(request.prebuilt),
    );
    const { build } = kernel;
    emit({
      type: 'kernel',
      kernel: { release: build.release, tree: kernel.tree, key: build.key },
      enumerators: build.request === undefined ? [] : await treeTypes(source, ctx),
    });
    if (build.request === undefined)
      emit({
        type: 'note',
        text: 'A kernel built elsewhere: pgmap_probe cannot be built for it, so coverage of memory types is not proved.',
      });
    for (const { symbol, reason } of build.unmet)
      emit({ type: 'note', text: `CONFIG_${symbol} did not take: ${reason}` });
    await keepKernelFiles(place.dir, build);

    const guest = await step('image', async () => ({
      value: await makeImage(
        {
          ...{ build, source, base, lab },
          suites: [...new Set(jobs.map((job) => job.suite))],
          dir: join(place.dir, 'kernel'),
        },
        ctx,
      ),
    }));
    const accel = await pickAccel(request, build, lab, ctx);
    emit({ type: 'accel', ...accel });
    await runJobs({ request, jobs, build, guest, accel, place, lab }, ctx, emit);
    return ctx.signal.aborted ? 'MISS' : 'PASS';
  } catch (error) {
    // A failed step has said so; what is left of the run is MISS by itself. Everything else is a bug.
    if (error instanceof StepFailed) return ctx.signal.aborted ? 'MISS' : 'PASS';
    const failure = asFailure(error);
    emit({ type: 'step-begin', step: 'teardown' });
    emit({ type: 'step-end', step: 'teardown', status: 'MISS', failure });
    return 'MISS';
  }
}

interface KernelStep {
  readonly value: { readonly build: TestedKernel; readonly tree: string };
  readonly note?: string;
}

async function builtKernel(
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

async function givenKernel({
  image,
  modulesDir,
}: NonNullable<RunRequest['prebuilt']>): Promise<KernelStep> {
  const kernel = await openPrebuilt(resolve(image), modulesDir && resolve(modulesDir));
  const build = { ...kernel, headersDir: '/usr/include', unmet: [] };
  return { value: { build, tree: 'unknown' }, note: 'built elsewhere' };
}

/** A step that ended badly; its event has been emitted. */
class StepFailed extends Error {}

type RunStep = <T>(name: Step, work: () => Promise<{ value: T; note?: string }>) => Promise<T>;

const stepper =
  (emit: (event: EventBody) => void): RunStep =>
  async (name, work) => {
    emit({ type: 'step-begin', step: name });
    try {
      const { value, note } = await work();
      emit({
        type: 'step-end',
        step: name,
        status: 'PASS',
        ...(note === undefined ? {} : { note }),
      });
      return value;
    } catch (error) {
      const failure = asFailure(error);
      emit({ type: 'step-end', step: name, status: stepStatus(failure), failure });
      throw new StepFailed(failure.title, { cause: error });
    }
  };

/** Patches that do not apply or build FAIL; a test of ours that does not compile is an ERROR; the rest tells nothing. */
const stepStatus = (failure: Failure): Status =>
  failure.blame === 'series' ? 'FAIL' : failure.blame === 'test' ? 'ERROR' : 'MISS';

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
    sourceId: source.id,
    fragments,
    checkOut: () => checkOut(source, ctx),
  };
}

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

async function keepKernelFiles(dir: string, build: TestedKernel): Promise<void> {
  await mkdir(join(dir, 'kernel'), { recursive: true });
  if (build.configFile !== undefined)
    await writeFile(join(dir, 'kernel/config'), await readFile(build.configFile));
  await writeFile(join(dir, 'kernel/key'), `${build.key}\n`);
}

export async function pickAccel(
  request: RunRequest,
  build: TestedKernel,
  lab: Lab,
  ctx: Context,
): Promise<AccelChoice> {
  const { version } = await qemuFacts(lab.qemu, ctx.signal);
  await mkdir(lab.stateDir, { recursive: true });
  const host = {
    qemu: lab.qemu,
    version,
    kernel: build.image,
    memory: join(lab.stateDir, 'accel.json'),
  };
  return chooseAccel(request.accel, host, ctx.signal);
}

interface JobsInputs {
  readonly request: RunRequest;
  readonly jobs: readonly PlannedJob[];
  readonly build: TestedKernel;
  readonly guest: GuestImage;
  readonly accel: AccelChoice;
  readonly place: RunPlace;
  readonly lab: Lab;
}

async function runJobs(
  { request, jobs, build, guest, accel, place, lab }: JobsInputs,
  ctx: Context,
  emit: (event: EventBody) => void,
): Promise<void> {
  const facts = await qemuFacts(lab.qemu, ctx.signal);
  const lost = new Map(build.unmet.map(({ symbol, reason }) => [symbol, reason]));
  const kernel = {
    release: build.release,
    lost,
    ...(build.config === undefined ? {} : { config: build.config }),
  };
  const tasks = jobs.map((plan) => ({
    needs: { cpus: 1, memoryBytes: guestBytes(plan.topology) },
    async run() {
      if (ctx.signal.aborted) return;
      const cannot = missingFor(plan.topology, facts);
      await runJob(
        {
          plan,
          ...(cannot === undefined ? {} : { cannot }),
          qemu: lab.qemu,
          image: build.image,
          release: build.release,
          initrd: guest.initrd,
          keys: guest.keys,
          accel: accel.accel,
          timeoutScale: timeoutScale[accel.accel],
          runDir: place.dir,
          unmet: (test) => unmetNeed(test, kernel),
        },
        { signal: ctx.signal, emit },
      );
    },
  }));
  // A quarter of the host's memory stays for the host.
  await runLocally(tasks, {
    cpus: lab.cpus,
    memoryBytes: lab.memoryBytes * 0.75,
    jobs: request.jobs,
  });
}

/** Host memory of a guest: its RAM, and a little for QEMU itself. */
const guestBytes = (topology: Topology): number => parseSize(topology.memory) + 256 * 2 ** 20;
