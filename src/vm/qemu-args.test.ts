// The whole argument vector of every topology, one file each in testdata/, and what must hold for all of them.
import { beforeAll, expect, test } from 'vitest';
import { loadTopologies } from '../config/load.ts';
import type { Topology } from '../core/topology.ts';
import { parseSize } from '../core/units.ts';
import {
  type BootInputs,
  hostMemoryNeed,
  qemuArgs,
  repeatLine,
  topologyFiles,
} from './qemu-args.ts';

const boot: BootInputs = {
  kernel: '/k/bzImage',
  initrd: '/k/guest.img',
  append: ['quiet'],
  accel: 'tcg',
  serialPath: '/job/console.log',
  qmpPath: '/tmp/s/qmp',
  sshPort: 4022,
  backingDir: '/job/backing',
};
const plain: Topology = {
  name: 'plain',
  description: 'nothing',
  cpus: 2,
  memory: '1G',
  machine: {},
  nodes: [],
  append: [],
  devices: [],
  hotplug: [],
  config: [],
  modules: [],
  signs: [],
};
const names = [
  'device-coherent',
  'early-section',
  'hotplug',
  'legacy-pmem',
  'misaligned',
  'nvdimm',
  'nvme-cmb',
  'soft-reserved',
  'virtio-pmem',
];
let topologies: ReadonlyMap<string, Topology>;
beforeAll(async () => {
  topologies = await loadTopologies(`${import.meta.dirname}/../..`);
});
const named = (name: string): Topology => topologies.get(name) ?? plain;

/** An option and its value per line. */
const asText = (argv: readonly string[]): string =>
  argv
    .map((word) => (word.startsWith('-') ? `\n${word}` : ` ${word}`))
    .join('')
    .trimStart() + '\n';

test('the topologies are the ones in the table', () => {
  expect([...topologies.keys()]).toEqual(names);
});

test.each(names)('%s: the whole argument vector', async (name) => {
  const text = asText(qemuArgs(named(name), boot));
  await expect(text).toMatchFileSnapshot(`testdata/argv/${name}.txt`);
});

test.each(['hotplug', 'nvdimm', 'virtio-pmem'])(
  '%s: device memory is aligned, inside the ceiling and does not overlap',
  (name) => {
    const topology = named(name);
    const ranges = [...topology.devices, ...topology.hotplug]
      .flatMap((device) =>
        'address' in device && device.address !== undefined
          ? [{ from: Number(device.address), size: parseSize(device.size) }]
          : [],
      )
      .sort((a, b) => a.from - b.from);
    expect(ranges).not.toEqual([]);
    for (const [index, { from, size }] of ranges.entries()) {
      // A memory block of x86 is 128 MiB; a region that does not fill whole ones loses the rest under kmem.
      expect(from % 2 ** 27).toBe(0);
      expect(size % 2 ** 27).toBe(0);
      expect(from).toBeGreaterThanOrEqual(2 ** 32);
      expect(from + size).toBeLessThanOrEqual(ranges[index + 1]?.from ?? Infinity);
      expect(from + size - 2 ** 32 + parseSize(topology.memory)).toBeLessThanOrEqual(
        parseSize(topology.maxmem ?? '0'),
      );
    }
  },
);

test.each(['hotplug', 'nvme-cmb'])('%s: chassis numbers of ports are unique', (name) => {
  const all = qemuArgs(named(name), boot).flatMap((word) => /chassis=(\d+)/.exec(word)?.[1] ?? []);
  expect(all.length).toBeGreaterThan(1);
  expect(new Set(all).size).toBe(all.length);
});

test('a CMB is a multiple of 2 MiB, or the nvme driver skips it', () => {
  const sizes = [...topologies.values()].flatMap(({ devices }) =>
    devices.flatMap((one) => (one.type === 'nvme' ? (one.cmb ?? []) : [])),
  );
  expect(sizes.map((size) => parseSize(size) % 2 ** 21)).toEqual([0]);
});

