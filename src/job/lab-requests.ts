// What a test may ask of its machine: to plug, unplug and resize devices that the topology lists, by name.
import { parseSize } from '../core/units.ts';
import type { Topology } from '../core/topology.ts';
import { plug, resize, unplug } from '../vm/hotplug.ts';
import type { Machine } from '../vm/machine.ts';

/** Does it. Answers `ok` or `error TEXT`; rejects if QEMU is gone. */
export async function serveLab(
  request: string,
  machine: Pick<Machine, 'qmp' | 'backingDir'>,
  topology: Pick<Topology, 'name' | 'hotplug'>,
  signal: AbortSignal,
): Promise<string> {
  const [verb, id, size] = request.trim().split(/\s+/);
  const device = topology.hotplug.find((one) => one.id === id);
  if (device === undefined || id === undefined)
    return `error topology ${topology.name} has no device '${id ?? ''}' to plug`;
  const answer =
    verb === 'plug'
      ? await plug(machine.qmp, device, machine.backingDir, { signal })
      : verb === 'unplug'
        ? await unplug(machine.qmp, id, { signal })
        : verb === 'resize' && size !== undefined
          ? await resize(machine.qmp, id, parseSize(size), { signal })
          : { ok: false as const, error: `the lab cannot '${request}'` };
  return answer.ok ? 'ok' : `error ${answer.error}`;
}
