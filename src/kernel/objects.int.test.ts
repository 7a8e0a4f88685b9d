// Object folders after a build that was killed, and under a clock that was set back: what make would take for up to date.
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import { buildObjects, objectsKey } from './objects.ts';

const hour = 3600;

async function rig() {
  const at = await scratch();
  const dir = join(at.dir, 'objects');
  const build = (key: string, work: () => Promise<void>): Promise<void> =>
    buildObjects(dir, key, work, at.ctx);
  const put = (name: string, text: string): Promise<void> => writeFile(join(dir, name), text);
  await build('first', () => put('old.o', 'whole'));
  return { ...at, dir, build, put };
}
const names = async (dir: string): Promise<string[]> =>
  (await readdir(dir)).filter((name) => !name.startsWith('.pgmap')).sort();

test('what a killed build made is taken back, what was there before it stays', async () => {
  await using at = await rig();
  expect(await objectsKey(at.dir)).toBe('first');
  const killed = at.build('second', async () => {
    await at.put('half.o', 'ha');
    throw new Error('as good as killed');
  });
  await expect(killed).rejects.toThrow('killed');
  expect(await objectsKey(at.dir)).toBeUndefined();
  await at.build('third', async () => expect(await names(at.dir)).toEqual(['old.o']));
  expect(await objectsKey(at.dir)).toBe('third');
});

test('what make leaves when it says that something does not compile is whole', async () => {
  await using at = await rig();
  const failed = new FailureError({ blame: 'series', code: 'build-failed', title: 'x' });
  const broken = at.build('second', async () => {
    await at.put('good.o', 'whole');
    throw failed;
  });
  await expect(broken).rejects.toThrow(failed);
  expect(await objectsKey(at.dir)).toBeUndefined();
  await at.build('third', async () => expect(await names(at.dir)).toEqual(['good.o', 'old.o']));
});

test('objects from the future are made anew: sources that changed since would seem older', async () => {
  await using at = await rig();
  const later = Date.now() / 1000 + hour;
  await utimes(join(at.dir, 'old.o'), later, later);
  await at.build('second', async () => expect(await names(at.dir)).toEqual([]));
  expect(at.said).toContain('the clock was set back: building everything anew');
  expect(await objectsKey(at.dir)).toBe('second');
});

test('a clock that is set back during a build makes it a MISS, and the next one begins anew', async () => {
  await using at = await rig();
  const stamp = join(at.dir, '.pgmap-key');
  const build = at.build('second', async () => {
    // As if the clock had shown an hour more when it began.
    const later = Date.now() / 1000 + hour;
    await at.put('early.o', 'x');
    for (const path of [stamp, join(at.dir, 'early.o')]) await utimes(path, later, later);
  });
  await expect(build).rejects.toMatchObject({ failure: { blame: 'lab', code: 'clock-set-back' } });
  expect(await objectsKey(at.dir)).toBeUndefined();
  await at.build('third', async () => expect(await names(at.dir)).toEqual([]));
  expect(await readFile(stamp, 'utf8')).toBe('third');
});
