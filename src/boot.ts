// From a topology and a kernel to a guest that answers: QEMU started, init ready, ssh connected, the right kernel.
import { join } from 'node:path';
import { followLines } from './console/reader.ts';
import { FailureError } from './core/failure.ts';
import type { Suite } from './core/suite.ts';
import type { Topology } from './core/topology.ts';
import type { GuestKeys } from './guest/keys.ts';
import { connectGuest, type Guest } from './guest/ssh.ts';
import { stopwatch, within } from './util/deadline.ts';
import { diedFailure, type Machine, startMachine } from './vm/machine.ts';
import type { Accel } from './vm/qemu-args.ts';

export interface BootRequest {
  readonly topology: Topology;
  /** Whose modules and command line words are wanted besides the topology's. */
  readonly suite?: Pick<Suite, 'modules' | 'append'>;
  readonly qemu: string;
  readonly image: string;
  /** `make kernelrelease`, which `uname -r` must equal; undefined for a kernel built elsewhere. */
  readonly release?: string;
  readonly initrd: string;
  readonly keys: GuestKeys;
  readonly accel: Accel;
  /** Factor on every time limit. */
  readonly timeoutScale: number;
  /** Existing folder for console.log, qemu.log, qemu.argv and backing files. */
  readonly dir: string;
  /** Further QEMU arguments. */
  readonly extra?: readonly string[];
  /** Told once QEMU runs, before the guest does. */
  readonly onStarted?: (machine: Machine) => void;
}

export interface Booted {
  readonly machine: Machine;
  readonly guest: Guest;
  /** Milliseconds from QEMU's start to the first answered ssh command. */
  readonly ms: number;
}

/** Milliseconds under TCG, before scaling. */
const limits = { boot: 60_000, silence: 30_000, ssh: 20_000, lastWords: 3_000 };

/**
 * Boots. Throws FailureError `series/boot-panic|boot-silent|boot-reset` once the kernel has printed its first line,
 * `lab/…` before that: making a machine is the lab's job.
 */
export async function boot(
  request: BootRequest,
  ctx: { readonly signal: AbortSignal },
): Promise<Booted> {
  const sinceStart = stopwatch();
  const nonce = crypto.randomUUID();
  const machine = await startMachine(
    {
      qemu: request.qemu,
      topology: request.topology,
      kernel: request.image,
      initrd: request.initrd,
      append: [
        `pgmap.ready=${nonce}`,
        `pgmap.modules=${[...request.topology.modules, ...(request.suite?.modules ?? [])].join(',')}`,
        ...(request.suite?.append ?? []),
      ],
      accel: request.accel,
      dir: request.dir,
      backingDir: join(request.dir, 'backing'),
      ...(request.extra === undefined ? {} : { extra: request.extra }),
    },
    ctx,
  );
  try {
    request.onStarted?.(machine);
    await untilReady(machine, nonce, request.timeoutScale, sinceStart, ctx.signal);
    const guest = await connectGuest(machine.sshPort, request.keys, {
      signal: ctx.signal,
      readyTimeoutMs: limits.ssh * request.timeoutScale,
    });
    const release = (await guest.exec(['uname', '-r'])).stdout.trim();
    if (request.release !== undefined && release !== request.release)
      throw new FailureError({
        blame: 'tool',
        code: 'wrong-kernel',
        title: `the guest runs ${release}, but ${request.release} was built`,
      });
    return { machine, guest, ms: Math.round(sinceStart()) };
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
}

/** Follows the console until init says it is ready; throws what happened instead. */
async function untilReady(
  machine: Machine,
  nonce: string,
  scale: number,
  sinceStart: () => number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const deadline = within(signal, limits.boot * scale);
  const stop = AbortSignal.any([deadline, over.signal]);
  void machine.exited.then(() => over.abort());
  let silence: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => over.abort(), limits.silence * scale);
  };
  let started = false;
  let panic: string | undefined;
  heard();
  try {
    const { consolePath, consoleFrom: from } = machine;
    for await (const line of followLines(consolePath, { signal: stop, pollMs: 5, from })) {
      heard();
      started ||= line.text.includes('Linux version');
      if (line.text.endsWith(`pgmap: ready ${nonce}`)) {
        checkClock(line.text, sinceStart());
        return;
      }
      if (panic === undefined && line.text.includes('Kernel panic - not syncing')) {
        panic = line.text.replace(/^\[[^\]]*\] /, '');
        // The report's tail is still to come.
        setTimeout(() => over.abort(), limits.lastWords).unref();
      }
    }
  } finally {
    clearTimeout(silence);
  }
  signal.throwIfAborted();
  if (panic !== undefined)
    throw bootFailure('boot-panic', `the kernel panicked while booting: ${panic}`);
  const exit = await Promise.race([machine.exited, Promise.resolve(undefined)]);
  if (exit !== undefined && !started) throw await diedFailure(exit, machine.logPath);
  if (!started)
    throw new FailureError({
      blame: 'lab',
      code: 'boot-no-kernel',
      title: 'QEMU runs, but the kernel never printed a line',
      hint: 'Repeat the boot with the line in qemu.argv. With KVM: try --accel tcg.',
      artifact: machine.consolePath,
    });
  if (exit !== undefined)
    throw bootFailure('boot-reset', 'the machine reset or went away while the kernel booted');
  throw bootFailure('boot-silent', 'the kernel started, but its user space never became ready');
}

/**
 * On a loaded host the kernel sometimes calibrates its time stamp counter far too low ("PIT calibration deviates from
 * HPET"). Its seconds are then a fraction of ours: limits expire at once and soft lockups are reported that are none.
 * A guest that has lived much longer than its QEMU gives itself away; clocks gone wild are tens of times too fast.
 */
export function checkClock(readyLine: string, elapsedMs: number): void {
  const guestMs = 1000 * Number(/^\[ *(\d+\.\d+)\]/.exec(readyLine)?.[1] ?? 0);
  if (guestMs <= 1.5 * elapsedMs + 5000) return;
  throw new FailureError({
    blame: 'lab',
    code: 'guest-clock',
    title: `the guest's clock runs wild: ${(guestMs / 1000).toFixed(1)} s since its boot, ${(elapsedMs / 1000).toFixed(1)} s here`,
    hint: 'The host was too busy while the kernel calibrated its clock: run less beside it.',
  });
}

const bootFailure = (code: string, title: string): FailureError =>
  new FailureError({
    blame: 'series',
    code,
    title,
    hint: 'The end of console.log shows how far it came; qemu.argv repeats the boot.',
  });