test.each(['device-coherent', 'early-section', 'legacy-pmem', 'soft-reserved'])(
  '%s: what the command line carves out is RAM of the machine above 4 GiB',
  (name) => {
    const { append, machine, memory } = named(name);
    const above = parseSize(memory) - parseSize(machine['max-ram-below-4g'] ?? '2G');
    const carved = append.flatMap((word) => {
      const match = /^memmap=(\d+[MG])[!$%](0x[0-9a-f]+)/.exec(word);
      return match === null ? [] : [{ size: match[1] ?? '', from: Number(match[2]) }];
    });
    expect(carved).toHaveLength(1);
    for (const { size, from } of carved) {
      expect(from).toBeGreaterThanOrEqual(2 ** 32);
      expect(from + parseSize(size)).toBeLessThanOrEqual(2 ** 32 + above);
    }
  },
);

test('an nvdimm file is its usable size and the label area', () => {
  const files = topologyFiles(named('nvdimm'), '/b');
  expect(files).toEqual([
    { path: '/b/nvdimm0.img', size: 2 ** 30 + 2 ** 17 },
    { path: '/b/nvdimm1.img', size: 2 ** 29 + 2 ** 17 },
    { path: '/b/slow0.img', size: 2 ** 24 },
  ]);
});

test('files of devices to be plugged later are made too', () => {
  expect(topologyFiles(named('hotplug'), '/b').map((file) => file.path)).toEqual([
    '/b/nvdimm0.img',
    '/b/vpmem0.img',
  ]);
});

test('host memory: RAM now and RAM that may be plugged, not files', () => {
  expect(hostMemoryNeed(named('hotplug'))).toBe(2 ** 30 + 2 ** 29 + 2 ** 28);
  expect(hostMemoryNeed(named('nvdimm'))).toBe(2 ** 30);
});

test('the line that repeats a boot needs neither sockets nor log files, only disks', () => {
  const line = repeatLine('qemu-system-x86_64', named('nvme-cmb'), boot);
  expect(line).toMatch(/^truncate -s 67108864 \/job\/backing\/cmb0\.img && truncate .* && qemu-/);
  expect(line).toContain('-serial mon:stdio');
  expect(line).not.toContain('/tmp/s/qmp');
  expect(line).not.toContain('console.log');
  expect(repeatLine('qemu-system-x86_64', named('device-coherent'), boot)).toMatch(
    /^qemu-system-x86_64 .*'[^']*memmap=512M\$0x120000000[^']*'/,
  );
});

test('commas in paths are doubled, blanks in kernel words are quoted', () => {
  const argv = qemuArgs(plain, { ...boot, serialPath: '/a,b/console.log', append: ['a=b c'] });
  expect(argv).toContain('file,id=console,path=/a,,b/console.log,append=on');
  expect(argv).toContain(
    'console=ttyS0 earlyprintk=ttyS0 panic=-1 nokaslr random.trust_cpu=on no_timer_check slub_debug=FZP unknown_nmi_panic panic_print=0x40 "a=b c"',
  );
});

test('kvm, another number of CPUs, and further arguments', () => {
  const nodes = [{ memory: '1G' }, {}];
  const argv = qemuArgs({ ...plain, nodes }, { ...boot, accel: 'kvm', cpus: 4, extra: ['-S'] });
  expect(argv.slice(argv.indexOf('-accel'), argv.indexOf('-M'))).toEqual([
    '-accel',
    'kvm',
    '-cpu',
    'max',
    '-smp',
    '4',
  ]);
  expect(argv).toContain('node,nodeid=0,cpus=0-3,memdev=ram0');
  expect(argv.at(-1)).toBe('-S');
});

test('nodes that do not add up are refused', () => {
  expect(() => qemuArgs({ ...plain, nodes: [{ memory: '512M' }] }, boot)).toThrow(/bad-topology/);
});
