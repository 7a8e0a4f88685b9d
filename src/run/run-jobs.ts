// From a commit to the results of its jobs: kernel, image, boots, each as events. A run of a tree, of a base, of one patch:
// all are this.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventBody } from '../core/event.ts';
import { type Failure, FailureError } from '../core/failure.ts';
import { isFail } from '../core/finished.ts';
import { type PlannedJob, unfitFor, unmetNeed, withSeriesTests } from '../core/plan.ts';
import { roundId } from '../core/rounds.ts';
import type { Topology } from '../core/topology.ts';
import { formatDuration, parseSize } from '../core/units.ts';
import { pickAccel } from './accel.ts';
import { runLocally } from '../exec/local.ts';
import { type GuestImage, makeImage } from './guest-image.ts';
import { watchHost } from './host-watch.ts';
import { runJob } from '../job/job.ts';
import { rememberJob } from './job-memory.ts';
import { symboliser } from '../kernel/symbols.ts';
import type { Lab, RunRequest } from './request.ts';
import type { Done } from './resume.ts';
import type { RunStep } from './steps.ts';
import { builtKernel, givenKernel, type TestedKernel, typeNames } from './tested-kernel.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { type AccelChoice, missingFor, qemuFacts, timeoutScale } from '../vm/probe.ts';

export type Emit = (event: EventBody) => void;

/** What a kernel is made of, and where what it leaves goes. */
export interface KernelInputs {
  readonly request: RunRequest;
  readonly lab: Lab;
  /** The commit that is tested. */
  readonly source: Source;
  /** Whose test programs of upstream's are used, so that a patch cannot weaken what would catch it. */
  readonly base: Source;
  /** The folder of the record: gets kernel/ and jobs/. */
  readonly dir: string;
}

export type KernelEvent = Extract<EventBody, { readonly type: 'kernel' }>;

/** Of a kernel built elsewhere. */
const noTypes = { enumerators: [] };

/** A kernel that guests can boot. */
export interface ReadyKernel extends KernelInputs {
  readonly build: TestedKernel;
  readonly guest: GuestImage;
  readonly accel: AccelChoice;
  /** What was told of it. */
  readonly kernel: KernelEvent;
}

/** The steps `build` and `image`. Throws StepFailed. */
export async function makeKernel(
  inputs: KernelInputs,
  jobs: readonly PlannedJob[],
  to: { readonly step: RunStep; readonly emit: Emit },
  ctx: Context,
  chosen?: AccelChoice,
): Promise<ReadyKernel | undefined> {
  const { request, lab, source, base, dir } = inputs;
  const { step, emit } = to;
  const { build, tree } = await step('build', () =>
    request.prebuilt === undefined
      ? builtKernel(request, lab, source, ctx)
      : givenKernel(request.prebuilt),
  );
  const types = build.request === undefined ? noTypes : await typeNames(base, source, ctx);
  const kernel: KernelEvent = {
    type: 'kernel',
    kernel: {
      ...{ release: build.release, tree, key: build.key },
      ...(request.variant === undefined ? {} : { variant: request.variant }),
    },
    ...types,
  };
  emit(kernel);
  if (build.request === undefined)
    emit({
      type: 'note',
      text: 'A kernel built elsewhere: pgmap_probe cannot be built for it, so coverage of memory types is not proved.',
    });
  for (const { symbol, reason } of build.unmet)
    emit({ type: 'note', text: `CONFIG_${symbol} did not take: ${reason}` });
  await keepKernelFiles(dir, build);
  if (jobs.length === 0) return undefined;
  const guest = await step('image', async () => ({
    value: await makeImage(
      {
        ...{ build, source, base, lab },
        suites: [...new Set(jobs.map((job) => job.suite))],
        dir: join(dir, 'kernel'),
      },
      ctx,
    ),
  }));
  const again = [...new Set([...guest.again.values()].flatMap((changed) => [...changed.keys()]))];
  if (again.length > 0)
    emit({
      type: 'note',
      text: `The series changes upstream's ${again.join(', ')}: tests with it run twice, as the base has it and as the series has it.`,
    });
  const accel = chosen ?? (await pickAccel(request, build, lab, ctx));
  emit({ type: 'accel', ...accel });
  return { ...inputs, build, guest, accel, kernel };
}

export interface Rounds {
  /** How often each job is run, at most. */
  readonly count: number;
  /** After the round in which something FAILed there is no other. */
  readonly untilFail: boolean;
  /** Those that an earlier part of the run has finished. */
  readonly done?: Done;
}

