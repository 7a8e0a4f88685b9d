import { expect, test } from 'vitest';
import { z } from 'zod';
import { FailureError, type Failure } from '../core/failure.ts';
import { suiteSchema } from './suite.ts';
import { topologySchema } from './topology.ts';
import { loadYaml, parseYaml } from './yaml.ts';

const failureOf = (action: () => unknown): Failure => {
  try {
    action();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
};

const topology = ['name: small', 'description: a machine', 'memory: 512M'];
const suite = [
  'name: core',
  'description: tests',
  'topologies: [small]',
  'tests:',
  '  - name: one',
  '    run: [./one]',
];

test('what is right comes back typed, with its defaults', () => {
  expect(parseYaml(topology.join('\n'), 't.yaml', topologySchema)).toMatchObject({
    name: 'small',
    cpus: 2,
    memory: '512M',
    devices: [],
  });
  expect(parseYaml(suite.join('\n'), 's.yaml', suiteSchema).tests[0]).toMatchObject({
    timeout: '30s',
    needs: { config: [] },
  });
});

test.each<[string, z.ZodType, string[], string, RegExp]>([
  ['broken YAML', topologySchema, ['name: [a'], 't.yaml:1:', /flow|sequence|\]/],
  ['a tab', topologySchema, ['name: small', '\tmemory: 1G'], 't.yaml:2:1', /tab/i],
  ['a key twice', topologySchema, [...topology, 'memory: 1G'], 't.yaml:4:1', /unique/],
  ['an alias to nothing', topologySchema, ['name: *nobody'], 't.yaml', /nobody/],
  ['nothing', topologySchema, [''], 't.yaml:1:1', /expected object/],
  ['a list', topologySchema, ['- a'], 't.yaml:1:1', /expected object/],
  ['a missing key', topologySchema, ['name: small'], 't.yaml:1:1', /expected string/],
  ['an unknown key', topologySchema, [...topology, 'memmory: 1G'], 't.yaml:4:1', /memmory/],
  [
    'an unknown key of a device',
    topologySchema,
    [...topology, 'devices:', '  - type: nvdimm', '    id: nv0', '    size: 1G', '    sise: 1G'],
    't.yaml:8:5',
    /sise/,
  ],
  [
    'an unknown device',
    topologySchema,
    [...topology, 'devices:', '  - { type: floppy, id: a, size: 1G }'],
    't.yaml:5:13',
    /type/,
  ],
  ['a size', topologySchema, [...topology.slice(0, 2), 'memory: 512MB'], 't.yaml:3:9', /512M/],
  [
    'a number for a text',
    topologySchema,
    [...topology.slice(0, 2), 'memory: 5'],
    't.yaml:3:9',
    /string/,
  ],
  [
    'a sign of two kinds',
    topologySchema,
    [...topology, 'signs:', '  - path: /dev/pmem0', '    iomem: Persistent Memory'],
    't.yaml:5:5',
    /either/,
  ],
  [
    'a release that YAML reads as a number',
    suiteSchema,
    [...suite, '    needs: { kernel: 6.2 }'],
    't.yaml:7:22',
    /string/,
  ],
  [
    'a level separator in a name',
    suiteSchema,
    [...suite.slice(0, 4), '  - name: a > b', '    run: [./one]'],
    't.yaml:5:11',
    /no >/,
  ],
  ['two tests of one name', suiteSchema, [...suite, ...suite.slice(4)], 't.yaml:5:3', /same name/],
  [
    'an allow entry without a good reason',
    suiteSchema,
    [...suite, 'allow:', '  - { splat: WARNING, reason: known }'],
    't.yaml:8:31',
    /10/,
  ],
  [
    'an allow entry that is no regular expression',
    suiteSchema,
    [...suite, 'allow:', '  - { splat: "(", reason: this is a good reason }'],
    't.yaml:8:14',
    /regular expression/,
  ],
  [
    'an allow entry for a test that is not there',
    suiteSchema,
    [...suite, 'allow:', '  - { splat: WARNING, during: [two], reason: it is provoked there }'],
    't.yaml:8:3',
    /not there/,
  ],
  [
    'something left that nobody looks at',
    suiteSchema,
    [...suite, '    leaves: { crumbs: that is how cookies are }'],
    't.yaml:7:15',
    /crumbs/,
  ],
  [
    'something left without a good reason',
    suiteSchema,
    [...suite, '    leaves: { iomem: so }'],
    't.yaml:7:22',
    /10/,
  ],
])('%s is found where it stands', (_, schema, lines, place, message) => {
  const failure = failureOf(() => parseYaml(lines.join('\n'), 't.yaml', schema));
  expect(failure).toMatchObject({ blame: 'usage', code: 'bad-yaml' });
  expect(failure.title).toMatch(message);
  expect(failure.title.startsWith(place), failure.title).toBe(true);
});

test('all mistakes are told at once, the first as the title', () => {
  const text = [...topology.slice(0, 2), 'memory: much', 'cpus: 0', 'flavour: x'].join('\n');
  const failure = failureOf(() => parseYaml(text, 't.yaml', topologySchema));
  const said = `${failure.title}\n${failure.detail}`;
  for (const place of ['t.yaml:3:9', 't.yaml:4:7', 't.yaml:5:1']) expect(said).toContain(place);
});

test('aliases that unfold without end are refused', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [at, name] of 'bcdefgh'.split('').entries())
    bomb.push(`${name}: &${name} [${`*${'abcdefg'[at]}, `.repeat(9)}]`);
  expect(failureOf(() => parseYaml(bomb.join('\n'), 't.yaml', z.unknown()))).toMatchObject({
    code: 'bad-yaml',
  });
});

test('a file that is not there', async () => {
  await expect(loadYaml('/nonexistent/t.yaml', topologySchema)).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'unreadable', title: 'cannot read /nonexistent/t.yaml' },
  });
});
