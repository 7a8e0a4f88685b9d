// The base layer made of this host's own busybox, and when its key changes.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import type { Recipe } from './guest-layer.ts';
import { baseLayer } from './initrd.ts';

const recipe: Recipe = {
  packages: ['busybox-static'],
  files: ['/bin/busybox'],
  links: {},
  directories: ['proc'],
};

async function imagesFolder(dir: string): Promise<string> {
  const images = join(dir, 'images');
  await mkdir(join(images, 'lib'), { recursive: true });
  await mkdir(join(images, 'probe'), { recursive: true });
  await writeFile(join(images, 'init'), '#!init', { mode: 0o755 });
  await writeFile(join(images, 'fstab'), '');
  await writeFile(join(images, 'lib/tap.sh'), 'tap');
  return images;
}

test('its key changes exactly when something that goes into it does', async () => {
  await using place = await scratch();
  const { dir, ctx } = place;
  const images = await imagesFolder(dir);
  const first = await baseLayer(recipe, images, ctx);
  expect(first.cached).toBe(false);
  const again = await baseLayer(structuredClone(recipe), images, ctx);
  expect(again).toMatchObject({ cached: true, key: first.key });
  expect(again.bytes.equals(first.bytes)).toBe(true);

  // The module's sources and the recipe's own file are no part of it.
  await writeFile(join(images, 'probe/main.c'), 'int x;');
  await writeFile(join(images, 'guest.yaml'), '# another comment');
  expect((await baseLayer(recipe, images, ctx)).key).toBe(first.key);

  const keys = new Set([first.key]);
  const changes: (() => Promise<unknown>)[] = [
    () => writeFile(join(images, 'lib/tap.sh'), 'other'),
    () => writeFile(join(images, 'lib/new.sh'), ''),
    () => writeFile(join(images, 'init'), '#!other'),
    () => writeFile(join(images, 'fstab'), 'sys'),
    () => chmod(join(images, 'lib/tap.sh'), 0o700),
  ];
  for (const [at, change] of changes.entries()) {
    await change();
    const { key, cached } = await baseLayer(recipe, images, ctx);
    expect([at, cached, keys.has(key)]).toEqual([at, false, false]);
    keys.add(key);
  }
  const others: Partial<Recipe>[] = [
    { directories: ['proc', 'sys'] },
    { links: { '/a': '/b' } },
    { packages: ['busybox-static', 'bash'] },
  ];
  for (const change of others) {
    const { key } = await baseLayer({ ...recipe, ...change }, images, ctx);
    expect(keys.has(key)).toBe(false);
    keys.add(key);
  }
});

test('cpio unpacks it, and busybox runs from it', async () => {
  await using place = await scratch();
  const { bytes } = await baseLayer(recipe, await imagesFolder(place.dir), place.ctx);
  const root = join(place.dir, 'root');
  await mkdir(root);
  execFileSync('cpio', ['--extract', '--quiet', '--no-absolute-filenames'], {
    cwd: root,
    input: bytes,
  });
  expect(execFileSync(join(root, 'bin/busybox'), ['echo', 'alive'], { encoding: 'utf8' })).toBe(
    'alive\n',
  );
  expect(await readdir(join(root, 'pgmap/lib'))).toEqual(['tap.sh']);
});

test('a package that is not installed stops it before anything is kept', async () => {
  await using place = await scratch();
  const packages = ['busybox-static', 'pgmap-no-such-package'];
  const making = baseLayer({ ...recipe, packages }, await imagesFolder(place.dir), place.ctx);
  await expect(making).rejects.toMatchObject({
    failure: { blame: 'lab', detail: expect.stringContaining('pgmap-no-such-package') },
  });
  expect(await readdir(place.dir)).toEqual(['images']);
});
