// Devices that come, go and change size while the guest runs. What QEMU or the guest refuses comes back as data,
// because tests expect some refusals; only a lost connection is a failure.
import type { Device } from '../core/topology.ts';
import { backendId, deviceParts, diskId, limitId, type Props } from './devices.ts';
import { nextEvent, type Qmp } from './qmp.ts';

export type HotplugAnswer = { readonly ok: true } | { readonly ok: false; readonly error: string };

export interface HotplugOptions {
  readonly signal?: AbortSignal;
  /** How long the guest may take to let go of a device or to reach a size. Default 15 s. */
  readonly timeoutMs?: number;
}

/**
 * Plugs a device of the topology's `hotplug` list: backends, then the device. QEMU has taken it when this is ok;
 * the guest notices a little later. When QEMU refuses, nothing of it stays behind.
 */
export async function plug(
  qmp: Qmp,
  device: Device,
  backingDir: string,
  options: HotplugOptions = {},
): Promise<HotplugAnswer> {
  const parts = deviceParts(device, backingDir);
  const steps: readonly Step[] = [
    // A slow disk names its throttle group, so objects come first.
    ...parts.objects.map((props) => ({
      add: ['object-add', props] as const,
      undo: ['object-del', { id: props['id'] }] as const,
    })),
    ...parts.blockdevs.map((props) => ({
      add: ['blockdev-add', nested(props)] as const,
      undo: ['blockdev-del', { 'node-name': props['node-name'] }] as const,
    })),
    ...parts.devices.map((props) => ({
      add: ['device_add', props] as const,
      undo: ['device_del', { id: props['id'] }] as const,
    })),
  ];
  for (const [index, step] of steps.entries()) {
    const answer = await qmp.execute(...step.add, signalOf(options));
    if (answer.ok) continue;
    for (const { undo } of steps.slice(0, index).toReversed())
      await qmp.execute(...undo, signalOf(options));
    return answer;
  }
  return { ok: true };
}

/** Asks the guest to let a device go, and waits until it has or has refused. Its backend goes with it. */
export async function unplug(
  qmp: Qmp,
  id: string,
  options: HotplugOptions = {},
): Promise<HotplugAnswer> {
  const timeoutMs = options.timeoutMs ?? 15_000;
  const verdict = nextEvent(
    qmp,
    (event) => unplugEvents.has(event.event) && event.data['device'] === id,
    { ...signalOf(options), timeoutMs },
  );
  // Awaited only if QEMU accepts the request; until then its failure must not count as unhandled.
  verdict.catch(() => undefined);
  const asked = await qmp.execute('device_del', { id }, signalOf(options));
  if (!asked.ok) return asked;
  const event = await verdict;
  if (event === undefined)
    return { ok: false, error: `the guest did not let go of ${id} within ${timeoutMs} ms` };
  if (event.event !== 'DEVICE_DELETED') {
    const why = event.data['msg'];
    return { ok: false, error: typeof why === 'string' ? why : event.event };
  }
  await dropBackends(qmp, id, options);
  return { ok: true };
}

/** Gives a virtio-mem device a new size in bytes, and waits until the guest has plugged or unplugged that much. */
export async function resize(
  qmp: Qmp,
  id: string,
  bytes: number,
  options: HotplugOptions = {},
): Promise<HotplugAnswer> {
  const timeoutMs = options.timeoutMs ?? 15_000;
  const path = `/machine/peripheral/${id}`;
  const set = { path, property: 'requested-size', value: bytes };
  const asked = await qmp.execute('qom-set', set, signalOf(options));
  if (!asked.ok) return asked;
  const end = performance.now() + timeoutMs;
  for (;;) {
    const size = await qmp.execute('qom-get', { path, property: 'size' }, signalOf(options));
    if (!size.ok) return size;
    if (size.value === bytes) return { ok: true };
    if (performance.now() >= end)
      return { ok: false, error: `${id} is at ${String(size.value)} of ${bytes} bytes` };
    // QEMU sends this event at most once a second, and the last one may come late: look again soon in any case.
    await nextEvent(qmp, (event) => event.event === 'MEMORY_DEVICE_SIZE_CHANGE', {
      ...signalOf(options),
      timeoutMs: 50,
    });
  }
}

type Command = readonly [command: string, args: Readonly<Record<string, unknown>>];

/** One thing to add, and how it goes away again. */
interface Step {
  readonly add: Command;
  readonly undo: Command;
}

const unplugEvents = new Set(['DEVICE_DELETED', 'MEM_UNPLUG_ERROR', 'DEVICE_UNPLUG_GUEST_ERROR']);

/** What is not there cannot be dropped; QEMU's complaint about that is of no interest. */
async function dropBackends(qmp: Qmp, id: string, options: HotplugOptions): Promise<void> {
  await qmp.execute('object-del', { id: backendId(id) }, signalOf(options));
  await qmp.execute('blockdev-del', { 'node-name': diskId(id) }, signalOf(options));
  await qmp.execute('object-del', { id: limitId(id) }, signalOf(options));
}

/** `file.driver` → `{ file: { driver } }`, to any depth: QMP wants objects where the command line has dots. */
function nested(props: Props): Record<string, unknown> {
  const out = new Map<string, unknown>();
  const inside = new Map<string, Props>();
  for (const [key, value] of Object.entries(props)) {
    const dot = key.indexOf('.');
    if (dot === -1) out.set(key, value);
    else {
      const outer = key.slice(0, dot);
      inside.set(outer, { ...inside.get(outer), [key.slice(dot + 1)]: value });
      out.set(outer, nested(inside.get(outer) ?? {}));
    }
  }
  return Object.fromEntries(out);
}

function signalOf(options: HotplugOptions): { readonly signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
