// One job: boot a topology, check that it is what it should be, run one suite in it, take down what the guest proved
// and what its kernel complained about.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCoverage } from '../core/coverage.ts';
import type { EventBody, Step } from '../core/event.ts';
import { asFailure, type Failure, statusOf } from '../core/failure.ts';
import { flood, limits } from '../core/limits.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { Status } from '../core/status.ts';
import type { SuiteTest } from '../core/suite.ts';
import { type Allowance, newAllowance } from './allowance.ts';
import { boot, type GuestKit } from './boot.ts';
import type { Guest } from '../guest/ssh.ts';
import { findLeaks } from './leaks.ts';
import { checkSigns } from './signs.ts';
import { type ConsoleRange, findSplats } from './splats.ts';
import { type SuiteLab, testSuite } from './test-suite.ts';
import { within } from '../util/deadline.ts';
import type { Machine } from '../vm/machine.ts';

export interface JobInputs extends GuestKit {
  readonly plan: PlannedJob;
  /** Why this host cannot make the topology; every test is then a SKIP with this reason. */
  readonly cannot?: string;
  /** Why the suite's programs do not compile; every test is then an ERROR with this reason. */
  readonly broken?: Failure;
  /** The run's folder; the job's own is jobs/<id> in it. */
  readonly runDir: string;
  /** Stands between the job and each guest of it once that is up: for recording what tests reach. */
  readonly through?: (guest: Guest) => Promise<Guest>;
  unmet(test: SuiteTest): string | undefined;
}

export interface JobContext {
  readonly signal: AbortSignal;
  /** Time is up: the guest is asked where it is, and the job ends. Its reason is a FailureError `deadline`. */
  readonly deadline?: AbortSignal;
  readonly emit: (event: EventBody) => void;
}

/** Milliseconds under TCG, before scaling. */
const coverageMs = 20_000;

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
  const asked: ConsoleRange[] = [];
  await bootAndTest(inputs, { dir, step, asked, allowance: newAllowance() }, ctx);
  await step('teardown', async () => {
    const splats = await findSplats(join(dir, 'console.log'), 0, plan, asked);
    for (const splat of splats) {
      const text = splat.allowed === undefined ? await inputs.symbolise?.(splat.text) : undefined;
      ctx.emit({ type: 'splat', job, splat: text === undefined ? splat : { ...splat, text } });
    }
    if (splats.length < limits.reportsPerJob) return { status: 'PASS' };
    return { status: 'ERROR', failure: flood('too-many-reports').failure };
  });
}

export interface StepEnd {
  readonly status: Status;
  readonly failure?: Failure;
  readonly ms?: number;
  readonly note?: string;
}

/** A thrown failure ends its step. */
const thrownEnd = (failure: Failure): StepEnd => ({ status: statusOf(failure), failure });

/** What the boots of a job share. */
interface Boots {
  /** The job's folder. */
  readonly dir: string;
  step(name: Step, work: () => Promise<StepEnd>): Promise<boolean>;
  /** What the console says only because it was asked. */
  readonly asked: ConsoleRange[];
  readonly allowance: Allowance;
}

/** A test that takes the machine down has its answer; those after it get a fresh one. */
async function bootAndTest(inputs: JobInputs, boots: Boots, ctx: JobContext): Promise<void> {
  let { tests } = inputs.plan;
  while (tests.length > 0) {
    const left = await testInOneBoot(inputs, tests, boots, ctx);
    if (ctx.deadline?.aborted === true) return;
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
  { dir, step, asked, allowance }: Boots,
  ctx: JobContext,
): Promise<readonly SuiteTest[]> {
  const { plan, through = (one: Guest) => Promise.resolve(one) } = inputs;
  let machine: Machine | undefined;
  let guest: Guest | undefined;
  let resetMachine: (() => Promise<Guest>) | undefined;
  let left: readonly SuiteTest[] = [];
  try {
    const booted = await step('boot', async () => {
      const { topology, suite } = plan;
      const onAsked = (range: ConsoleRange): void => void asked.push(range);
      const attempt = () => boot({ ...inputs, topology, suite, dir, onAsked }, ctx);
      const up = await bootAgain(attempt, plan.id, ctx);
      ({ machine, guest } = up);
      resetMachine = async () => through(await bootAgain(up.reset, plan.id, ctx));
      return { status: 'PASS', ms: up.ms };
    });
    if (!booted || machine === undefined || guest === undefined) return [];
    guest = await through(guest);
    const [vm, shell] = [machine, guest];
    const look = (): Promise<void> =>
      checkSigns(plan.topology, guest ?? shell, inputs.timeoutScale, ctx.signal);
    const signsThere = await step('probe', async () => {
      await look();
      return { status: 'PASS' };
    });
    const lab: SuiteLab = {
      machine: vm,
      guest: () => guest ?? shell,
      async reset() {
        await reportCoverage(plan.id, guest ?? shell, ctx);
        await guest?.[Symbol.asyncDispose]();
        guest = await resetMachine?.();
        await look();
      },
      onAsked: (range) => void asked.push(range),
      allowance,
    };
    let alive = signsThere;
    if (signsThere)
      await step('suite', async () => {
        const end = await testSuite(inputs, tests, lab, dir, ctx);
        ({ left, alive } = end);
        const point =
          alive && left.length === 0
            ? await findLeaks(plan, vm, lab.guest(), inputs.timeoutScale, ctx.signal)
            : undefined;
        if (point !== undefined) ctx.emit({ type: 'test', job: plan.id, point });
        return end.step;
      });
    if (alive) await reportCoverage(plan.id, guest, ctx);
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

async function reportCoverage(job: string, guest: Guest, ctx: JobContext): Promise<void> {
  const read = await guest
    .exec(['cat', '/proc/pgmap_probe/coverage'], { signal: within(ctx.signal, coverageMs) })
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
