// Header and touched files → suites.
import { expect, test } from 'vitest';
import type { Suite } from '../../core/suite.ts';
import { stages, suitesFor } from './suites.ts';

const suite = (name: string, ...types: string[]): Suite => ({
  name,
  description: '',
  types: types.map((type) => `MEMORY_DEVICE_${type}`),
  nightly: false,
  topologies: [],
  config: [],
  modules: [],
  programs: [],
  tests: [],
  allow: [],
  append: [],
});
const suites = [
  suite('private', 'PRIVATE'),
  suite('coherent', 'COHERENT'),
  suite('fs-dax', 'FS_DAX'),
  suite('devdax', 'GENERIC', 'DEVDAX'),
  suite('p2pdma', 'PCI_P2PDMA'),
];
const every = suites.map(({ name }) => name);

test.each<[string, string[], string[], boolean, string[]]>([
  ['the type alone', ['PRIVATE'], ['mm/memremap.c'], false, ['private']],
  ['an alias in the suite', ['GENERIC'], ['drivers/dax/device.c'], false, ['devdax']],
  ['type and file', ['COHERENT'], ['mm/migrate_device.c'], false, ['private', 'coherent']],
  ['a driver of two types', ['FS_DAX'], ['drivers/nvdimm/pmem.c'], false, ['fs-dax', 'devdax']],
  [
    'a file below a listed folder',
    ['GENERIC'],
    ['drivers/dax/super.c'],
    false,
    ['fs-dax', 'devdax'],
  ],
  ['p2pdma by file', ['PCI_P2PDMA'], ['drivers/pci/p2pdma.c'], false, ['p2pdma']],
  ['shared code', ['FS_DAX'], ['mm/memremap.c'], true, every],
  ['no type', [], ['mm/memremap.c'], true, every],
  ['a type without a suite', ['NEW'], ['mm/memremap.c'], false, every],
])('%s', (_name, types, files, shared, chosen) => {
  const mutant = {
    ...{ name: 'm', title: '', where: '', text: '', files, shared },
    types: types.map((type) => `MEMORY_DEVICE_${type}`),
  };
  expect(suitesFor(mutant, suites, false)).toEqual(chosen);
  expect(suitesFor(mutant, suites, true)).toEqual(every);
});

test('a suite for no type in particular is always run', () => {
  const mutant = {
    ...{ name: 'm', title: '', where: '', text: '', files: ['mm/hmm.c'], shared: false },
    types: ['MEMORY_DEVICE_PRIVATE'],
  };
  expect(suitesFor(mutant, [...suites, suite('api')], false)).toEqual([
    'private',
    'coherent',
    'api',
  ]);
});

test('stages: what enters the changed functions by day, then by night, then everything', () => {
  const races: Suite = { ...suite('races', 'PRIVATE'), nightly: true };
  expect(stages(['private', 'races', 'devdax'], [...suites, races])).toEqual([
    { names: ['private', 'devdax'], auto: true },
    { names: ['races'], auto: true },
    { names: ['private', 'races', 'devdax'], auto: false },
  ]);
  expect(stages(['races'], [races])).toEqual([
    { names: ['races'], auto: true },
    { names: ['races'], auto: false },
  ]);
});
