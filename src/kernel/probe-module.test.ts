import { expect, test } from 'vitest';
import { typesHeader } from './probe-module.ts';

test('a name per enumerator', () => {
  const types = { enumerators: ['MEMORY_DEVICE_A', 'MEMORY_DEVICE_B'], renamed: {} };
  expect(typesHeader(types).split('\n').slice(1)).toEqual([
    '#define PGMAP_TYPES(X) X(MEMORY_DEVICE_A) X(MEMORY_DEVICE_B)',
    '',
  ]);
});

test('a renamed one goes by the name that suites know, which stands for the new one', () => {
  const types = {
    enumerators: ['MEMORY_DEVICE_A', 'MEMORY_DEVICE_HOST'],
    renamed: { MEMORY_DEVICE_B: 'MEMORY_DEVICE_HOST' },
  };
  expect(typesHeader(types).split('\n').slice(1)).toEqual([
    '#define MEMORY_DEVICE_B MEMORY_DEVICE_HOST',
    '#define PGMAP_TYPES(X) X(MEMORY_DEVICE_A) X(MEMORY_DEVICE_B)',
    '',
  ]);
});
