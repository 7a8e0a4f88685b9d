// The suite step of a job: its tests in one booted guest, until they are through, the kernel is unfit or the guest is lost.
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { asFailure, type Failure, statusOf } from '../core/failure.ts';
import { isFlood, limits } from '../core/limits.ts';
import type { SuiteTest } from '../core/suite.ts';
import type { Guest } from '../guest/ssh.ts';
import { runSuite } from '../suite/run.ts';
import { parseTap } from '../tap/parse.ts';
import { sleep, within } from '../util/deadline.ts';
import { deafCpus, watchCpus } from '../vm/cpus.ts';
import type { Machine } from '../vm/machine.ts';
import { watchStarvation } from '../vm/starvation.ts';
import { type Allowance, watchLogs } from './allowance.ts';
import type { JobContext, JobInputs, StepEnd } from './job.ts';
import { serveLab } from './lab-requests.ts';
import { explainLoss, type Loss } from './loss.ts';
import type { ConsoleRange } from './splats.ts';

/** What the tests of a suite have to do with: a machine, and the guest that runs on it, another one after a reset. */
export interface SuiteLab {
  readonly machine: Machine;
  guest(): Guest;
  reset(): Promise<void>;
  readonly allowance: Allowance;
  /** Told what the console says only because it was asked. */
  onAsked(range: ConsoleRange): void;
}

export interface SuiteEnd {
  readonly step: StepEnd;
  /** Tests that want another machine. */
  readonly left: readonly SuiteTest[];
  /** The guest is still there, for the last questions. */
  readonly alive: boolean;
}

/** How long a guest may take to answer at all: a fork, under emulation and load. */
const answerMs = 2_500;
/** No kernel keeps interrupts off in one place for most of a second, not even under emulation. */
const cpuLooks = 8;

/** Rejects only when stopped. */
export async function testSuite(
  inputs: JobInputs,
  tests: readonly SuiteTest[],
  lab: SuiteLab,
  dir: string,
  ctx: JobContext,
): Promise<SuiteEnd> {
  const { plan } = inputs;
  const { allowance, machine } = lab;
  let over = allowance.begin();
  const endWatch = watchLogs(machine, allowance.stop);
  const raw = createWriteStream(join(dir, 'tap.log'), { flags: 'a' });
  // A full disk is noticed by others; without tap.log the results are the same.
  raw.on('error', () => undefined);
  let current: string | undefined;
  try {
    const left = await runSuite(plan.suite, tests, {
      async exec(argv, options) {
        // Of the part of a test before a reset, too, and what came after its end.
        if (argv[2] !== current) over = allowance.begin();
        current = argv[2];
        over.throwIfAborted();
        const signal = AbortSignal.any([over, options.signal]);
        // What is on its way when a test is given up is nobody's.
        let listening = true;
        const onStdout = (chunk: Buffer): void => {
          if (listening) options.onStdout(chunk);
        };
        try {
          return await lab.guest().exec(argv, { ...options, signal, onStdout });
        } finally {
          listening = false;
        }
      },
      reset: () => lab.reset(),
      parseTap: (onPoint) => parseTap(onPoint, { maxPoints: limits.results.test + 1 }),
      lab: (request) => serveLab(request, lab.machine, plan.topology, ctx.signal),
      onPoint(point) {
        if (allowance.point(point)) ctx.emit({ type: 'test', job: plan.id, point });
      },
      onOutput(chunk) {
        if (allowance.output(chunk.length) && raw.writable) raw.write(chunk);
      },
      unmet: inputs.unmet,
      answers: () => answers(lab.guest(), machine, ctx.signal),
      pause: (ms, signal) =>
        sleep(ms, AbortSignal.any([ctx.signal, signal])).catch(() => undefined),
      signal: ctx.deadline === undefined ? ctx.signal : AbortSignal.any([ctx.deadline, ctx.signal]),
      timeoutScale: inputs.timeoutScale,
    });
    over.throwIfAborted();
    return { step: { status: 'PASS' }, left, alive: true };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const failure = asFailure(error);
    const path = current === undefined ? [plan.suite.name] : [plan.suite.name, current];
    const loss = isUnexplained(failure)
      ? await explainLoss(failure, machine, plan, path.join(' > '), ctx.signal, inputs.symbolise)
      : await explained(failure, machine);
    if (loss.asked !== undefined) lab.onAsked(loss.asked);
    if (loss.splat !== undefined) ctx.emit({ type: 'splat', job: plan.id, splat: loss.splat });
    const { status } = loss;
    ctx.emit({
      type: 'test',
      job: plan.id,
      point: { path, status, diagnostics: loss.diagnostics },
    });
    const at = tests.findIndex(({ name }) => name === current);
    const left = allowance.spent() ? [] : tests.slice(at + 1);
    return { step: { status, failure: loss.failure }, left, alive: false };
  } finally {
    endWatch();
    await new Promise<void>((resolve) => raw.end(() => resolve()));
  }
}

/** The guest was lost, and nobody has said why. What goes wrong when it boots after a reset says so by itself. */
const isUnexplained = ({ code }: Failure): boolean =>
  ['connection-lost', 'guest-silent', 'test-overdue', 'deadline'].includes(code);

/** Whatever floods us is not asked any more. */
async function explained(failure: Failure, machine: Machine): Promise<Loss> {
  await machine.kill();
  const status = isFlood(failure.code) ? 'ERROR' : statusOf(failure);
  return { status, failure, diagnostics: [failure.title] };
}

async function answers(
  guest: Guest,
  machine: Pick<Machine, 'pid' | 'qmp'>,
  signal: AbortSignal,
): Promise<'yes' | 'partly' | 'no' | 'unknown'> {
  const isStarved = await watchStarvation(machine.pid);
  const patience = within(signal, answerMs);
  const there = await guest.exec(['true'], { signal: patience }).then(
    ({ code }) => code === 0,
    () => false,
  );
  // What runs on a CPU that is lost is never ended, and run-test itself may come to wait for it.
  const isWhole = there && deafCpus((await watchCpus(machine, cpuLooks)) ?? []).length === 0;
  if (isWhole) return 'yes';
  if (await isStarved()) return 'unknown';
  return there ? 'partly' : 'no';
}
