// Why there is no machine, or no machine any more: QEMU's exit and its own words as a Failure.
import { open, readFile } from 'node:fs/promises';
import { type Failure, FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import type { Topology } from '../core/topology.ts';
import { formatSize } from '../core/units.ts';
import { hostMemoryNeed } from './qemu-args.ts';

export interface MachineExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What an unexpected end of QEMU means, with the last lines it wrote. */
export async function diedFailure(exit: MachineExit, logPath: string): Promise<FailureError> {
  return died(exit, { path: logPath, text: await readLog(logPath) });
}

/** Why QEMU ended before its control connection answered. */
export function startFailure(
  spec: { readonly qemu: string; readonly topology: Topology },
  argv: readonly string[],
  exit: MachineExit,
  log: { readonly path: string; readonly text: string },
  cause: unknown,
): FailureError {
  const missing =
    exit.code === 127 && (log.text === '' || /^setpriv: failed to execute/m.test(log.text));
  if (missing) {
    const program = log.text === '' ? 'setpriv' : spec.qemu;
    return new FailureError(
      {
        blame: 'lab',
        code: 'qemu-missing',
        title: `${program} is not on this host`,
        hint: 'apt-get install qemu-system-x86 util-linux',
      },
      { cause },
    );
  }
  if (/cannot set up guest memory|cannot allocate memory/i.test(log.text))
    return noMemory(spec.topology, lastLines(log.text));
  if (exit.signal === null && exit.code !== 0)
    return new FailureError(
      {
        blame: 'lab',
        code: 'qemu-refused',
        title: `QEMU refuses topology '${spec.topology.name}': ${complaint(log.text)}`,
        detail: `${commandLine(argv)}\n${lastLines(log.text)}`,
        hint: 'This QEMU may be too old for the topology: `pgmap doctor` shows what it can do.',
        artifact: log.path,
      },
      { cause },
    );
  return died(exit, log);
}

/** QEMU's own words, without the program's name in front. */
function complaint(log: string): string {
  const lines = log.split('\n').filter((one) => !one.includes(': warning: '));
  const line = lines.find((one) => /^[^ ]*qemu[^ ]*: /.test(one)) ?? lines[0];
  return (line ?? '').replace(/^[^ ]*qemu[^ ]*: /, '').trim() || 'it does not say why';
}

/** @see proc(5) MemAvailable. What cannot be read is taken for enough. Throws `lab/host-memory`. */
export async function checkHostMemory(topology: Topology): Promise<void> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  if (kib === undefined || Number(kib) * 1024 >= hostMemoryNeed(topology)) return;
  throw noMemory(topology, `MemAvailable: ${formatSize(Number(kib) * 1024)}`);
}

const noMemory = (topology: Topology, detail: string): FailureError =>
  new FailureError({
    blame: 'lab',
    code: 'host-memory',
    title: `this host has no ${formatSize(hostMemoryNeed(topology))} to spare for topology '${topology.name}'`,
    detail,
    hint: 'Run fewer jobs at once (--jobs 1), or on a host with more memory.',
  });

function died(
  exit: MachineExit,
  log: { readonly path: string; readonly text: string },
): FailureError {
  const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`;
  return new FailureError({
    blame: 'lab',
    code: 'qemu-died',
    title: `QEMU ended ${how}`,
    detail: lastLines(log.text),
    hint:
      exit.signal === 'SIGKILL'
        ? 'Somebody killed it; the kernel does when the host is out of memory (see dmesg).'
        : 'See qemu.log and the end of console.log.',
    artifact: log.path,
  });
}

/** Why QEMU does not answer any more, although it is there. */
export async function muteFailure(pid: number): Promise<Failure> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // @see proc(5), state
  const stopped = /\) [tT] /.test(stat);
  return {
    blame: 'lab',
    code: 'qemu-hung',
    title: stopped ? 'QEMU was stopped by a signal' : 'QEMU does not answer any more',
    hint: stopped
      ? 'Somebody sent it SIGSTOP, or a debugger holds it.'
      : 'The host is overloaded, or QEMU hangs: see qemu.log.',
  };
}

/** At most the last 64 KiB: QEMU can be made to complain without end. */
export async function readLog(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 65_536);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function lastLines(log: string): string {
  return log.trimEnd().split('\n').slice(-10).join('\n');
}
