// The CPUs of a guest as QEMU sees them, whether the guest answers or not.
import type { Machine } from './machine.ts';

/** A CPU as QEMU sees it. */
export interface CpuState {
  readonly index: number;
  /** Sixteen hexadecimal digits. */
  readonly rip: string;
  /** In HLT: it waits for an interrupt. */
  readonly halted: boolean;
  readonly inUserSpace: boolean;
  /** RFLAGS.IF */
  readonly takesInterrupts: boolean;
}

/** All CPUs at one moment. */
export type CpuSample = readonly CpuState[];

const pauseMs = 100;
/** QEMU has to stop each CPU for an answer: with a fork bomb in the guest that has taken more than a second. */
const answerMs = 3000;

/** Looks at the CPUs `times` times, a tenth of a second apart. Undefined if QEMU does not answer; never rejects. */
export async function watchCpus(
  machine: Pick<Machine, 'qmp'>,
  times: number,
): Promise<readonly CpuSample[] | undefined> {
  const samples: CpuSample[] = [];
  while (samples.length < times) {
    const registers = await askRegisters(machine);
    if (registers === undefined) return undefined;
    samples.push(parseRegisters(registers));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return samples;
}

/** The CPUs that took no interrupts and got nowhere, whenever they were looked at; by their index. */
export function deafCpus(samples: readonly CpuSample[]): number[] {
  const [first = []] = samples;
  return first
    .filter(
      ({ index, rip, halted }) => !halted && samples.every((sample) => stays(sample, index, rip)),
    )
    .map(({ index }) => index);
}

function stays(sample: CpuSample, index: number, rip: string): boolean {
  const now = sample.find((one) => one.index === index);
  // Of one page: a loop has more than one instruction.
  return now !== undefined && !now.takesInterrupts && now.rip.slice(0, 13) === rip.slice(0, 13);
}

/** At least one CPU is deaf, and none that is not halted gets anywhere. */
export function isSteady(samples: readonly CpuSample[]): boolean {
  const deaf = deafCpus(samples);
  const busy = (samples[0] ?? []).filter(({ halted }) => !halted);
  return busy.length > 0 && busy.length === deaf.length;
}

/** The CPUs in what `info registers -a` prints. @see QEMU's target/i386/cpu-dump.c */
export function parseRegisters(text: string): CpuState[] {
  return text
    .slice(0, 1_000_000)
    .split(/^(?=CPU#\d)/m)
    .flatMap((part): CpuState[] => {
      const index = /^CPU#(\d{1,5})/.exec(part)?.[1];
      const line = /^RIP=([0-9a-f]{16}) RFL=([0-9a-f]{8}) .*CPL=(\d).*HLT=(\d)/m.exec(part);
      if (index === undefined || line === null) return [];
      const [, rip = '', flags = '0', level, halted] = line;
      return [
        {
          ...{ index: Number(index), rip, halted: halted === '1', inUserSpace: level === '3' },
          takesInterrupts: (Number.parseInt(flags, 16) & 0x200) !== 0,
        },
      ];
    });
}

/** Undefined if QEMU does not answer. */
async function askRegisters({ qmp }: Pick<Machine, 'qmp'>): Promise<string | undefined> {
  const args = { 'command-line': 'info registers -a' };
  const patience = { timeoutMs: answerMs };
  try {
    const answer = await qmp.execute('human-monitor-command', args, patience);
    return answer.ok && typeof answer.value === 'string' ? answer.value : '';
  } catch {
    return undefined;
  }
}
