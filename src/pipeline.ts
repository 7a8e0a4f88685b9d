// The one place that composes a run: source → series → kernel → image → jobs. Everything it learns becomes an event.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadSuites, loadTopologies } from './config/load.ts';
import type { EventBody, Step } from './core/event.ts';
import { asFailure, type Failure } from './core/failure.ts';
import { checkNames, leftForTheNight, planJobs, type PlannedJob, unmetNeed } from './core/plan.ts';
import type { Status } from './core/status.ts';
import type { Topology } from './core/topology.ts';
import { parseSize } from './core/units.ts';
import { runLocally } from './exec/local.ts';
import { type GuestImage, makeImage } from './guest-image.ts';
import { runJob } from './job.ts';
import type { Lab, RunRequest } from './request.ts';
import {
  builtKernel,
  givenKernel,
  openSource,
  type TestedKernel,
  treeTypes,
} from './tested-kernel.ts';
import { applySeries } from './tree/series.ts';
import type { Context } from './util/context.ts';
import { type AccelChoice, chooseAccel, missingFor, qemuFacts, timeoutScale } from './vm/probe.ts';

export interface RunPlace {
  readonly id: string;
  readonly dir: string;
  readonly startedAt: string;
  readonly argv: readonly string[];
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
  const later = [...suites.values()].filter((suite) => leftForTheNight(suite, request.selection));
  if (later.length > 0)
    emit({
      type: 'note',
      text: `Left out, add --nightly: ${later.map((suite) => suite.name).join(', ')}`,
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
