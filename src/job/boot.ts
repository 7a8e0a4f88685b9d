// From a topology and a kernel to a guest that answers: QEMU started, init ready, ssh connected, the right kernel.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, overloaded } from './ask.ts';
import { followLines } from '../console/reader.ts';
import { FailureError } from '../core/failure.ts';
import { limits as most } from '../core/limits.ts';
import type { Suite } from '../core/suite.ts';
import type { Topology } from '../core/topology.ts';
import { formatSize } from '../core/units.ts';
import type { GuestKeys } from '../guest/keys.ts';
import { connectGuest, type Guest } from '../guest/ssh.ts';
import { answered } from './signs.ts';
import { stopwatch, within } from '../util/deadline.ts';
import { diedFailure, type Machine, muteFailure, startMachine } from '../vm/machine.ts';
import type { Accel } from '../vm/qemu-args.ts';

/** What every guest of a kernel has in common. */
export interface GuestKit {
  readonly qemu: string;
  readonly image: string;
  /** `make kernelrelease`, which `uname -r` must equal; undefined for a kernel built elsewhere. */
  readonly release?: string;
  /** SHA-256 of what /sys/kernel/notes must hold, with the build id; undefined if nobody knows. */
  readonly notes?: string;
  readonly initrd: string;
  readonly keys: GuestKeys;
  readonly accel: Accel;
  /** Factor on every time limit. */
  readonly timeoutScale: number;
  /** Says where in the sources the frames of a report are; only asked for reports that count. */
  readonly symbolise?: (text: string) => Promise<string>;
}

export interface BootRequest extends GuestKit {
  readonly topology: Topology;
  /** Whose modules and command line words are wanted besides the topology's. */
  readonly suite?: Pick<Suite, 'modules' | 'append'>;
  /** Existing folder for console.log, qemu.log, qemu.argv and backing files. */
  readonly dir: string;
  /** Further QEMU arguments. */
  readonly extra?: readonly string[];
  /** Told once QEMU runs, before the guest does. */
  readonly onStarted?: (machine: Machine) => void;
  /** Told what the console says only because it was asked, when the guest does not come up. */
  readonly onAsked?: (range: { readonly from: number; readonly to: number }) => void;
}

export interface Booted {
  readonly machine: Machine;
  readonly guest: Guest;
  /** Milliseconds from QEMU's start to the first answered ssh command. */
  readonly ms: number;
  /**
   * Resets the machine as its button does, and gives the guest that boots then. The one before must have been disposed
   * of. Throws as boot does; the machine is still there then.
   */
  reset(): Promise<Guest>;
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
    const guest = await untilAnswer(
      machine,
      request,
      { nonce, from: machine.consoleFrom },
      ctx.signal,
    );
    const reset = async (): Promise<Guest> => {
      const { size } = await stat(machine.consolePath);
      await machine.reset();
      return untilAnswer(machine, request, { nonce, from: size }, ctx.signal);
    };
    return { machine, guest, ms: Math.round(sinceStart()), reset };
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
}

/** What init says, and the byte of the console from which on it counts. */
interface Awaited {
  readonly nonce: string;
  readonly from: number;
}

async function untilAnswer(
  machine: Machine,
  request: BootRequest,
  awaited: Awaited,
  signal: AbortSignal,
): Promise<Guest> {
  await untilReady(machine, awaited, request, signal);
  const guest = await connectGuest(machine.sshPort, request.keys, {
    signal,
    readyTimeoutMs: limits.ssh * request.timeoutScale,
  });
  await checkKernel(request, guest, signal);
  return guest;
}

/** That the guest runs what was built, and not something of the same name. */
async function checkKernel(
  { release, notes, timeoutScale }: BootRequest,
  guest: Guest,
  stop: AbortSignal,
): Promise<void> {
  const argv = ['sh', '-c', 'uname -r; sha256sum </sys/kernel/notes'];
  const limitMs = limits.ssh * timeoutScale;
  const { stdout } = await answered((signal) => guest.exec(argv, { signal }), limitMs, stop);
  const [is = '', sum = ''] = stdout.split('\n');
  if (release !== undefined && is !== release)
    throw wrongKernel(`the guest runs ${is}, but ${release} was built`);
  if (notes !== undefined && !sum.startsWith(notes))
    throw wrongKernel(`the guest runs another ${is} than the one that was built`);
}

const wrongKernel = (title: string): FailureError =>
  new FailureError({
    blame: 'tool',
    code: 'wrong-kernel',
    title,
    hint: 'The image in the cache is not of its vmlinux: `pgmap clean --older-than 0s --what kernels objects ccache`, and tell us.',
  });

type Waiting = Pick<BootRequest, 'timeoutScale' | 'onAsked' | 'symbolise'>;

/** Follows the console until init says it is ready; throws what happened instead. */
async function untilReady(
  machine: Machine,
  { nonce, from }: Awaited,
  { timeoutScale: scale, onAsked, symbolise }: Waiting,
  signal: AbortSignal,
): Promise<void> {
  const sinceStart = stopwatch();
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
    const { consolePath } = machine;
    for await (const line of followLines(consolePath, { signal: stop, pollMs: 5, from })) {
      heard();
      if (line.to - from > most.consoleBytesPerBoot)
        throw bootFailure(
          'console-flood',
          `more than ${formatSize(most.consoleBytesPerBoot)} on the console, and user space is not ready`,
        );
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
  // A guest that ends its machine does so in good order.
  if (exit !== undefined && (!started || exit.signal !== null || exit.code !== 0))
    throw await diedFailure(exit, machine.logPath);
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
  const { asked, text, doubtful, ...answers } = await ask(machine, symbolise);
  onAsked?.(asked);
  if (answers.heard === 'nothing') throw new FailureError(await muteFailure(machine.pid));
  const title = 'the kernel started, but its user space never became ready';
  if (doubtful) throw new FailureError({ ...overloaded(title), detail: text });
  throw bootFailure('boot-silent', title, text);
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

const bootFailure = (code: string, title: string, detail = ''): FailureError =>
  new FailureError({
    blame: 'series',
    code,
    title,
    ...(detail === '' ? {} : { detail }),
    hint: 'The end of console.log shows how far it came; qemu.argv repeats the boot.',
  });
