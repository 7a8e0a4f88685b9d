// What this QEMU and this host can do: its devices, and whether KVM really runs a kernel.
import { readFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { FailureError } from '../core/failure.ts';
import type { Topology } from '../core/topology.ts';
import { readIfThere, writeAtomic } from '../util/files.ts';
import { run } from '../util/proc.ts';
import { modelsOf } from './devices.ts';
import { unprivileged } from './privileges.ts';
import { type Accel, sandboxArgs } from './qemu-args.ts';

export interface QemuFacts {
  /** E.g. `7.2.22`. */
  readonly version: string;
  /** Device models as `-device help` names them. */
  readonly models: ReadonlySet<string>;
}

export interface AccelChoice {
  readonly accel: Accel;
  /** Why it is not the faster one: a line for the report. */
  readonly note?: string;
}

/** Time limits are written down for TCG, the slowest there is; multiply by this. */
export const timeoutScale: Readonly<Record<Accel, number>> = { kvm: 0.5, tcg: 1 };

/** Asks QEMU. Throws FailureError `lab/qemu-missing` or `lab/qemu-broken`. */
export async function qemuFacts(qemu: string, signal: AbortSignal): Promise<QemuFacts> {
  const [version, devices] = await Promise.all([
    ask(qemu, ['-version'], signal),
    ask(qemu, ['-M', 'q35', '-device', 'help'], signal),
  ]);
  return { version: parseVersion(version), models: parseModels(devices) };
}

/** `QEMU emulator version 7.2.22 (Debian …)` → `7.2.22`. */
export function parseVersion(text: string): string {
  return /version (\d+(?:\.\d+){0,3})/.exec(text)?.[1] ?? 'unknown';
}

/** Lines of `-device help`: `name "nvme", bus PCI, desc "…"`; aliases count. */
export function parseModels(text: string): Set<string> {
  return new Set([...text.matchAll(/\b(?:name|alias) "([^"\n]{1,80})"/g)].map((m) => m[1] ?? ''));
}

/** Why a topology cannot be had from this QEMU, for a SKIP; undefined if it can. */
export function missingFor(topology: Topology, facts: QemuFacts): string | undefined {
  const wanted = new Set([...topology.devices, ...topology.hotplug].flatMap(modelsOf));
  const missing = [...wanted].filter((model) => !facts.models.has(model));
  if (missing.length === 0) return undefined;
  return `QEMU ${facts.version} has no device ${missing.join(', ')}`;
}

/**
 * Which accelerator to use. `auto` believes in KVM only after a kernel printed its first line under it; `kvm` and
 * `tcg` are taken at their word.
 * @param kernel bzImage for the trial boot; without one `auto` does not try and means TCG
 * @param memory JSON file that remembers trials of this host, made if missing
 */
export async function chooseAccel(
  wanted: 'auto' | Accel,
  host: {
    readonly qemu: string;
    readonly version: string;
    readonly kernel?: string;
    readonly memory: string;
    /** How long a kernel may take to its first line. Default 4 s; a KVM that works needs a fraction of a second. */
    readonly trialMs?: number;
  },
  signal: AbortSignal,
): Promise<AccelChoice> {
  if (wanted !== 'auto') return { accel: wanted };
  if (host.kernel === undefined)
    return {
      accel: 'tcg',
      note: 'KVM was not tried, there is no kernel to try it with: using TCG',
    };
  const key = await hostKey(host.version);
  const known = await recall(host.memory);
  const trial = known[key] ?? (await tryKvm(host.qemu, host.kernel, host.trialMs ?? 4000, signal));
  if (typeof trial === 'boolean' && known[key] === undefined)
    await writeAtomic(host.memory, `${JSON.stringify({ ...known, [key]: trial }, undefined, 2)}\n`);
  if (trial === true) return { accel: 'kvm' };
  const why = trial === false ? 'no kernel starts under KVM on this host' : trial.refusal;
  return { accel: 'tcg', note: `${why}: using TCG, which is much slower` };
}

const trialArgs =
  '-nodefaults -no-user-config -no-reboot -display none -accel kvm -cpu max -M q35 -m 256M -serial stdio'.split(
    ' ',
  );

/**
 * /dev/kvm proves nothing: in a nested guest it may open, run the firmware, and never start a kernel.
 * @returns whether a kernel starts, or why QEMU would not even try: that may change any moment and is not remembered
 */
async function tryKvm(
  qemu: string,
  kernel: string,
  trialMs: number,
  signal: AbortSignal,
): Promise<boolean | { readonly refusal: string }> {
  const spoke = new AbortController();
  const append = 'console=ttyS0 earlyprintk=serial,ttyS0 panic=-1';
  const bounds = ['setpriv', ...(await unprivileged([kernel])), '--'];
  const boot = [...trialArgs, ...sandboxArgs, '-kernel', kernel, '-append', append];
  const argv = [...bounds, qemu, ...boot];
  try {
    const result = await run(argv, {
      signal: AbortSignal.any([signal, spoke.signal]),
      timeoutMs: trialMs,
      keepBytes: 65_536,
      onLine: (line) => {
        if (line.includes('Linux version')) spoke.abort();
      },
    });
    if (result.timedOut) return false;
    const said = result.stderr.split('\n')[0] ?? '';
    return { refusal: `QEMU cannot use KVM (${said.slice(0, 200) || 'it does not say why'})` };
  } catch (error) {
    signal.throwIfAborted();
    if (spoke.signal.aborted) return true;
    throw error;
  }
}

/** A trial holds for one QEMU on one boot of one host. @see random(4) boot_id */
async function hostKey(version: string): Promise<string> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
  return [`qemu ${version}`, `linux ${release()}`, cpus()[0]?.model ?? 'cpu', boot].join(' | ');
}

/** Anything but an object of booleans is as good as no memory. */
async function recall(path: string): Promise<Record<string, boolean>> {
  const known: Record<string, boolean> = {};
  try {
    const value: unknown = JSON.parse((await readIfThere(path)) ?? '{}');
    if (typeof value !== 'object' || value === null) return known;
    for (const [key, works] of Object.entries(value))
      if (typeof works === 'boolean') known[key] = works;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return known;
}

async function ask(qemu: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const result = await run([qemu, ...args], { signal, timeoutMs: 20_000 });
    if (result.code === 0) return result.stdout;
    throw new FailureError({
      blame: 'lab',
      code: 'qemu-broken',
      title: `${qemu} ${args.join(' ')} fails`,
      detail: result.stderr.slice(-2000),
      hint: 'apt-get install --reinstall qemu-system-x86',
    });
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'program-missing') throw error;
    throw qemuMissing(qemu, error);
  }
}

const qemuMissing = (qemu: string, cause: unknown): FailureError =>
  new FailureError(
    {
      blame: 'lab',
      code: 'qemu-missing',
      title: `${qemu} is not on this host`,
      hint: 'apt-get install qemu-system-x86',
    },
    { cause },
  );
