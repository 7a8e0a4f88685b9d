import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import { exists, fillFolder, readIfThere, writeAtomic } from './files.ts';

test('an atomic write makes its folder and leaves nothing beside the file', async () => {
  await using at = await scratch();
  const file = join(at.dir, 'deep', 'note');
  await writeAtomic(file, 'one');
  await writeAtomic(file, 'two');
  expect(await readFile(file, 'utf8')).toBe('two');
  expect(await readdir(join(at.dir, 'deep'))).toEqual(['note']);
});

test('a folder that could not be filled is not there at all', async () => {
  await using at = await scratch();
  const folder = join(at.dir, 'entry');
  await expect(
    fillFolder(folder, async (temp) => {
      await writeFile(join(temp, 'half'), '');
      throw new Error('broke');
    }),
  ).rejects.toThrow('broke');
  expect(await readdir(at.dir)).toEqual([]);
});

test('of two who fill the same folder the first one wins', async () => {
  await using at = await scratch();
  const folder = join(at.dir, 'entry');
  await fillFolder(folder, async (temp) => {
    await mkdir(folder);
    await writeFile(join(folder, 'who'), 'the other');
    await writeFile(join(temp, 'who'), 'us');
  });
  expect(await readFile(join(folder, 'who'), 'utf8')).toBe('the other');
  expect(await readdir(at.dir)).toEqual(['entry']);
});

test('what is not there is undefined, not an error', async () => {
  await using at = await scratch();
  expect(await readIfThere(join(at.dir, 'nope'))).toBeUndefined();
  expect(await exists(join(at.dir, 'nope', 'deeper'))).toBe(false);
});
