import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakePackage, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { compareVersions, listPackages, openDistro } from './distro.ts';
import { memoryTypes, memremapHeader } from './enumerators.ts';
import { extractAtCommit, readAtCommit } from './read.ts';

test('versions compare by number', () => {
  expect(['6.9', '6.12', '7.0', '6.1', '5.10'].sort(compareVersions)).toEqual([
    '5.10',
    '6.1',
    '6.9',
    '6.12',
    '7.0',
  ]);
});

test('the newest installed package is imported once; another version goes into the same repository', async () => {
  await using at = await scratch();
  await fakePackage(at.dir, '6.9', 'old');
  await fakePackage(at.dir, '6.12', 'new');
  expect((await listPackages(at.dir)).map(({ version }) => version)).toEqual(['6.12', '6.9']);

  const newest = await openDistro(undefined, at.ctx, at.dir);
  expect(newest.subject).toMatch(/^linux-source-6\.12 6\.12/);
  expect(at.said.filter((text) => text.startsWith('importing'))).toHaveLength(1);
  expect(await openDistro('6.12', at.ctx, at.dir)).toEqual(newest);
  expect(at.said.filter((text) => text.startsWith('importing'))).toHaveLength(1);

  const old = await openDistro('6.9', at.ctx, at.dir);
  expect(old.gitDir).toBe(newest.gitDir);
  expect(old.tree).not.toBe(newest.tree);
  await userGit(newest.gitDir, 'fsck', '--strict');
  expect((await userGit(newest.gitDir, 'tag')).split('\n')).toHaveLength(2);
});

test('the same package gives the same commit in another cache', async () => {
  await using at = await scratch();
  await fakePackage(at.dir, '6.12');
  const first = await openDistro('6.12', at.ctx, at.dir);
  const ctx = { ...at.ctx, cacheDir: join(at.dir, 'other') };
  expect((await openDistro('6.12', ctx, at.dir)).commit).toBe(first.commit);
});

test('an import that is stopped leaves nothing that looks finished, and the next one works', async () => {
  await using at = await scratch();
  await fakePackage(at.dir, '6.12', 'x'.repeat(100_000));
  const stop = new AbortController();
  const onProgress = (): void => stop.abort(new Error('enough'));
  const stopped = openDistro('6.12', { ...at.ctx, signal: stop.signal, onProgress }, at.dir);
  await expect(stopped).rejects.toThrow('enough');
  const source = await openDistro('6.12', at.ctx, at.dir);
  await userGit(source.gitDir, 'fsck', '--strict');
});

test('a package that is not installed is named with the line that installs it', async () => {
  await using at = await scratch();
  await expect(openDistro(undefined, at.ctx, at.dir)).rejects.toMatchObject({
    failure: { blame: 'lab', code: 'source-missing', hint: 'apt install linux-source' },
  });
  await fakePackage(at.dir, '6.1');
  await expect(openDistro('6.12', at.ctx, at.dir)).rejects.toMatchObject({
    failure: {
      code: 'source-missing',
      title: 'The package linux-source-6.12 is not installed (installed: 6.1)',
      hint: 'apt install linux-source-6.12',
    },
  });
});

test('files of a commit are read without a work tree', async () => {
  await using at = await scratch();
  await fakePackage(at.dir, '6.12');
  const source = await openDistro('6.12', at.ctx, at.dir);
  const header = await readAtCommit(source, memremapHeader, at.ctx);
  expect(memoryTypes(header ?? '')).toContain('MEMORY_DEVICE_PCI_P2PDMA');
  expect(await readAtCommit(source, 'no/such/file', at.ctx)).toBeUndefined();
  const to = join(at.dir, 'out');
  await extractAtCommit(source, ['tools/testing/selftests', 'lib', 'mm/memremap.c'], to, at.ctx);
  expect((await readdir(to, { recursive: true })).toSorted()).toEqual([
    'mm',
    'mm/memremap.c',
    'tools',
    'tools/testing',
    'tools/testing/selftests',
    'tools/testing/selftests/mm',
    'tools/testing/selftests/mm/hmm-tests.c',
  ]);
});
