// What "bad" means in a bisection, and what a run says of it. Whatever else goes wrong is not bad.
import type { Outcome } from './bisect/step.ts';
import { jobStatus } from './job-changes.ts';
import { isBelow } from './observe.ts';
import type { JobResult, StepResult } from './job-result.ts';
import type { RunResult } from './result.ts';
import { type Status, worst } from './status.ts';

export type Predicate =
  /** This test, or case of a test, FAILs; with `errorIsBad` also if it comes to no result of its own. */
  | { readonly kind: 'test'; readonly path: readonly string[]; readonly errorIsBad: boolean }
  /** A kernel report of this title, allowed or not. */
  | { readonly kind: 'splat'; readonly title: string }
  /** The kernel starts and does not get to the point where it answers. */
  | { readonly kind: 'boot' }
  /** The test PASSes but takes longer, in milliseconds. */
  | { readonly kind: 'timing'; readonly path: readonly string[]; readonly maxMs: number }
  /** A command in the guest does not exit with 0; 125 says that it cannot tell. */
  | { readonly kind: 'cmd'; readonly suite: string; readonly command: string };

/** What the test that runs a command is called, in one line. */
export const commandTest = (command: string): string => `$ ${command.replaceAll('\n', '; ')}`;

export interface Judgement {
  readonly outcome: Outcome;
  /** In one line. */
  readonly why: string;
}

/** In one line, for people. */
export function describePredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'test':
      return `'${predicate.path.join(' > ')}' ${predicate.errorIsBad ? 'is FAIL or ERROR' : 'is FAIL'}`;
    case 'splat':
      return `the kernel reports '${predicate.title}'`;
    case 'boot':
      return 'the kernel does not boot';
    case 'timing':
      return `'${predicate.path.join(' > ')}' takes more than ${predicate.maxMs} ms`;
    case 'cmd':
  }
  return `'${predicate.command}' fails`;
}

/** What one run of one job says. Total: a run that is cut or empty is infra. */
export function judge(predicate: Predicate, result: RunResult): Judgement {
  const broken = result.steps.find(({ status }) => status !== 'PASS' && status !== 'SKIP');
  if (broken !== undefined) return judgeStep(broken);
  const [job] = result.jobs;
  if (job === undefined) return { outcome: 'infra', why: 'nothing was run' };
  const boot = job.steps
    .filter(({ step }) => step === 'boot')
    .find(({ status }) => status !== 'PASS');
  if (boot?.status === 'FAIL' && predicate.kind === 'boot')
    return { outcome: 'bad', why: boot.failure?.title ?? 'the kernel does not boot' };
  // A test that FAILed before the guest was lost has said what it had to say.
  const told = ofTests(predicate, job);
  if (told?.outcome === 'bad') return told;
  if (boot !== undefined) return judgeStep(boot);
  if (predicate.kind === 'boot') {
    const up = job.steps.some(({ step, status }) => step === 'boot' && status === 'PASS');
    return up ? { outcome: 'good', why: 'it boots' } : unknown(job);
  }
  const lost = job.steps.find(({ status }) => status !== 'PASS' && status !== 'SKIP');
  return told ?? (lost === undefined ? unknown(job) : judgeStep(lost));
}

/** A kernel that does not build or boot cannot tell; where the lab failed, nothing was learnt. */
function judgeStep({ step, status, failure }: StepResult): Judgement {
  const why = `${step}: ${failure?.title ?? status}`;
  // A kernel without its driver shows no device, whoever is at fault.
  const mute = status === 'FAIL' || failure?.code === 'device-absent' || failure?.blame === 'test';
  return { outcome: mute ? 'skip' : 'infra', why };
}

const unknown = ({ status }: JobResult): Judgement => ({
  outcome: status === 'SKIP' ? 'skip' : 'infra',
  why: `the job is ${status}`,
});

/** Undefined: what it asks for was not run to its end. */
function ofTests(predicate: Predicate, job: JobResult): Judgement | undefined {
  switch (predicate.kind) {
    case 'boot':
      return undefined;
    case 'splat': {
      const found = job.splats.find(({ title }) => title === predicate.title);
      if (found !== undefined) return { outcome: 'bad', why: found.title };
      const ran = job.steps.some(({ step, status }) => step === 'suite' && status === 'PASS');
      const missing = job.tests.some(({ status }) => status === 'MISS');
      return ran && !missing ? { outcome: 'good', why: 'no such report' } : undefined;
    }
    case 'cmd':
      return ofCommand(predicate, job);
    case 'test':
    case 'timing':
  }
  return ofTest(predicate, job);
}

/** Its exit code counts, not what it left behind in the guest. */
function ofCommand(
  { command, suite }: Extract<Predicate, { readonly kind: 'cmd' }>,
  job: JobResult,
): Judgement | undefined {
  const path = [suite, commandTest(command)];
  const own = job.tests.filter(
    (point) => isBelow(point.path, path) && point.path[2]?.startsWith('exit code ') === true,
  );
  const tests = own.length === 0 ? job.tests : own;
  return ofTest({ kind: 'test', path, errorIsBad: false }, { ...job, tests });
}

function ofTest(
  predicate: Extract<Predicate, { readonly path: readonly string[] }>,
  job: JobResult,
): Judgement | undefined {
  const { path } = predicate;
  const points = job.tests.filter((point) => isBelow(point.path, path));
  // A case that FAILed has, even if the test came to no good end; one that never came has what its test has.
  const status = points.length > 0 ? worst(points.map(statusOf)) : jobStatus(job, path);
  const shown = points.find((point) => point.status === status);
  const detail = shown?.diagnostics[0] ?? shown?.directive?.reason;
  const why = `${status ?? 'no result'}${detail === undefined ? '' : `: ${detail}`}`;
  if (predicate.kind === 'timing') {
    if (status !== 'PASS') return status === undefined || status === 'MISS' ? undefined : skip(why);
    const ms = points.reduce((sum, point) => sum + (point.ms ?? 0), 0);
    return { outcome: ms > predicate.maxMs ? 'bad' : 'good', why: `${ms} ms` };
  }
  const bad: readonly Status[] =
    predicate.kind === 'test' && predicate.errorIsBad ? ['FAIL', 'ERROR'] : ['FAIL'];
  if (status === undefined || status === 'MISS') return undefined;
  // The guest was lost under it, and nobody knows why.
  if (status === 'ERROR' && job.failure?.code === 'connection-lost') return undefined;
  if (bad.includes(status) && !notBuilt(job)) return { outcome: 'bad', why };
  if (status === 'PASS') return { outcome: 'good', why };
  return skip(why);
}

const statusOf = (part: { readonly status: Status }): Status => part.status;

const skip = (why: string): Judgement => ({ outcome: 'skip', why });

/** The suite's programs do not compile: its ERRORs are none of the kernel's. */
const notBuilt = (job: JobResult): boolean => !job.steps.some(({ step }) => step === 'boot');
