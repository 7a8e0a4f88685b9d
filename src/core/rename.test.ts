import { expect, test } from 'vitest';
import type { EventBody, RunInfo } from './event.ts';
import { type MemoryType, nameIn, newTypes, renamedTypes, suiteName, treeNames } from './rename.ts';
import { fold } from './result.ts';

/** `PRIVATE=1 COHERENT=2` */
const types = (text: string): MemoryType[] =>
  text.split(' ').map((one) => {
    const [name = '', value] = one.split('=');
    return { name: `MEMORY_DEVICE_${name}`, value: Number(value) };
  });
const now = types('PRIVATE=1 COHERENT=2 FS_DAX=3 GENERIC=4 PCI_P2PDMA=5');

test.each([
  ['nothing', 'PRIVATE=1 COHERENT=2 FS_DAX=3 GENERIC=4 PCI_P2PDMA=5', {}, []],
  ['one renamed', 'PRIVATE=1 COHERENT=2 FS_DAX=3 DEVDAX=4 PCI_P2PDMA=5', { GENERIC: 'DEVDAX' }, []],
  [
    'one renamed and moved in the text',
    'DEVDAX=4 PRIVATE=1 COHERENT=2 FS_DAX=3 PCI_P2PDMA=5',
    { GENERIC: 'DEVDAX' },
    [],
  ],
  [
    'two renamed',
    'PRIVATE=1 COHERENT=2 HOST=3 DEVDAX=4 PCI_P2PDMA=5',
    { FS_DAX: 'HOST', GENERIC: 'DEVDAX' },
    [],
  ],
  [
    'a new one in the middle',
    'PRIVATE=1 CXL=2 COHERENT=3 FS_DAX=4 GENERIC=5 PCI_P2PDMA=6',
    {},
    ['CXL'],
  ],
  ['one gone', 'PRIVATE=1 COHERENT=2 FS_DAX=3 PCI_P2PDMA=5', {}, []],
  [
    'one gone and its number taken by a known one',
    'PRIVATE=1 COHERENT=2 FS_DAX=3 PCI_P2PDMA=4',
    {},
    [],
  ],
  ['two that changed numbers', 'PRIVATE=2 COHERENT=1 FS_DAX=3 GENERIC=4 PCI_P2PDMA=5', {}, []],
  [
    'one gone, another new under another number',
    'PRIVATE=1 COHERENT=2 FS_DAX=3 PCI_P2PDMA=5 CXL=6',
    {},
    ['CXL'],
  ],
])('%s', (_, after, renamed, added) => {
  const full = (name: string): string => `MEMORY_DEVICE_${name}`;
  expect(renamedTypes(now, types(after))).toEqual(
    Object.fromEntries(Object.entries(renamed).map(([old, name]) => [full(old), full(name)])),
  );
  expect(newTypes(now, types(after))).toEqual(added.map(full));
});

test('the steps of 2017: PUBLIC, PERSISTENT, HOST', () => {
  const [first, second, third] = [
    'PUBLIC=0 PRIVATE=1',
    'PERSISTENT=0 PRIVATE=1',
    'HOST=0 PRIVATE=1',
  ];
  expect(renamedTypes(types(first ?? ''), types(second ?? ''))).toEqual({
    MEMORY_DEVICE_PUBLIC: 'MEMORY_DEVICE_PERSISTENT',
  });
  expect(renamedTypes(types(first ?? ''), types(third ?? ''))).toEqual({
    MEMORY_DEVICE_PUBLIC: 'MEMORY_DEVICE_HOST',
  });
  // The last step: PUBLIC comes back for something else, and HOST is what it was.
  expect(newTypes(types('HOST=0 PRIVATE=1'), types('HOST=0 PRIVATE=1 PUBLIC=2'))).toEqual([
    'MEMORY_DEVICE_PUBLIC',
  ]);
});

test('a tree that stands alone is known by what other releases called a type', () => {
  const older = types('PRIVATE=1 FS_DAX=2 DEVDAX=3 PCI_P2PDMA=4');
  const renamed = treeNames(older, older);
  expect(renamed).toEqual({ MEMORY_DEVICE_GENERIC: 'MEMORY_DEVICE_DEVDAX' });
  expect(nameIn(renamed, 'MEMORY_DEVICE_GENERIC')).toBe('MEMORY_DEVICE_DEVDAX');
  expect(nameIn(renamed, 'MEMORY_DEVICE_PRIVATE')).toBe('MEMORY_DEVICE_PRIVATE');
  expect(suiteName(renamed, 'MEMORY_DEVICE_DEVDAX')).toBe('MEMORY_DEVICE_GENERIC');
  expect(nameIn(renamed, 'constructor')).toBe('constructor');
});

test('a result speaks of types by the names of the tested tree', () => {
  const job = { ...{ id: 'a@b', topology: 'b', suite: 'a', tests: [], reproduce: '' } };
  const run: RunInfo = {
    ...{ id: 'r', startedAt: '', argv: [], version: '', subject: '' },
    host: { cpus: 1, memoryBytes: 1, accel: 'tcg' },
    jobs: [{ ...job, types: ['MEMORY_DEVICE_GENERIC'] }],
  };
  const use = { mappings: 2, pages: 8, unmapped: 2 };
  const events: EventBody[] = [
    { type: 'run-begin', run },
    {
      type: 'kernel',
      kernel: { release: '6', tree: '', key: '' },
      enumerators: ['MEMORY_DEVICE_DEVDAX', 'MEMORY_DEVICE_CXL'],
      renamed: { MEMORY_DEVICE_GENERIC: 'MEMORY_DEVICE_DEVDAX' },
      added: ['MEMORY_DEVICE_CXL'],
    },
    { type: 'test', job: 'a@b', point: { path: ['a', 't'], status: 'PASS', diagnostics: [] } },
    { type: 'coverage', job: 'a@b', types: { MEMORY_DEVICE_GENERIC: use } },
    { type: 'run-end', status: 'PASS' },
  ];
  const result = fold(events.map((event) => ({ at: 0, ...event })));
  expect(result.types).toEqual({
    MEMORY_DEVICE_DEVDAX: {
      ...{ was: 'MEMORY_DEVICE_GENERIC', covered: true, mappings: 2, pages: 8, suites: ['a'] },
      status: 'PASS',
    },
    MEMORY_DEVICE_CXL: {
      ...{ isNew: true, covered: false, mappings: 0, pages: 0, suites: [], status: 'MISS' },
    },
  });
  expect(result.jobs[0]?.types).toEqual(['MEMORY_DEVICE_DEVDAX']);
  expect(result.status).toBe('PASS');
});
