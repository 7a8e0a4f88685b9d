// The questions that are put to a guest which does not answer by itself any more, and its answers in words.
import { type Hang, readHang } from '../console/hang.ts';
import type { Failure } from '../core/failure.ts';
import { readTail, sizeOf } from '../vm/console-file.ts';
import type { CpuState } from '../vm/cpus.ts';
import { lastWords, type LastWords } from '../vm/last-words.ts';
import type { Machine } from '../vm/machine.ts';
import type { ConsoleRange } from './splats.ts';

export interface Answers {
  readonly heard: LastWords['heard'];
  /** What the console says only because it was asked. */
  readonly asked: ConsoleRange;
  readonly hang: Hang;
  /** Nothing that it says or does not say proves anything: this host is too busy, and no CPU stands still. */
  readonly doubtful: boolean;
  /** CPUs that take no interrupts and go nowhere. */
  readonly deaf: readonly number[];
  /** All that are not halted are deaf. */
  readonly steady: boolean;
  /** All CPUs were waiting for an interrupt when it was asked. */
  readonly idle: boolean;
  /** A line for each CPU and each blocked task. */
  readonly facts: readonly string[];
  /** The facts, and all that it said. */
  readonly text: string;
}

export type Asked = Pick<Machine, 'consolePath' | 'exited' | 'nmi' | 'pid' | 'qmp' | 'sysrq'>;

/** Of what a guest was made to say, the most that is kept, in bytes. */
const maxSaid = 65_536;
const maxBlocked = 20;

/** Takes as long as lastWords() does; never rejects. `symbolise` says where in the sources frames are. */
export async function ask(
  machine: Asked,
  symbolise = (text: string): Promise<string> => Promise.resolve(text),
  mayEnd = true,
): Promise<Answers> {
  const { from, heard, cpus, deaf, steady, starved } = await lastWords(machine, mayEnd);
  const to = await sizeOf(machine.consolePath);
  const said = await readTail(machine.consolePath, from, maxSaid);
  const hang = readHang(said);
  const facts = (await symbolise([...cpuLines(cpus), ...hangLines(hang)].join('\n'))).split('\n');
  const text = [...facts, await symbolise(said.trimEnd())].join('\n').trim();
  const idle = hang.cpus.every((one) => one.function === undefined) && cpus.every(isHalted);
  return {
    heard,
    asked: { from, to },
    hang,
    idle,
    facts,
    text,
    deaf,
    steady,
    doubtful: starved && !steady,
  };
}

/** The failure when a guest was too slow to tell whether it hangs. */
export const overloaded = (title: string): Failure => ({
  blame: 'lab',
  code: 'host-overloaded',
  title: `${title}: this host is too busy to tell a slow guest from one that hangs`,
  hint: 'Run less beside it, or fewer guests at once (--jobs).',
});

const isHalted = ({ halted }: CpuState): boolean => halted;

const cpuLines = (cpus: readonly CpuState[]): string[] =>
  cpus.map(({ index, rip, halted, inUserSpace, takesInterrupts }) => {
    const state = halted ? 'halted' : inUserSpace ? 'in user space' : 'in the kernel';
    return `CPU ${index}: ${state}, interrupts ${takesInterrupts ? 'on' : 'off'}, RIP ${rip}`;
  });

const hangLines = ({ cpus, blocked }: Hang): string[] => [
  ...new Set([
    ...cpus.flatMap(({ cpu, comm, function: name }) =>
      name === undefined ? [] : [`CPU ${cpu}: ${comm ?? '?'} in ${name}`],
    ),
    ...blocked
      .slice(0, maxBlocked)
      .map(({ comm, pid, function: name }) => `blocked: ${comm} (${pid}) in ${name ?? '?'}`),
  ]),
];
