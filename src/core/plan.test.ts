import { expect, test } from 'vitest';
import { FailureError, type Failure } from './failure.ts';
import {
  type Catalogue,
  memoryType,
  planJobs,
  type Selection,
  splitPath,
  unmetNeed,
  withSeriesTests,
} from './plan.ts';
import type { Needs, Suite, SuiteTest } from './suite.ts';
import type { Topology } from './topology.ts';

const named = (name: string, timeoutMs: number, needs: Partial<Needs> = {}): SuiteTest => ({
  name,
  run: ['./x'],
  timeoutMs,
  needs: { config: [], ...needs },
  leaves: {},
  cases: [],
});

const suite = (
  name: string,
  types: string[],
  topologies: string[],
  tests: SuiteTest[],
): [string, Suite] => [
  name,
  {
    ...{ name, description: name, types, topologies, tests },
    ...{ nightly: false, config: [], modules: [], programs: [], allow: [], append: [] },
  },
];

const topology = (name: string): [string, Topology] => [
  name,
  {
    ...{ name, description: name, cpus: 1, memory: '1G', machine: {}, nodes: [], append: [] },
    ...{ devices: [], hotplug: [], config: [], modules: [], signs: [] },
  },
];

const catalogue: Catalogue = {
  enumerators: ['MEMORY_DEVICE_PRIVATE', 'MEMORY_DEVICE_FS_DAX', 'MEMORY_DEVICE_PCI_P2PDMA'],
  topologies: new Map(['nvdimm', 'virtio-pmem', 'nvme-cmb'].map(topology)),
  suites: new Map([
    suite(
      'fs-dax',
      ['MEMORY_DEVICE_FS_DAX'],
      ['nvdimm', 'virtio-pmem'],
      [named('round trip', 20_000), named('raw namespace', 5_000, { topologies: ['virtio-pmem'] })],
    ),
    suite('p2pdma', ['MEMORY_DEVICE_PCI_P2PDMA'], ['nvme-cmb'], [named('pool', 60_000)]),
    suite(
      'mixed',
      ['MEMORY_DEVICE_PRIVATE', 'MEMORY_DEVICE_FS_DAX'],
      ['nvdimm'],
      [named('both', 1_000)],
    ),
  ]),
};

const everything: Selection = { types: [], suites: [], topologies: [], tests: [] };
const plan = (selection: Partial<Selection>) =>
  planJobs({ ...everything, ...selection }, catalogue, ['pgmap', 'run']);
const ids = (selection: Partial<Selection>): string[] =>
  plan(selection)
    .map((job) => job.id)
    .sort();

