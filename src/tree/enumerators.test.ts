import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memoryTypes, memremapHeader, numberedTypes } from './enumerators.ts';

test('the enumerators of a header, in order, without what comments say', () => {
  const tree = join(import.meta.dirname, '../testing/fakelinux/tree');
  expect(memoryTypes(readFileSync(join(tree, memremapHeader), 'utf8'))).toEqual([
    'MEMORY_DEVICE_PRIVATE',
    'MEMORY_DEVICE_COHERENT',
    'MEMORY_DEVICE_FS_DAX',
    'MEMORY_DEVICE_GENERIC',
    'MEMORY_DEVICE_PCI_P2PDMA',
  ]);
});

test.each([
  ['no comma after the last one', 'enum memory_type { MEMORY_DEVICE_A = 1, MEMORY_DEVICE_B }'],
  [
    'line comments, numbers and odd spacing',
    'enum memory_type\n{\n\tMEMORY_DEVICE_A = (1 << 0), // was MEMORY_DEVICE_OLD\n\n MEMORY_DEVICE_B=4 ,};',
  ],
  [
    'other enums and other members',
    'enum other { MEMORY_DEVICE_X };\nenum memory_type { MEMORY_DEVICE_A, __MAX, MEMORY_DEVICE_B, NR };',
  ],
])('%s', (_, header) => {
  expect(memoryTypes(header)).toEqual(['MEMORY_DEVICE_A', 'MEMORY_DEVICE_B']);
});

test('a header without the enum, as up to 4.13, has none', () => {
  expect(memoryTypes('struct dev_pagemap { int x; };')).toEqual([]);
  expect(memoryTypes('')).toEqual([]);
  expect(memoryTypes('enum memory_type { MEMORY_DEVICE_A /* never closed')).toEqual([]);
});

test('values as C counts them', () => {
  expect(
    numberedTypes(
      'enum memory_type { __NONE, MEMORY_DEVICE_A, MEMORY_DEVICE_B = 0x10, NR, MEMORY_DEVICE_C };',
    ),
  ).toEqual([
    { name: 'MEMORY_DEVICE_A', value: 1 },
    { name: 'MEMORY_DEVICE_B', value: 16 },
    { name: 'MEMORY_DEVICE_C', value: 18 },
  ]);
});
