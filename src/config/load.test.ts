// The project's own data: all of it loads, and what it names is there.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseSize } from '../core/units.ts';
import { loadFragments, loadHost, loadRecipe, loadSuites, loadTopologies } from './load.ts';

const project = join(import.meta.dirname, '../..');
const topologies = await loadTopologies(project);
const suites = await loadSuites(project);
const fragments = readdirSync(join(project, 'configs/kernel'))
  .filter((name) => name.endsWith('.config'))
  .map((name) => name.replace('.config', ''));

const scratch = await mkdtemp(join(tmpdir(), 'pgmap-load-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

test('every file of configs/topologies is a topology', () => {
  const files = readdirSync(join(project, 'configs/topologies'));
  expect(files.map((file) => file.replace(/\.yaml$/, '')).sort()).toEqual([...topologies.keys()]);
  expect(topologies.size).toBeGreaterThanOrEqual(6);
});

test('every folder of suites is a suite of that name', () => {
  const folders = readdirSync(join(project, 'suites'), { withFileTypes: true })
    .filter((item) => item.isDirectory())
    .filter((item) => existsSync(join(project, 'suites', item.name, 'suite.yaml')))
    .map((item) => item.name);
  expect(folders.sort()).toEqual([...suites.keys()]);
  for (const [name, suite] of suites) expect(suite.name).toBe(name);
});

test('the guest image and the host packages load', async () => {
  expect((await loadRecipe(project)).files).toContain('/bin/busybox');
  const host = (await loadHost(project)).packages.map((one) => one.name);
  expect(host).toContain('qemu-system-x86');
  expect(new Set(host).size).toBe(host.length);
});

test('every fragment sets symbols, and holds nothing that kconfig does not read', async () => {
  for (const { name, text } of await loadFragments(project, fragments)) {
    expect(text, name).toMatch(/^(CONFIG_[A-Z0-9_]+=|# CONFIG_[A-Z0-9_]+ is not set)/m);
    for (const line of text.split('\n'))
      expect(line, name).toMatch(/^(CONFIG_[A-Za-z0-9_]+=\S+|CONFIG_\w+=".*"|#.*|\s*)$/);
  }
});

for (const topology of topologies.values())
  test(`topology ${topology.name} is consistent`, async () => {
    await loadFragments(project, topology.config);
    const devices = [...topology.devices, ...topology.hotplug];
    const ids = devices.map((device) => device.id);
    expect(new Set(ids).size).toBe(ids.length);
    const ports = devices.flatMap((device) =>
      device.type === 'pcie-switch'
        ? device.ports
        : device.type === 'pcie-root-port'
          ? [device.id]
          : [],
    );
    for (const device of devices) {
      if ('bus' in device && device.bus !== undefined) expect(ports).toContain(device.bus);
      if ('node' in device && device.node !== undefined)
        expect(device.node).toBeLessThan(topology.nodes.length);
      if ('size' in device) expect(parseSize(device.size)).toBeGreaterThan(0);
    }
    // Without a sign a machine that came up bare would pass.
    if (topology.devices.some((device) => !device.type.startsWith('pcie')))
      expect(topology.signs.length).toBeGreaterThan(0);
  });

for (const suite of suites.values())
  test(`suite ${suite.name} names only what is there`, async () => {
    const dir = join(project, 'suites', suite.name);
    await loadFragments(project, suite.config);
    for (const name of suite.topologies) expect([...topologies.keys()]).toContain(name);
    for (const program of suite.programs) {
      for (const source of program.sources)
        expect(existsSync(join(dir, source)), source).toBe(true);
      expect(program.sources.length + program.tree.length).toBeGreaterThan(0);
    }
    for (const one of suite.tests) {
      // A program of the suite, by name or path, or one that every guest has.
      const name = (one.run[0] ?? '').replace(/^\.\//, '');
      const there =
        existsSync(join(dir, name)) ||
        existsSync(join(project, 'images/lib', name.replace('/pgmap/lib/', ''))) ||
        suite.programs.some((program) => program.out === name) ||
        ['sh', 'bash'].includes(name);
      expect(there, `${one.name}: ${one.run[0]}`).toBe(true);
      for (const topology of one.needs.topologies ?? [])
        expect(suite.topologies, one.name).toContain(topology);
      expect(one.timeoutMs, one.name).toBeGreaterThanOrEqual(1000);
    }
  });

test('every memory type has a suite', () => {
  const types = new Set([...suites.values()].flatMap((suite) => suite.types));
  for (const type of ['PRIVATE', 'COHERENT', 'FS_DAX', 'GENERIC', 'PCI_P2PDMA'])
    expect([...types]).toContain(`MEMORY_DEVICE_${type}`);
});

const machine = (name: string): string => `name: ${name}\ndescription: x\nmemory: 1G\n`;

test('a file must be named after what it holds', async () => {
  await mkdir(join(scratch, 'configs/topologies'), { recursive: true });
  await writeFile(join(scratch, 'configs/topologies/a.yaml'), machine('b'));
  await expect(loadTopologies(scratch)).rejects.toMatchObject({
    failure: {
      code: 'bad-yaml',
      title: expect.stringContaining("name is 'b', but it must be 'a'"),
    },
  });
});

test('a folder without suite.yaml is no suite, a file beside them neither', async () => {
  await mkdir(join(scratch, 'suites/drafts'), { recursive: true });
  await writeFile(join(scratch, 'suites/README'), '');
  expect((await loadSuites(scratch)).size).toBe(0);
});

test('fragments come in the order given, each once; an unknown one is named', async () => {
  await mkdir(join(scratch, 'configs/kernel'), { recursive: true });
  for (const name of ['a', 'b'])
    await writeFile(join(scratch, `configs/kernel/${name}.config`), `CONFIG_${name}=y\n`);
  expect(await loadFragments(scratch, ['b', 'a', 'b'])).toEqual([
    { name: 'b', text: 'CONFIG_b=y\n' },
    { name: 'a', text: 'CONFIG_a=y\n' },
  ]);
  await expect(loadFragments(scratch, ['a', 'nope'])).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'unknown-fragment', title: "there is no fragment 'nope'" },
  });
});
