// What QEMU says about itself, and what follows from it.
import { expect, test } from 'vitest';
import { missingFor, parseModels, parseVersion } from './probe.ts';
import type { Topology } from '../core/topology.ts';

const machine: Topology = {
  name: 'm',
  description: 'm',
  cpus: 1,
  memory: '1G',
  machine: {},
  nodes: [],
  append: [],
  devices: [{ type: 'pcie-switch', id: 's', ports: ['p'] }],
  hotplug: [{ type: 'virtio-mem', id: 'v', size: '1G', requested: '0' }],
  config: [],
  modules: [],
  signs: [],
};

const facts = (...models: string[]) => ({ version: '7.2', models: new Set(models) });

test.each([
  ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright', '7.2.22'],
  ['QEMU emulator version 10.0.2 (v10.0.2)', '10.0.2'],
  ['version', 'unknown'],
  ['', 'unknown'],
])('%j is version %s', (text, version) => {
  expect(parseVersion(text)).toBe(version);
});

test('models and their aliases, and nothing from the headings', () => {
  const text = [
    'Controller/Bridge/Hub devices:',
    'name "pcie-root-port", bus PCI, desc "PCI Express Root Port"',
    '',
    'name "virtio-rng-pci", bus PCI, alias "virtio-rng"',
    'name "nvdimm", desc "DIMM memory module"',
  ].join('\n');
  expect([...parseModels(text)]).toEqual([
    'pcie-root-port',
    'virtio-rng-pci',
    'virtio-rng',
    'nvdimm',
  ]);
});

test('a topology is possible only if all its models are there, those to be plugged too', () => {
  const have = ['pcie-root-port', 'x3130-upstream', 'xio3130-downstream', 'virtio-mem-pci'];
  expect(missingFor(machine, facts(...have))).toBeUndefined();
  expect(missingFor(machine, facts(...have.slice(1, -1)))).toBe(
    'QEMU 7.2 has no device pcie-root-port, virtio-mem-pci',
  );
});
