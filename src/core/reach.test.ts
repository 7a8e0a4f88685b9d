import { expect, test } from 'vitest';
import type { PlannedJob } from './plan.ts';
import { chooseReached, mergeRecordings, type Reach, reachOf, type Touched } from './reach.ts';
import { entriesOf, gaps, reachSizes } from './reach-list.ts';

const memremap = ['memremap_pages', 'memunmap_pages', 'pgmap_range'];
const reach: Reach = {
  release: '6.12.117',
  recordings: 2,
  watched: {
    'drivers/dax/device.c': ['dax_mmap', 'dax_open', 'dax_poll'],
    'drivers/nvdimm/btt.c': ['btt_read'],
    'drivers/pci/p2pdma.c': ['p2pmem_alloc'],
    'mm/memremap.c': memremap,
  },
  headers: { 'drivers/dax/bus.h': ['drivers/dax/device.c'], 'include/linux/ndctl.h': [] },
  jobs: {
    'devdax@nvdimm': {
      boot: { 'mm/memremap.c': ['memremap_pages'] },
      tests: {
        mmap: { 'drivers/dax/device.c': ['dax_mmap', 'dax_open'] },
        'open only': { 'drivers/dax/device.c': ['dax_open?'] },
        unbind: { 'mm/memremap.c': ['memunmap_pages'] },
      },
    },
    'p2pdma@nvme-cmb': {
      boot: {},
      tests: {
        pool: { 'drivers/pci/p2pdma.c': ['p2pmem_alloc'] },
        maps: { 'mm/memremap.c': memremap.slice(0, 1) },
      },
    },
  },
};

const all = ['devdax mmap', 'devdax open only', 'devdax unbind', 'p2pdma pool', 'p2pdma maps'];

test.each<[string, Touched[], string[] | 'everything', string[]]>([
  ['a function', [{ file: 'drivers/dax/device.c', functions: ['dax_mmap'] }], ['devdax mmap'], []],
  [
    'a function that one of the recordings did not see',
    [{ file: 'drivers/dax/device.c', functions: ['dax_open'] }],
    ['devdax mmap', 'devdax open only'],
    [],
  ],
  [
    'one that the boot of a job enters reaches all of that job',
    [{ file: 'mm/memremap.c', functions: ['memremap_pages'] }],
    ['devdax mmap', 'devdax open only', 'devdax unbind', 'p2pdma maps'],
    [],
  ],
  [
    'one that no test enters is taken for its whole file, and told',
    [{ file: 'drivers/dax/device.c', functions: ['dax_poll'] }],
    ['devdax mmap', 'devdax open only'],
    ['dax_poll (drivers/dax/device.c)'],
  ],
  [
    'one that was inlined, or is new, is taken for its whole file',
    [{ file: 'drivers/pci/p2pdma.c', functions: ['inlined'] }],
    ['p2pdma pool'],
    [],
  ],
  [
    'what names a function may have it inlined',
    [{ file: 'drivers/dax/device.c', functions: ['dax_mmap'], callers: ['dax_open'] }],
    ['devdax mmap', 'devdax open only'],
    [],
  ],
  ['a whole file', [{ file: 'drivers/pci/p2pdma.c' }], ['p2pdma pool'], []],
  [
    'a header that only watched files include',
    [{ file: 'drivers/dax/bus.h' }],
    ['devdax mmap', 'devdax open only'],
    [],
  ],
  [
    'two files',
    [{ file: 'drivers/pci/p2pdma.c' }, { file: 'drivers/dax/device.c', functions: ['dax_mmap'] }],
    ['devdax mmap', 'p2pdma pool'],
    [],
  ],
  ['any other header', [{ file: 'include/linux/memremap.h' }], 'everything', []],
  ['any other file', [{ file: 'kernel/fork.c', functions: ['fork'] }], 'everything', []],
  [
    'a file that nothing was seen to enter',
    [{ file: 'drivers/nvdimm/btt.c', functions: ['btt_read'] }],
    'everything',
    [],
  ],
  ['a header of such files', [{ file: 'include/linux/ndctl.h' }], 'everything', []],
  ['a name that objects have', [{ file: 'constructor' }], 'everything', []],
  ['documentation', [{ file: 'Documentation/mm/hmm.rst' }, { file: 'MAINTAINERS' }], [], []],
  ['the configuration of documentation', [{ file: 'Documentation/Kconfig' }], 'everything', []],
])('%s', (_, touched, wanted, unreached) => {
  const change = reachOf(reach, touched);
  const reached = Object.entries(reach.jobs).flatMap(([id, { tests }]) =>
    Object.keys(tests)
      .filter((name) => change.reaches(id, name))
      .map((name) => `${id.replace(/@.*/, '')} ${name}`),
  );
  expect(change.everything !== undefined).toBe(wanted === 'everything');
  expect(reached).toEqual(wanted === 'everything' ? all : wanted);
  expect(change.unreached).toEqual(unreached);
});

