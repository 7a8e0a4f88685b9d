import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, patch, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { readAtCommit } from './read.ts';
import { applySeries } from './series.ts';
import { openTree } from './source.ts';

async function rig() {
  const at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const source = await openTree(tree, undefined, at.ctx);
  return {
    ...at,
    tree,
    source,
    apply: (...inputs: string[]) => applySeries(source, inputs, at.ctx),
  };
}

test('a mail becomes a commit with its author, date and message', async () => {
  await using at = await rig();
  const series = await at.apply(patch.applies);
  expect(series).toMatchObject({
    title: 'mm/memremap: count in words',
    base: at.source.commit,
    baseFrom: 'head',
    patches: [{ title: 'mm/memremap: count in words', commit: series.source.commit }],
    notes: [],
  });
  const format = '--format=%an <%ae> %aI|%cn %cI|%P|%B';
  expect(await userGit(at.source.gitDir, 'log', '-1', format, series.source.commit)).toBe(
    `Ann Author <ann@example.org> 2026-01-02T12:00:00+00:00|pgmap 2000-01-01T00:00:00+00:00|${at.source.commit}|` +
      'mm/memremap: count in words\n\nSigned-off-by: Ann Author <ann@example.org>',
  );
  expect(await readAtCommit(series.source, 'mm/memremap.c', at.ctx)).toContain('mapped += 1;');
});

test('the same series on the same base is the same commit, in any cache, and is not applied twice', async () => {
  await using at = await rig();
  const first = await at.apply(patch.applies);
  const before = at.said.length;
  expect(await at.apply(patch.applies)).toEqual(first);
  expect(at.said).toHaveLength(before);
  const ctx = { ...at.ctx, cacheDir: join(at.dir, 'other') };
  const source = await openTree(at.tree, undefined, ctx);
  expect((await applySeries(source, [patch.applies], ctx)).source.commit).toBe(first.source.commit);
});

test('a plain diff with a free text header', async () => {
  await using at = await rig();
  const series = await at.apply(patch.plain);
  expect(series.title).toBe('refuse-with-21: a plain diff with a free text header');
  expect(await readAtCommit(series.source, 'mm/memremap.c', at.ctx)).toContain('return -21;');
});

test('an mbox with a cover letter, a folder, a quilt series and a range give the same tree', async () => {
  await using at = await rig();
  const mails = [patch.applies, patch.breaksBuild];
  const texts = await Promise.all(mails.map((file) => readFile(file, 'utf8')));
  const cover = texts[0]
    ?.split('\n---\n')[0]
    ?.replace(/^Subject: .*/m, 'Subject: [PATCH 0/2] mm/memremap: counting');
  const mbox = join(at.dir, 'series.mbox');
  await writeFile(mbox, [`${cover}\n-- \npgmap\n\n`, ...texts].join(''));
  const fromMbox = await at.apply(mbox);
  expect(fromMbox.title).toBe('mm/memremap: counting');
  expect(fromMbox.patches).toHaveLength(2);

  const folder = join(at.dir, 'folder');
  await mkdir(folder);
  await cp(patch.applies, join(folder, '0001-count.patch'));
  await cp(patch.breaksBuild, join(folder, '0002-break.patch'));
  await writeFile(join(folder, 'README'), 'no patch');
  const fromFolder = await at.apply(folder);
  expect(fromFolder.title).toBe('mm/memremap: count in words (and 1 more)');
  expect(fromFolder.source.commit).toBe(fromMbox.source.commit);

  await cp(join(folder, '0001-count.patch'), join(folder, 'zz.patch'));
  await writeFile(
    join(folder, 'series'),
    '# in this order\nzz.patch -p1\n\n0002-break.patch # last\n',
  );
  expect((await at.apply(folder)).source.tree).toBe(fromMbox.source.tree);

  for (const file of mails) await userGit(at.tree, 'am', '--quiet', file);
  const fromRange = await at.apply('HEAD~2..HEAD');
  expect(fromRange.source.tree).toBe(fromMbox.source.tree);
});

