import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import { headersKey } from './headers-key.ts';

test('headers have the same key wherever they are, and another one when a byte differs', async () => {
  await using place = await scratch();
  const write = async (name: string, files: Record<string, string>): Promise<string> => {
    const dir = join(place.dir, name);
    await mkdir(join(dir, 'linux'), { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(dir, file), text);
    return headersKey(dir, place.ctx);
  };
  const files = { 'linux/a.h': '1', 'linux/b.h': '23' };
  const key = await write('one', files);
  expect(await write('two', files)).toBe(key);
  expect(await write('three', { ...files, 'linux/b.h': '24' })).not.toBe(key);
  // What moves from one to the next is no less a change.
  expect(await write('four', { 'linux/a.h': '12', 'linux/b.h': '3' })).not.toBe(key);
  expect(await write('five', { ...files, 'linux/c.h': '' })).not.toBe(key);
});
