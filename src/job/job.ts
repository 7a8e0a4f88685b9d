// One job: boot a topology, check that it is what it should be, run one suite in it, take down what the guest proved
// and what its kernel complained about.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCoverage } from '../core/coverage.ts';
import type { EventBody, Step } from '../core/event.ts';
import { asFailure, type Failure, FailureError } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { Status } from '../core/status.ts';
import type { SuiteTest } from '../core/suite.ts';
import { parseSize } from '../core/units.ts';
import { boot } from './boot.ts';
import type { GuestKeys } from '../guest/keys.ts';
import type { Guest } from '../guest/ssh.ts';
import { findSplats, lastReport } from './splats.ts';
import { runSuite } from '../suite/run.ts';
import { parseTap } from '../tap/parse.ts';
import { sleep, within } from '../util/deadline.ts';
import { plug, resize, unplug } from '../vm/hotplug.ts';
import type { Machine } from '../vm/machine.ts';
import type { Accel } from '../vm/qemu-args.ts';

export interface JobInputs {
  readonly plan: PlannedJob;
  /** Why this host cannot make the topology; every test is then a SKIP with this reason. */
  readonly cannot?: string;
  /** Why the suite's programs do not compile; every test is then an ERROR with this reason. */
  readonly broken?: Failure;
  readonly qemu: string;
  readonly image: string;
  /** `make kernelrelease`, which `uname -r` must equal; undefined for a kernel built elsewhere. */
  readonly release?: string;
  /** SHA-256 of what /sys/kernel/notes must hold; undefined if nobody knows. */
  readonly notes?: string;
  readonly initrd: string;
  readonly keys: GuestKeys;
  readonly accel: Accel;
  /** Factor on every time limit. */
  readonly timeoutScale: number;
  /** The run's folder; the job's own is jobs/<id> in it. */
  readonly runDir: string;
  /** Stands between the job and each guest of it once that is up: for recording what tests reach. */
  readonly through?: (guest: Guest) => Promise<Guest>;
  unmet(test: SuiteTest): string | undefined;
}

export interface JobContext {
  readonly signal: AbortSignal;
  readonly emit: (event: EventBody) => void;
}

/** Time limits in milliseconds under TCG, before scaling. */
const limits = { signs: 10_000, coverage: 20_000 };

/** Never rejects for anything the guest does: it all becomes events. */
export async function runJob(inputs: JobInputs, ctx: JobContext): Promise<void> {
  const { plan } = inputs;
  const job = plan.id;
  const step = async (name: Step, work: () => Promise<StepEnd>): Promise<boolean> => {
    ctx.emit({ type: 'step-begin', job, step: name });
    const end = await work().catch((error: unknown): StepEnd => thrownEnd(asFailure(error)));
    ctx.emit({ type: 'step-end', job, step: name, ...end });
    return end.status === 'PASS';
  };
  if (inputs.cannot !== undefined) {
    skipAll(inputs, inputs.cannot, ctx);
    return;
  }
  const { broken } = inputs;
  if (broken !== undefined) {
    await step('suite', () => {
      failAll(inputs, broken, ctx);
      return Promise.resolve({ status: 'ERROR', failure: broken });
    });
    return;
  }
  const dir = join(inputs.runDir, 'jobs', job);
  await mkdir(dir, { recursive: true });
  for (const role of ['console.log', 'qemu.log', 'qemu.argv', 'tap.log'])
    ctx.emit({ type: 'artifact', job, role, path: join('jobs', job, role) });
  await bootAndTest(inputs, dir, step, ctx);
  await step('teardown', async () => {
    for (const splat of await findSplats(join(dir, 'console.log'), 0, plan))
      ctx.emit({ type: 'splat', job, splat });
    return { status: 'PASS' };
  });
}

interface StepEnd {
  readonly status: Status;
  readonly failure?: Failure;
  readonly ms?: number;
  readonly note?: string;
}

/** A thrown failure ends its step: the code under test FAILs, a broken test is an ERROR, all else tells nothing. */
const thrownEnd = (failure: Failure): StepEnd => ({
  status: failure.blame === 'series' ? 'FAIL' : failure.blame === 'test' ? 'ERROR' : 'MISS',
  failure,
});

type RunStep = (name: Step, work: () => Promise<StepEnd>) => Promise<boolean>;