test('a patch that does not apply is named with file and hunk, and nothing stays behind', async () => {
  await using at = await rig();
  await expect(at.apply(patch.conflicts)).rejects.toMatchObject({
    failure: {
      blame: 'series',
      code: 'patch-conflict',
      title: expect.stringMatching(
        /^'mm\/memremap: made on another base' does not apply: mm\/memremap\.c, hunk 1 \(@@ -\d+/,
      ),
      detail: expect.stringContaining('conflicts.patch'),
      hint: expect.stringContaining('--base'),
    },
  });
  expect(await readdir(join(at.ctx.cacheDir, 'worktrees'))).toEqual([]);
  expect((await at.apply(patch.applies)).patches).toHaveLength(1);
});

test('a plain diff that does not apply is named with file and hunk too', async () => {
  await using at = await rig();
  await expect(at.apply(patch.plain, patch.plain)).rejects.toMatchObject({
    failure: {
      blame: 'series',
      code: 'patch-conflict',
      title: expect.stringMatching(/does not apply: mm\/memremap\.c, hunk 1 \(@@ -6,7 \+6,7 @@/),
    },
  });
});

test('mails and plain diffs on one file, in turn', async () => {
  await using at = await rig();
  const diff = join(at.dir, 'first-line.diff');
  const lines = [
    ...['add-a-line', '', '--- a/mm/memremap.c', '+++ b/mm/memremap.c', '@@ -1,2 +1,3 @@'],
    ...[
      ' // SPDX-License-Identifier: GPL-2.0-only',
      '+/* first */',
      ' #include <linux/memremap.h>',
    ],
  ];
  await writeFile(diff, `${lines.join('\n')}\n`);
  const { patches, source } = await at.apply(patch.applies, diff, patch.breaksBuild);
  expect(patches.map(({ commit }) => commit !== undefined)).toEqual([true, true, true]);
  const text = await readAtCommit(source, 'mm/memremap.c', at.ctx);
  expect(text).toMatch(/\/\* first \*\/[^]*mapped \+= one;/);
});

test('of a folder the patch that fails is the one that is named', async () => {
  await using at = await rig();
  await expect(at.apply(patch.applies, patch.conflicts)).rejects.toMatchObject({
    failure: { title: expect.stringContaining('made on another base') },
  });
});

test('a patch that was damaged on its way is not called a conflict', async () => {
  await using at = await rig();
  const damaged = join(at.dir, 'damaged.patch');
  const text = await readFile(patch.applies, 'utf8');
  await writeFile(damaged, text.replace(/^ \{\n/m, ''));
  await expect(at.apply(damaged)).rejects.toMatchObject({
    failure: { blame: 'series', code: 'patch-malformed' },
  });
});

test('a patch that the base already has becomes no commit', async () => {
  await using at = await rig();
  await userGit(at.tree, 'am', '--quiet', patch.applies);
  const source = await openTree(at.tree, undefined, at.ctx);
  const series = await applySeries(source, [patch.applies], at.ctx);
  expect(series.patches).toEqual([
    {
      ...{ title: 'mm/memremap: count in words', number: 1, of: 1, files: [] },
      ...{ author: 'Ann Author <ann@example.org>', after: source.commit, tree: source.tree },
    },
  ]);
  expect(series.source.commit).toBe(source.commit);
});

test('no file, an empty file, an unknown range', async () => {
  await using at = await rig();
  await expect(at.apply(join(at.dir, 'nope.mbox'))).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'no-series' },
  });
  const empty = join(at.dir, 'empty.mbox');
  await writeFile(empty, 'just words\n');
  await expect(at.apply(empty)).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'empty-series' },
  });
  await expect(at.apply('nope..HEAD')).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'unknown-revision' },
  });
});