/** Runs the jobs, side by side as far as the host goes. What they come to is events; it only rejects for a bug. */
export async function runJobs(
  ready: ReadyKernel,
  jobs: readonly PlannedJob[],
  rounds: Rounds,
  emit: Emit,
  ctx: Context,
): Promise<void> {
  const run = await jobRunner(ready, ctx);
  const { done = new Map<string, never>() } = rounds;
  const once = (round: number) =>
    jobs
      .filter((job) => !done.has(roundId(job.id, round)))
      .map((job) => ({
        needs: { cpus: 1, memoryBytes: guestBytes(job.topology) },
        run: () => (isOver(ctx) ? Promise.resolve() : run(job, round, listen)),
      }));
  const seen = { fail: false };
  const listen: Emit = (event) => {
    seen.fail ||= isFail(event);
    emit(event);
  };
  const { lab, request } = ready;
  // A quarter of the host's memory stays for the host.
  const host = { cpus: lab.cpus, memoryBytes: lab.memoryBytes * 0.75, jobs: request.jobs };
  if (!rounds.untilFail) {
    const all = Array.from({ length: rounds.count }, (_, index) => once(index + 1));
    await runLocally(all.flat(), host);
    return;
  }
  for (let round = 1; round <= rounds.count && !seen.fail && !isOver(ctx); round++) {
    await runLocally(once(round), host);
    seen.fail ||= jobs.some((job) => done.get(roundId(job.id, round))?.failed === true);
    emit({
      type: 'line',
      source: 'make',
      text: `round ${round}: ${seen.fail ? 'FAIL' : 'no FAIL'}`,
    });
  }
}

const isOver = ({ signal, deadline }: Context): boolean =>
  signal.aborted || deadline?.aborted === true;

async function jobRunner(
  ready: ReadyKernel,
  ctx: Context,
): Promise<(job: PlannedJob, round: number, emit: Emit) => Promise<void>> {
  const { build, guest, accel, lab, dir } = ready;
  const facts = await qemuFacts(lab.qemu, ctx.signal);
  const lost = new Map(build.unmet.map(({ symbol, reason }) => [symbol, reason]));
  const kernel = {
    release: build.release,
    lost,
    ...(build.config === undefined ? {} : { config: build.config }),
  };
  const remember = await rememberJob(ready, ctx);
  const { dir: kernelDir, release } = build;
  const symbolise =
    kernelDir === undefined ? undefined : symboliser({ dir: kernelDir, release }, ctx);
  return async (job, round, emit) => {
    const seen: EventBody[] = [];
    const plan = withSeriesTests(job, guest.again.get(job.suite.name));
    const cannot = missingFor(plan.topology, facts);
    const broken: Failure | undefined = guest.broken.get(plan.suite.name);
    const { signal, deadline } = ctx;
    const over = deadline === undefined ? signal : AbortSignal.any([signal, deadline]);
    using watch = watchHost(dir, over, (event) => {
      seen.push(event);
      emit(event);
    });
    const scale = timeoutScale[accel.accel] * (plan.variant?.slower ?? 1);
    await runJob(
      {
        plan: { ...plan, id: roundId(plan.id, round) },
        ...(cannot === undefined ? {} : { cannot }),
        ...(broken === undefined ? {} : { broken }),
        qemu: lab.qemu,
        image: build.image,
        release: build.release,
        ...(build.notes === undefined ? {} : { notes: build.notes }),
        initrd: guest.initrd,
        keys: guest.keys,
        accel: accel.accel,
        timeoutScale: scale,
        runDir: dir,
        unmet: (test) => unfitFor(plan, test) ?? unmetNeed(test, kernel),
        ...(symbolise === undefined ? {} : { symbolise }),
      },
      { signal: ctx.signal, emit: watch.emit, deadline: jobDeadline(plan, scale, ctx) },
    );
    // What a first round came to is kept; a repeated one would hide that it can come out otherwise.
    if (round === 1) await remember(job, seen);
  };
}

/** Milliseconds for a test besides its own limit: a boot before it, and what is done when it does not end. */
const aroundTestMs = 150_000;

/**
 * Every step of a job has a limit of its own; this is for all of them together, should something always begin anew. The
 * run's own deadline is one of the job's, too.
 */
function jobDeadline(job: PlannedJob, scale: number, { deadline }: Context): AbortSignal {
  const ms = job.tests.reduce((sum, test) => sum + test.timeoutMs * scale + aroundTestMs, 0);
  const own = new AbortController();
  const reason = new FailureError({
    blame: 'lab',
    code: 'deadline',
    title: `the job is not done after ${formatDuration(ms)}, the limits of all its tests together`,
  });
  setTimeout(() => own.abort(reason), ms).unref();
  return deadline === undefined ? own.signal : AbortSignal.any([own.signal, deadline]);
}

async function keepKernelFiles(dir: string, build: TestedKernel): Promise<void> {
  await mkdir(join(dir, 'kernel'), { recursive: true });
  if (build.configFile !== undefined)
    await writeFile(join(dir, 'kernel/config'), await readFile(build.configFile));
  await writeFile(join(dir, 'kernel/key'), `${build.key}\n`);
}

/** Host memory of a guest: its RAM, and a little for QEMU itself. */
const guestBytes = (topology: Topology): number => parseSize(topology.memory) + 256 * 2 ** 20;