/** A test that takes the machine down has its answer; those after it get a fresh one. */
async function bootAndTest(
  inputs: JobInputs,
  dir: string,
  step: RunStep,
  ctx: JobContext,
): Promise<void> {
  let { tests } = inputs.plan;
  while (tests.length > 0) {
    const left = await testInOneBoot(inputs, tests, dir, step, ctx);
    const last = tests[tests.length - left.length - 1];
    if (left.length > 0)
      ctx.emit({
        type: 'note',
        text: `${inputs.plan.id} got a fresh machine after '${last?.name ?? ''}': ${left.length} ${left.length === 1 ? 'test was' : 'tests were'} left`,
      });
    tests = left;
  }
}

/** Returns the tests that want another boot: none if this one could not run any. */
async function testInOneBoot(
  inputs: JobInputs,
  tests: readonly SuiteTest[],
  dir: string,
  step: RunStep,
  ctx: JobContext,
): Promise<readonly SuiteTest[]> {
  const { plan, through = (one: Guest) => Promise.resolve(one) } = inputs;
  let machine: Machine | undefined;
  let guest: Guest | undefined;
  let resetMachine: (() => Promise<Guest>) | undefined;
  let left: readonly SuiteTest[] = [];
  try {
    const booted = await step('boot', async () => {
      const attempt = () =>
        boot({ ...inputs, topology: plan.topology, suite: plan.suite, dir }, ctx);
      const up = await bootAgain(attempt, plan.id, ctx);
      ({ machine, guest } = up);
      resetMachine = async () => through(await up.reset());
      return { status: 'PASS', ms: up.ms };
    });
    if (!booted || machine === undefined || guest === undefined) return [];
    guest = await through(guest);
    const [vm, shell] = [machine, guest];
    const signsThere = await step('probe', () => checkSigns(plan, shell, inputs.timeoutScale, ctx));
    const lab: SuiteLab = {
      machine: vm,
      guest: () => guest ?? shell,
      async reset() {
        await reportCoverage(plan.id, guest ?? shell, ctx);
        await guest?.[Symbol.asyncDispose]();
        guest = await resetMachine?.();
        await checkSigns(plan, guest ?? shell, inputs.timeoutScale, ctx);
      },
    };
    if (signsThere)
      await step('suite', async () => {
        const end = await testSuite(inputs, tests, lab, dir, ctx);
        ({ left } = end);
        return end.step;
      });
    await reportCoverage(plan.id, guest, ctx);
    return left;
  } finally {
    await guest?.[Symbol.asyncDispose]();
    await machine?.[Symbol.asyncDispose]();
  }
}

/** A clock gone wild says nothing of the kernel: one more try, and the report says so. */
async function bootAgain<T>(attempt: () => Promise<T>, job: string, ctx: JobContext): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code !== 'guest-clock') throw error;
    ctx.emit({ type: 'note', text: `${job} was booted a second time: ${failure.title}` });
    return attempt();
  }
}

/** A topology that booted without its devices is a MISS: nothing was tested. */
async function checkSigns(
  plan: PlannedJob,
  guest: Guest,
  scale: number,
  ctx: JobContext,
): Promise<StepEnd> {
  const { signs } = plan.topology;
  const patterns = signs.map((sign) => sign.path ?? '/proc/iomem');
  // The patterns are ours, from the topology file, and are left unquoted so that the shell expands them.
  const script =
    'cat /proc/iomem; for pattern; do set -- $pattern; [ -e "$1" ] && echo yes || echo no; done';
  const deadline = within(ctx.signal, limits.signs * scale);
  for (;;) {
    const { stdout } = await guest.exec(['sh', '-c', script, 'sh', ...patterns]);
    const lines = stdout.trimEnd().split('\n');
    const answers = signs.length === 0 ? [] : lines.slice(-signs.length);
    // A sign is a name, or a whole line without its indent where the name alone says too little.
    const names = lines
      .slice(0, lines.length - signs.length)
      .flatMap((line) => [line.trim(), line.split(' : ')[1] ?? '']);
    const absent = signs.filter((sign, index) =>
      sign.iomem === undefined ? answers[index] !== 'yes' : !names.includes(sign.iomem),
    );
    if (absent.length === 0) return { status: 'PASS' };
    if (deadline.aborted)
      throw new FailureError({
        blame: 'lab',
        code: 'device-absent',
        title: `the guest does not show ${absent.map((sign) => sign.path ?? `'${sign.iomem}' in /proc/iomem`).join(', ')}`,
        detail: stdout.slice(0, 4000),
        hint: `Topology '${plan.topology.name}' booted without its device: see console.log for its driver.`,
      });
    await sleep(200, deadline).catch(() => undefined);
    ctx.signal.throwIfAborted();
  }
}

