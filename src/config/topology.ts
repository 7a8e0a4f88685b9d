// configs/topologies/*.yaml. The types are core/topology.ts; here is how they are written down.
import { z } from 'zod';
import type { Topology } from '../core/topology.ts';

const size = z
  .string()
  .regex(/^[1-9]\d*[KMGT]?$/, 'a size is a number with K, M, G or T, e.g. 512M')
  .meta({ description: 'A size in binary units, as QEMU takes it: 512M, 3G' });
const id = z.string().regex(/^[a-z][a-z0-9_-]*$/, 'an id is lower case letters, digits, - and _');
const address = z.string().regex(/^0x[0-9a-f]+$/, 'an address is hexadecimal with 0x');
const node = z.int().nonnegative();

const device = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('nvdimm'),
    id,
    size,
    label: size.optional(),
    address: address.optional(),
    node: node.optional(),
  }),
  z.strictObject({
    type: z.literal('virtio-pmem'),
    id,
    size,
    address: address.optional(),
    bus: id.optional(),
  }),
  z.strictObject({
    type: z.literal('virtio-mem'),
    id,
    size,
    requested: z.string().regex(/^\d+[KMGT]?$/),
    node: node.optional(),
    bus: id.optional(),
  }),
  z.strictObject({
    type: z.literal('pc-dimm'),
    id,
    size,
    node: node.optional(),
    address: address.optional(),
  }),
  z.strictObject({ type: z.literal('pcie-root-port'), id }),
  z.strictObject({ type: z.literal('pcie-switch'), id, ports: z.array(id).min(1) }),
  z.strictObject({
    type: z.literal('nvme'),
    id,
    size,
    cmb: size.optional(),
    iops: z
      .int()
      .positive()
      .optional()
      .meta({ description: 'At most so many requests per second; the disk is slow on purpose' }),
    bus: id.optional(),
  }),
]);

const sign = z
  .strictObject({
    path: z
      .string()
      .startsWith('/')
      .optional()
      .meta({ description: 'A path that must exist in the guest; * matches inside one component' }),
    iomem: z.string().optional().meta({ description: 'A resource name in /proc/iomem' }),
  })
  .refine((value) => (value.path === undefined) !== (value.iomem === undefined), {
    message: 'a sign is either a path or an iomem name',
  });

export const topologySchema = z
  .strictObject({
    name: id,
    description: z.string().min(1),
    cpus: z.int().min(1).max(64).default(2),
    memory: size,
    slots: z.int().positive().optional(),
    maxmem: size.optional(),
    machine: z.record(z.string(), z.string()).default({}),
    nodes: z.array(z.strictObject({ memory: size.optional() })).default([]),
    append: z.array(z.string()).default([]),
    devices: z.array(device).default([]),
    hotplug: z.array(device).default([]),
    config: z.array(id).default([]),
    modules: z.array(z.string()).default([]),
    signs: z.array(sign).default([]),
  })
  .meta({
    title: 'pgmap topology',
    description: 'One guest machine: memory, devices, what it needs',
  });

/** zod writes optional keys as `T | undefined`; the core types forbid the undefined. The values are the same. */
export const asTopology = (value: z.infer<typeof topologySchema>): Topology =>
  JSON.parse(JSON.stringify(value)) as Topology;