const failureOf = (action: () => unknown): Failure => {
  try {
    action();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  throw new Error('it did not fail');
};

const all = ['fs-dax@nvdimm', 'fs-dax@virtio-pmem', 'mixed@nvdimm', 'p2pdma@nvme-cmb'];

test.each<[string, Partial<Selection>, string[]]>([
  ['nothing narrowed', {}, all],
  ['a short type', { types: ['private'] }, ['mixed@nvdimm']],
  ['a type with a dash', { types: ['pci-p2pdma'] }, ['p2pdma@nvme-cmb']],
  ["the kernel's name", { types: ['MEMORY_DEVICE_PRIVATE'] }, ['mixed@nvdimm']],
  ['two types', { types: ['fs_dax', 'private'] }, all.slice(0, 3)],
  ['a suite', { suites: ['fs-dax'] }, ['fs-dax@nvdimm', 'fs-dax@virtio-pmem']],
  ['a topology', { topologies: ['nvdimm'] }, ['fs-dax@nvdimm', 'mixed@nvdimm']],
  ['suite and topology', { suites: ['mixed'], topologies: ['nvdimm'] }, ['mixed@nvdimm']],
  ['suite and type', { suites: ['fs-dax', 'p2pdma'], types: ['fs_dax'] }, all.slice(0, 2)],
  ['a test path', { tests: ['fs-dax > raw namespace'] }, ['fs-dax@virtio-pmem']],
  ['a suite as a path', { tests: ['p2pdma'] }, ['p2pdma@nvme-cmb']],
  ['a case below a test', { tests: ['p2pdma > pool > case > deeper'] }, ['p2pdma@nvme-cmb']],
  ['sloppy blanks', { tests: ['  p2pdma>pool '] }, ['p2pdma@nvme-cmb']],
  [
    'tests of two suites',
    { tests: ['mixed > both', 'fs-dax > raw namespace'] },
    ['fs-dax@virtio-pmem', 'mixed@nvdimm'],
  ],
])('%s', (_, selection, wanted) => {
  expect(ids(selection)).toEqual(wanted);
});

test('a test that is for other topologies is left out, the rest of its suite is not', () => {
  const tests = Object.fromEntries(
    plan({ suites: ['fs-dax'] }).map((job) => [job.id, job.tests.map((one) => one.name)]),
  );
  expect(tests).toEqual({
    'fs-dax@nvdimm': ['round trip'],
    'fs-dax@virtio-pmem': ['round trip', 'raw namespace'],
  });
});

test('jobs that may take longest come first', () => {
  expect(plan({}).map((job) => job.id)).toEqual([
    'p2pdma@nvme-cmb',
    'fs-dax@virtio-pmem',
    'fs-dax@nvdimm',
    'mixed@nvdimm',
  ]);
});

test('every job can be repeated: its own command plans exactly that job', () => {
  const selections: Partial<Selection>[] = [
    {},
    { types: ['fs_dax'] },
    { tests: ['fs-dax > round trip'] },
  ];
  for (const selection of selections)
    for (const job of plan(selection)) {
      const words = [...job.reproduce.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
      const values = (option: string): string[] =>
        words.filter((_, index) => words[index - 1] === option);
      expect(words.slice(0, 2)).toEqual(['pgmap', 'run']);
      const again = plan({
        suites: values('--suite'),
        topologies: values('--topology'),
        tests: values('--test'),
      });
      expect(again).toEqual([job]);
    }
});

test.each<[Partial<Selection>, string, string | undefined]>([
  [{ types: ['privat'] }, 'unknown-type', "Did you mean 'MEMORY_DEVICE_PRIVATE'?"],
  [{ types: ['MEMORY_DEVICE_FSDAX'] }, 'unknown-type', "Did you mean 'MEMORY_DEVICE_FS_DAX'?"],
  [{ suites: ['fsdax'] }, 'unknown-suite', "Did you mean 'fs-dax'?"],
  [{ topologies: ['nvdim'] }, 'unknown-topology', "Did you mean 'nvdimm'?"],
  [{ tests: ['fs-dax > round-trip'] }, 'unknown-test', "Did you mean 'round trip'?"],
  [{ tests: ['p2pdm > pool'] }, 'unknown-suite', "Did you mean 'p2pdma'?"],
  [{ tests: [''] }, 'unknown-suite', undefined],
  [{ suites: ['p2pdma'], topologies: ['nvdimm'] }, 'nothing-to-run', undefined],
  [{ suites: ['p2pdma'], types: ['private'] }, 'nothing-to-run', undefined],
])('%j is a usage failure', (selection, code, hint) => {
  const failure = failureOf(() => plan(selection));
  expect(failure).toMatchObject({ blame: 'usage', code });
  if (hint !== undefined) expect(failure.hint).toBe(hint);
});

test('an unknown name is answered with the names there are', () => {
  const { title, detail } = failureOf(() => plan({ suites: ['nope'] }));
  expect(title).toContain("'nope'");
  for (const name of catalogue.suites.keys()) expect(detail).toContain(name);
});

test('a suite on a topology that does not exist is found out', () => {
  const suites = new Map([suite('lost', [], ['gone'], [named('one', 1)])]);
  const failure = failureOf(() => planJobs(everything, { ...catalogue, suites }, []));
  expect(failure).toMatchObject({ blame: 'usage', code: 'unknown-topology' });
});

test.each([
  ['private', 'MEMORY_DEVICE_PRIVATE'],
  ['fs_dax', 'MEMORY_DEVICE_FS_DAX'],
  ['fs-dax', 'MEMORY_DEVICE_FS_DAX'],
  ['MEMORY_DEVICE_GENERIC', 'MEMORY_DEVICE_GENERIC'],
])('%s is %s', (short, name) => {
  expect(memoryType(short)).toBe(name);
});

test('a path splits at > into trimmed levels', () => {
  expect(splitPath('a > b c>d')).toEqual(['a', 'b c', 'd']);
});

test.each([
  ['6.2', '6.1.192', 'needs Linux 6.2, this is 6.1.192'],
  ['6.2', '6.2.0', undefined],
  ['6.2', '6.12.117', undefined],
  ['6.12', '6.2.5', 'needs Linux 6.12, this is 6.2.5'],
  ['6.12', '6.12.0-rc3', undefined],
  ['6.13', '6.12-rc7', 'needs Linux 6.13, this is 6.12-rc7'],
  ['6.2', '7.0.0-rc1+', undefined],
  ['7.0', '6.19.3', 'needs Linux 7.0, this is 6.19.3'],
])('needs %s on %s', (kernel, release, reason) => {
  const facts = { release, config: new Map(), lost: new Map() };
  expect(unmetNeed(named('x', 1, { kernel }), facts)).toBe(reason);
});

test('needs of the configuration: y and m will do, all else is said with why', () => {
  const facts = {
    release: '6.12.0',
    config: new Map([
      ['ZONE_DEVICE', 'y'],
      ['TEST_HMM', 'm'],
      ['DEV_DAX', 'n'],
      ['NR_CPUS', '64'],
    ]),
    lost: new Map([['MEMORY_FAILURE', 'unmet dependency: X86_MCE (=n)']]),
  };
  const unmet = (...config: string[]) => unmetNeed(named('x', 1, { config }), facts);
  expect(unmet()).toBeUndefined();
  expect(unmet('ZONE_DEVICE', 'TEST_HMM')).toBeUndefined();
  expect(unmet('ZONE_DEVICE', 'DEV_DAX')).toBe('needs CONFIG_DEV_DAX: not set in this kernel');
  expect(unmet('NR_CPUS')).toBe('needs CONFIG_NR_CPUS: not set in this kernel');
  expect(unmet('MEMORY_FAILURE')).toBe(
    'needs CONFIG_MEMORY_FAILURE: unmet dependency: X86_MCE (=n)',
  );
});

test('a suite for the night runs only when it is asked for', () => {
  const [name, day] = suite('by-day', ['MEMORY_DEVICE_FS_DAX'], ['nvdimm'], [named('a', 1_000)]);
  const suites = new Map([
    [name, day],
    ['by-night', { ...day, name: 'by-night', nightly: true }],
  ]);
  const names = (selection: Partial<Selection>): string[] =>
    planJobs({ ...everything, ...selection }, { ...catalogue, suites }, [])
      .map((job) => job.suite.name)
      .sort();
  expect(names({})).toEqual(['by-day']);
  expect(names({ types: ['fs_dax'] })).toEqual(['by-day']);
  expect(names({ nightly: true })).toEqual(['by-day', 'by-night']);
  expect(names({ suites: ['by-night'] })).toEqual(['by-night']);
  expect(names({ tests: ['by-night > a'] })).toEqual(['by-night']);
});

const withUpstream = (): ReturnType<typeof planJobs>[number] => {
  const upstream = { ...named('theirs', 1_000), run: ['./u.sh', 'x'], upstream: 'hmm-tests' };
  const [name, one] = suite('hmm', [], ['nvdimm'], [upstream, named('ours', 1_000)]);
  const allow = [{ splat: '^WARNING', during: ['theirs'], reason: 'it is provoked' }];
  const suites = new Map([[name, { ...one, allow }]]);
  const job = planJobs(everything, { ...catalogue, suites }, ['pgmap', 'run'])[0];
  if (job === undefined) throw new Error('no job');
  return job;
};

test('a program of upstream that the series changes runs once more, as the series has it', () => {
  const job = withSeriesTests(withUpstream(), new Map([['hmm-tests', undefined]]));
  expect(job.tests.map((one) => [one.name, ...one.run])).toEqual([
    ['theirs', './u.sh', 'x'],
    ['theirs, as the series has it', 'env', 'PGMAP_UPSTREAM=series/', './u.sh', 'x'],
    ['ours', './x'],
  ]);
  // What the test may provoke, it may provoke twice.
  expect(job.suite.allow[0]?.during).toEqual(['theirs', 'theirs, as the series has it']);
});

test('a series that changes nothing of upstream changes no job', () => {
  const job = withUpstream();
  expect(withSeriesTests(job)).toBe(job);
  expect(withSeriesTests(job, new Map([['cow', undefined]])).tests).toEqual(job.tests);
});

test('a version of the series that does not compile is a test that broke, with the reason', () => {
  const job = withSeriesTests(withUpstream(), new Map([['hmm-tests', 'no liburing\nat all']]));
  expect(job.tests[0]?.run).toEqual(['./u.sh', 'x']);
  const [, , script, , said] = job.tests[1]?.run ?? [];
  expect(script).toContain('Bail out! $1');
  expect(said).toBe('no liburing at all');
});

test('a test can be asked for by the name that it has as the series has it', () => {
  const jobs = plan({ tests: ['p2pdma > pool, as the series has it'] });
  expect(jobs.map((job) => job.tests.map((one) => one.name))).toEqual([['pool']]);
});