/** What the tests of a suite have to do with: a machine, and the guest that runs on it, another one after a reset. */
interface SuiteLab {
  readonly machine: Machine;
  guest(): Guest;
  reset(): Promise<void>;
}

async function testSuite(
  inputs: JobInputs,
  tests: readonly SuiteTest[],
  { machine, guest, reset }: SuiteLab,
  dir: string,
  ctx: JobContext,
): Promise<{ readonly step: StepEnd; readonly left: readonly SuiteTest[] }> {
  const { plan } = inputs;
  const raw = createWriteStream(join(dir, 'tap.log'), { flags: 'a' });
  let current: string | undefined;
  try {
    const left = await runSuite(plan.suite, tests, {
      async exec(argv, options) {
        current = argv[2];
        return guest().exec(argv, options);
      },
      reset,
      parseTap,
      lab: (request) => serveLab(request, machine, plan, ctx.signal),
      onPoint: (point) => ctx.emit({ type: 'test', job: plan.id, point }),
      onOutput: (chunk) => void raw.write(chunk),
      unmet: inputs.unmet,
      within: (ms) => within(ctx.signal, ms),
      timeoutScale: inputs.timeoutScale,
    });
    return { step: { status: 'PASS' }, left };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const failure = asFailure(error);
    // A lost connection and the crash behind it race: the console may have more to say.
    const title = await lastReport(machine, plan, ctx.signal);
    ctx.emit({
      type: 'test',
      job: plan.id,
      point: {
        path: current === undefined ? [plan.suite.name] : [plan.suite.name, current],
        status: title === undefined ? 'ERROR' : 'FAIL',
        diagnostics: [title === undefined ? failure.title : `the guest was lost: ${title}`],
      },
    });
    const left = tests.slice(tests.findIndex(({ name }) => name === current) + 1);
    if (title === undefined) return { step: { status: 'ERROR', failure }, left };
    const crash: Failure = {
      blame: 'series',
      code: 'guest-crashed',
      title,
      hint: 'The report below and console.log show it.',
    };
    return { step: { status: 'FAIL', failure: crash }, left };
  } finally {
    await new Promise<void>((resolve) => raw.end(resolve));
  }
}

/** What a test asks of the machine: only devices that the topology lists, only by name. */
async function serveLab(
  request: string,
  machine: Machine,
  plan: PlannedJob,
  signal: AbortSignal,
): Promise<string> {
  const [verb, id, size] = request.trim().split(/\s+/);
  const device = plan.topology.hotplug.find((one) => one.id === id);
  if (device === undefined || id === undefined)
    return `error topology ${plan.topology.name} has no device '${id ?? ''}' to plug`;
  const answer =
    verb === 'plug'
      ? await plug(machine.qmp, device, machine.backingDir, { signal })
      : verb === 'unplug'
        ? await unplug(machine.qmp, id, { signal })
        : verb === 'resize' && size !== undefined
          ? await resize(machine.qmp, id, parseSize(size), { signal })
          : { ok: false as const, error: `the lab cannot '${request}'` };
  return answer.ok ? 'ok' : `error ${answer.error}`;
}

async function reportCoverage(job: string, guest: Guest, ctx: JobContext): Promise<void> {
  const read = await guest
    .exec(['cat', '/proc/pgmap_probe/coverage'], { signal: within(ctx.signal, limits.coverage) })
    .catch(() => undefined);
  if (read?.code === 0) ctx.emit({ type: 'coverage', job, types: parseCoverage(read.stdout) });
}

function failAll({ plan }: JobInputs, failure: Failure, ctx: JobContext): void {
  for (const test of plan.tests)
    ctx.emit({
      type: 'test',
      job: plan.id,
      point: {
        path: [plan.suite.name, test.name],
        status: 'ERROR',
        diagnostics: [failure.title],
      },
    });
}

function skipAll(inputs: JobInputs, reason: string, ctx: JobContext): void {
  for (const test of inputs.plan.tests)
    ctx.emit({
      type: 'test',
      job: inputs.plan.id,
      point: {
        path: [inputs.plan.suite.name, test.name],
        status: 'SKIP',
        directive: { name: 'SKIP', reason },
        diagnostics: [],
      },
    });
}