test('a test or job that was never recorded may reach anything', () => {
  const change = reachOf(reach, [{ file: 'drivers/pci/p2pdma.c' }]);
  expect(change.reaches('devdax@nvdimm', 'mmap')).toBe(false);
  expect(change.reaches('devdax@nvdimm', 'new')).toBe(true);
  expect(change.reaches('devdax@other', 'mmap')).toBe(true);
});

const job = (id: string, types: string[], tests: [string, number][]): PlannedJob =>
  ({
    id,
    suite: { name: id.replace(/@.*/, ''), types },
    tests: tests.map(([name, timeoutMs]) => ({ name, timeoutMs })),
  }) as unknown as PlannedJob;

const jobs = [
  job(
    'devdax@nvdimm',
    ['GENERIC'],
    [
      ['mmap', 9],
      ['open only', 2],
      ['unbind', 5],
    ],
  ),
  job(
    'p2pdma@nvme-cmb',
    ['P2PDMA'],
    [
      ['pool', 1],
      ['maps', 7],
    ],
  ),
];
const names = (chosen: readonly PlannedJob[]): string[] =>
  chosen.flatMap(({ id, tests }) => tests.map(({ name }) => `${id} ${name}`));

test('what is reached runs first, a short test of each type besides, and the rest is told', () => {
  const choice = chooseReached(jobs, reach, [{ file: 'drivers/pci/p2pdma.c' }]);
  // Of GENERIC no test itself maps memory, so it is the shortest; of P2PDMA it is the one that does.
  expect(names(choice.jobs)).toEqual([
    'p2pdma@nvme-cmb pool',
    'p2pdma@nvme-cmb maps',
    'devdax@nvdimm open only',
  ]);
  expect(choice.notes.join('\n')).toMatch(
    /left out .*p2pdma\.c.*6\.12\.117.*: 2 of 3 tests of devdax@nvdimm$/,
  );
});

test('nothing is left out of what may reach everything, and the reason is told', () => {
  const choice = chooseReached(jobs, reach, [{ file: 'mm/slub.c' }]);
  expect(choice.jobs).toEqual(jobs);
  expect(choice.notes.join()).toContain('mm/slub.c');
});

test('a changed function that no test enters is told', () => {
  const touched = [{ file: 'drivers/dax/device.c', functions: ['dax_poll'] }];
  expect(chooseReached(jobs, reach, touched).notes.at(-1)).toContain('dax_poll');
});

test('recordings are put together, and what some did not see is marked', () => {
  const one = (seen: string[], tests: string[]) => ({
    ...{ release: '6.12.117', watched: reach.watched, headers: {} },
    jobs: {
      j: { boot: {}, tests: Object.fromEntries(tests.map((name) => [name, { f: seen }])) },
    },
  });
  const merged = mergeRecordings([one(['a', 'b'], ['x']), one(['b', 'c'], ['x', 'y'])]);
  expect(merged.recordings).toBe(2);
  expect(merged.jobs['j']?.tests).toEqual({
    x: { f: ['a?', 'b', 'c?'] },
    // The other recording did not get to its end: that says nothing.
    y: { f: ['b', 'c'] },
  });
});

test('who enters a function, or a file', () => {
  const file = 'drivers/dax/device.c';
  expect(entriesOf(reach, 'dax_open')).toEqual([
    { file, name: 'dax_open', by: 'devdax@nvdimm > mmap', always: true },
    { file, name: 'dax_open', by: 'devdax@nvdimm > open only', always: false },
  ]);
  expect(entriesOf(reach, 'memremap_pages').map(({ by }) => by)).toEqual([
    'devdax@nvdimm',
    'p2pdma@nvme-cmb > maps',
  ]);
  expect(entriesOf(reach, file).map(({ name, by }) => [name, by])).toContainEqual([
    'dax_poll',
    undefined,
  ]);
  expect(entriesOf(reach, 'constructor')).toEqual([]);
});

test('what no test enters', () => {
  expect(gaps(reach)).toEqual([
    { file: 'drivers/dax/device.c', name: 'dax_poll', atBoot: false },
    { file: 'drivers/nvdimm/btt.c', name: 'btt_read', atBoot: false },
    { file: 'mm/memremap.c', name: 'pgmap_range', atBoot: false },
  ]);
});

test('how many functions each test enters', () => {
  expect(Object.fromEntries(reachSizes(reach))).toEqual({
    ...{ 'devdax > mmap': 2, 'devdax > open only': 1, 'devdax > unbind': 1 },
    ...{ 'p2pdma > pool': 1, 'p2pdma > maps': 1 },
  });
});
