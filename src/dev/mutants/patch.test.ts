// Headers as people write them, and the patches that are in this project.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readMutant } from './patch.ts';

const patch = (type: string, ...files: string[]): string =>
  [
    'a title',
    '',
    ...(type === '' ? [] : [`Type:    ${type}`]),
    'Where:   mm/memremap.c:memunmap_pages()',
    'Symptom: Type: is not a field here, nor is PRIVATE a type',
    '',
    ...files.flatMap((file) => [`--- a/${file}`, `+++ b/${file}`, '@@ -1 +1 @@', '-a', '+b']),
    '',
  ].join('\n');

describe('the types of a header', () => {
  test.each<[string, string[], boolean]>([
    ['PRIVATE', ['PRIVATE'], false],
    ['COHERENT', ['COHERENT'], false],
    ['GENERIC / kmem hotplug', ['GENERIC'], false],
    ['P2PDMA', ['PCI_P2PDMA'], false],
    ['MEMORY_DEVICE_PCI_P2PDMA', ['PCI_P2PDMA'], false],
    ['fsdax', ['FS_DAX'], false],
    ['device-dax (DEVDAX)', ['GENERIC'], false],
    ['shared (FS_DAX, GENERIC)', ['FS_DAX', 'GENERIC'], true],
    ['shared', [], true],
    ['all', [], true],
    ['something new', [], true],
    ['', [], true],
  ])('%s', (type, types, shared) => {
    const mutant = readMutant('m', patch(type, 'mm/memremap.c'));
    expect(mutant.types).toEqual(types.map((name) => `MEMORY_DEVICE_${name}`));
    expect(mutant.shared).toBe(shared);
  });
});

test('title, place and files are read', () => {
  const mutant = readMutant('m', patch('PRIVATE', 'mm/gup.c', 'fs/dax.c'));
  expect(mutant).toMatchObject({
    name: 'm',
    title: 'a title',
    where: 'mm/memremap.c:memunmap_pages()',
    files: ['mm/gup.c', 'fs/dax.c'],
  });
});

test('a deleted file counts as changed, /dev/null does not', () => {
  const text = 'gone\n\n--- a/lib/test_hmm.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n';
  expect(readMutant('m', text).files).toEqual(['lib/test_hmm.c']);
});

test.each(['', '\n', 'only words', '--- a/mm/x.c', '\u0000\u001b[31m'])(
  'no throw on %j',
  (text) => {
    expect(readMutant('m', text)).toMatchObject({ types: [], shared: true, name: 'm' });
  },
);

const folder = join(import.meta.dirname, '../../testing/mutants');
const ours = readdirSync(folder)
  .filter((file) => file.endsWith('.patch'))
  .map((file) => readMutant(file, readFileSync(join(folder, file), 'utf8')));

test('our own mutants cover every type and say what they are', () => {
  for (const mutant of ours) {
    expect(mutant.files.length, mutant.name).toBe(1);
    expect(mutant.where, mutant.name).toContain(`${mutant.files[0]}:`);
    expect(mutant.text, mutant.name).toMatch(/^Type: +\S[^]*^Symptom: +\S[^]*^Base: +\S/m);
    if (mutant.types.length === 0) expect(mutant.text, mutant.name).toMatch(/^Type: +shared/m);
  }
  expect([...new Set(ours.flatMap(({ types }) => types))].sort()).toEqual(
    ['COHERENT', 'FS_DAX', 'GENERIC', 'PCI_P2PDMA', 'PRIVATE'].map(
      (name) => `MEMORY_DEVICE_${name}`,
    ),
  );
});
