import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, patch, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { applySeries } from './series.ts';
import { openTree } from './source.ts';
import { touchedBetween } from './touched.ts';

test('a patch touches the function that it is in', async () => {
  await using at = await scratch();
  const source = await openTree(await fakeTree(join(at.dir, 'linux')), undefined, at.ctx);
  const { source: after } = await applySeries(source, [patch.applies], at.ctx);
  expect(await touchedBetween(source, after, at.ctx)).toEqual([
    { file: 'mm/memremap.c', functions: ['memremap_pages'], callers: [] },
  ]);
  expect(await touchedBetween(source, source, at.ctx)).toEqual([]);
});

const before = `
struct ops {
	int (*open)(int);
};

static int check(int a)
{
	return a > 1;
}

static int map(int a)
{
	if (check(a))
		goto out;
	return 0;
out:
	return 1;
}

int unrelated(void)
{
	return 2;
}
`;

test('functions, their callers, structures, new, lost and moved files', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(tree, name), text);
    await userGit(tree, 'add', '-A');
    await userGit(tree, 'commit', '-qm', 'change');
  };
  await mkdir(join(tree, 'fs'));
  await write({ 'fs/a.c': before, 'fs/b.c': before, 'fs/c d.c': before, 'fs/e.c': before });
  const source = await openTree(tree, undefined, at.ctx);
  await rm(join(tree, 'fs/e.c'));
  await write({
    'fs/a.c': before.replace('a > 1', 'a > 2'),
    'fs/b.c': before.replace('(*open)(int)', '(*open)(long)').replace('return 2', 'return 3'),
    'fs/c d.c': before.replace('return 2', 'return 3'),
    'fs/f.c': before,
  });
  const after = await openTree(tree, undefined, at.ctx);
  expect(await touchedBetween(source, after, at.ctx)).toEqual([
    { file: 'fs/a.c', functions: ['check'], callers: ['map'] },
    { file: 'fs/b.c' },
    { file: 'fs/c d.c', functions: ['unrelated'], callers: [] },
    // Of new and deleted files all is touched; the structure says so.
    { file: 'fs/e.c' },
    { file: 'fs/f.c' },
  ]);
});
