import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, patch, scratch } from '../testing/fakelinux/fakelinux.ts';
import { applySeries } from './series.ts';
import { openTree } from './source.ts';
import { checkOut } from './worktree.ts';

test('from commit to commit only the files that differ get new times', async () => {
  await using at = await scratch();
  const base = await openTree(await fakeTree(join(at.dir, 'linux')), undefined, at.ctx);
  const { source: patched } = await applySeries(base, [patch.applies], at.ctx);
  let dir: string;
  const times = async (): Promise<Record<string, number>> => {
    const names = ['Makefile', 'mm/memremap.c', 'include/linux/memremap.h'];
    const infos = await Promise.all(names.map((name) => stat(join(dir, name))));
    return Object.fromEntries(names.map((name, index) => [name, infos[index]?.mtimeMs ?? 0]));
  };
  {
    await using tree = await checkOut(base, at.ctx);
    dir = tree.dir;
  }
  const before = await times();
  await writeFile(join(dir, 'left-over'), 'of a crash');
  await using tree = await checkOut(patched, at.ctx);
  expect(tree.dir).toBe(dir);
  expect(await readFile(join(dir, 'mm/memremap.c'), 'utf8')).toContain('mapped += 1;');
  const after = await times();
  expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual([
    'mm/memremap.c',
  ]);
  expect(await readdir(dir)).not.toContain('left-over');
});

test('a work tree belongs to one at a time; another slot is free', async () => {
  await using at = await scratch();
  const base = await openTree(await fakeTree(join(at.dir, 'linux')), undefined, at.ctx);
  const first = await checkOut(base, at.ctx);
  let waited = true;
  const second = checkOut(base, at.ctx).then(async (tree) => {
    expect(waited).toBe(false);
    await tree[Symbol.asyncDispose]();
  });
  const other = await checkOut(base, at.ctx, '1');
  expect(other.dir).not.toBe(first.dir);
  await other[Symbol.asyncDispose]();
  waited = false;
  await first[Symbol.asyncDispose]();
  await second;
});

test('a git that was killed leaves a lock file, and nobody has to remove it by hand', async () => {
  await using at = await scratch();
  const base = await openTree(await fakeTree(join(at.dir, 'linux')), undefined, at.ctx);
  const { source: patched } = await applySeries(base, [patch.applies], at.ctx);
  const first = await checkOut(base, at.ctx);
  await first[Symbol.asyncDispose]();
  await writeFile(join(first.dir, '.git/index.lock'), '');
  await using tree = await checkOut(patched, at.ctx);
  expect(await readFile(join(tree.dir, 'mm/memremap.c'), 'utf8')).toContain('mapped += 1;');
});
