// What a guest that does not answer any more can be made to say before its machine goes: blocked tasks and where its CPUs are,
// by SysRq on the console; by an NMI if it takes no interrupts; by QEMU's own view of the CPUs if nothing else.
import { stopwatch } from '../util/deadline.ts';
import { says, sizeOf } from './console-file.ts';
import { type CpuSample, deafCpus, isSteady, watchCpus } from './cpus.ts';
import type { Machine } from './machine.ts';
import { watchStarvation } from './starvation.ts';

export interface LastWords {
  /** The byte of console.log at which they begin. */
  readonly from: number;
  /** What it answered to; `nothing`: not even QEMU did. */
  readonly heard: 'sysrq' | 'nmi' | 'registers' | 'nothing';
  /** As QEMU saw them before anything was asked; empty if it did not say. */
  readonly cpus: CpuSample;
  /** CPUs that took no interrupts and got nowhere, whenever QEMU was asked. */
  readonly deaf: readonly number[];
  /** Each CPU that was not halted stayed where it was, deaf to interrupts, whenever QEMU was asked: it hangs for sure. */
  readonly steady: boolean;
  /** This host let QEMU wait for processors half the time and more: what is slow may look like a hang. */
  readonly starved: boolean;
}

/**
 * Milliseconds: until the first word, at most between two, and altogether. What is said in an NMI comes out after all
 * CPUs were told to stop, which is waited for: three seconds under emulation, more under load.
 */
const limits = {
  sysrq: { first: 1000, between: 250, all: 1500 },
  nmi: { first: 9000, between: 300, all: 9500 },
};

/**
 * Asks; takes a second, or with an NMI three, on a host with nothing else to do. Never rejects: a machine that is gone says nothing.
 * `mayEnd`: whether a guest that hears no key gets an NMI, too, of which it panics.
 */
export async function lastWords(
  machine: Pick<Machine, 'consolePath' | 'exited' | 'nmi' | 'pid' | 'qmp' | 'sysrq'>,
  mayEnd = true,
): Promise<LastWords> {
  const from = await sizeOf(machine.consolePath);
  const isStarved = await watchStarvation(machine.pid);
  const samples = await watchCpus(machine, 4);
  if (samples === undefined)
    return {
      from,
      heard: 'nothing',
      cpus: [],
      deaf: [],
      steady: false,
      starved: await isStarved(),
    };
  const [cpus = []] = samples;
  const steady = isSteady(samples);
  const heard = await askKernel(machine, steady, mayEnd || steady);
  return { from, heard, cpus, deaf: deafCpus(samples), steady, starved: await isStarved() };
}

async function askKernel(
  machine: Pick<Machine, 'consolePath' | 'exited' | 'nmi' | 'sysrq'>,
  steady: boolean,
  mayEnd: boolean,
): Promise<LastWords['heard']> {
  // All that is not halted is deaf; a key would reach nobody, or a CPU that cannot do without the others.
  if (!steady && (await askByKeys(machine))) return 'sysrq';
  if (!mayEnd) return 'registers';
  const at = await sizeOf(machine.consolePath);
  const sent = await worked(machine.nmi());
  const answered = sent && (await said(machine, at, 'NMI', limits.nmi));
  return answered ? 'nmi' : 'registers';
}

/** Blocked tasks, then all CPUs three times: one that stays where it is does not get on. */
async function askByKeys(machine: Pick<Machine, 'consolePath' | 'exited' | 'sysrq'>) {
  for (const key of ['w', 'l', 'l', 'l'] as const) {
    const at = await sizeOf(machine.consolePath);
    const sent = await worked(machine.sysrq(key));
    // One that answered the first key lives, and may still be busy with all it has to say.
    if (!sent || !(await said(machine, at, 'sysrq: ', limits.sysrq))) return key !== 'w';
  }
  return true;
}

const worked = (promise: Promise<unknown>): Promise<boolean> =>
  promise.then(
    () => true,
    () => false,
  );

/** Waits until the console has said a word and then nothing more for a while. False if it did not say it. */
async function said(
  { consolePath, exited }: Pick<Machine, 'consolePath' | 'exited'>,
  from: number,
  word: string,
  limit: { readonly first: number; readonly between: number; readonly all: number },
): Promise<boolean> {
  const since = stopwatch();
  const state = { gone: false };
  void exited.then(() => (state.gone = true));
  let size = from;
  let grew = 0;
  let heard = false;
  for (;;) {
    const last = state.gone;
    const now = await sizeOf(consolePath);
    if (now !== size) {
      heard ||= await says(consolePath, from, word);
      [size, grew] = [now, since()];
    }
    const patience = heard ? limit.between : limit.first;
    if (last || since() - grew > patience || since() > limit.all) return heard;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
