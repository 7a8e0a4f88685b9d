import { appendFile, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, scratch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { must } from '../util/proc.ts';
import { readAtCommit } from './read.ts';
import { atCommit, openTree, resolveCommit } from './source.ts';

/**
 * Every file below a folder with its content, mode and time: what "not modified" means. Of objects the time may change: git
 * touches one that it was about to write and finds there.
 */
async function fingerprint(dir: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(dir, { recursive: true })).toSorted()) {
    const path = join(dir, name);
    const info = await stat(path);
    const time = name.startsWith('.git/objects/') ? '' : info.mtimeMs;
    hash.update(`${name} ${time} ${info.mode}\n`);
    if (info.isFile()) hash.update(await readFile(path));
  }
  return hash.digest('hex');
}

test('HEAD of a clean tree', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const before = await fingerprint(tree);
  const source = await openTree(tree, undefined, at.ctx);
  expect(await fingerprint(tree)).toBe(before);
  const head = await userGit(tree, 'rev-parse', 'HEAD');
  expect(source.commit).toBe(head);
  expect(source.tree).toBe(await userGit(tree, 'rev-parse', 'HEAD^{tree}'));
  expect(source.subject).toBe(`linux at ${head.slice(0, 12)}`);
});

test('uncommitted changes to tracked files are tested as they stand, and the tree is not touched', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  await appendFile(join(tree, 'mm/memremap.c'), '/* not committed */\n');
  await writeFile(join(tree, 'mm/staged.c'), '/* staged */\n');
  await userGit(tree, 'add', 'mm/staged.c');
  await rm(join(tree, 'include/uapi/linux/fake.h'));
  await writeFile(join(tree, 'mm/untracked.c'), '/* nobody asked for this one */\n');
  const before = await fingerprint(tree);

  const source = await openTree(tree, undefined, at.ctx);
  expect(await fingerprint(tree)).toBe(before);
  expect(source.subject).toMatch(/ with uncommitted changes$/);
  expect(await readAtCommit(source, 'mm/memremap.c', at.ctx)).toMatch(/not committed/);
  expect(await readAtCommit(source, 'mm/staged.c', at.ctx)).toMatch(/staged/);
  expect(await readAtCommit(source, 'mm/untracked.c', at.ctx)).toBeUndefined();
  expect(await readAtCommit(source, 'include/uapi/linux/fake.h', at.ctx)).toBeUndefined();
  // Asked again the same oids, so that the kernel in the cache is found.
  expect(await openTree(tree, undefined, at.ctx)).toEqual(source);
});

test('a change in the second of the last commit, of the same size, is seen', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const file = join(tree, 'mm/memremap.c');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('-22', '-21'));
  const source = await openTree(tree, undefined, at.ctx);
  expect(await readAtCommit(source, 'mm/memremap.c', at.ctx)).toContain('-21');
});

test('--base takes that commit, whatever the work tree looks like', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const first = await userGit(tree, 'rev-parse', 'HEAD');
  await userGit(tree, 'commit', '--quiet', '--allow-empty', '--message', 'second');
  await appendFile(join(tree, 'mm/memremap.c'), '/* not committed */\n');
  const source = await openTree(tree, 'HEAD~1', at.ctx);
  expect(source.commit).toBe(first);
  const head = await userGit(tree, 'rev-parse', 'HEAD');
  expect(await resolveCommit(source, 'HEAD', at.ctx)).toBe(head);
  expect((await atCommit(source, head, at.ctx)).commit).toBe(head);
});

test('a linked work tree and a shallow clone work too', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  for (const name of ['second', 'third'])
    await userGit(tree, 'commit', '--quiet', '--allow-empty', '--message', name);
  const linked = join(at.dir, 'linked');
  await userGit(tree, 'worktree', 'add', '--quiet', linked, 'HEAD~1');
  const source = await openTree(linked, undefined, at.ctx);
  expect(source.commit).toBe(await userGit(tree, 'rev-parse', 'HEAD~1'));

  const shallow = join(at.dir, 'shallow');
  await userGit(at.dir, 'clone', '--quiet', '--depth=1', `file://${tree}`, shallow);
  const top = await openTree(shallow, undefined, at.ctx);
  // Walks the history, which ends where the clone was cut.
  expect(await userGit(top.gitDir, 'rev-list', '--count', top.commit)).toBe('1');
});

test('what is no kernel tree is refused with the reason', async () => {
  await using at = await scratch();
  const refuses = (dir: string, base?: string) => expect(openTree(dir, base, at.ctx)).rejects;
  await refuses(join(at.dir, 'nope')).toMatchObject({ failure: { code: 'not-a-git-tree' } });
  const plain = join(at.dir, 'plain');
  await mkdir(plain);
  await refuses(plain).toMatchObject({
    failure: { blame: 'usage', code: 'not-a-git-tree', hint: expect.stringContaining('git -C') },
  });
  const other = join(at.dir, 'other');
  await mkdir(other);
  await userGit(other, 'init', '--quiet');
  await refuses(other).toMatchObject({ failure: { code: 'unknown-revision' } });
  await writeFile(join(other, 'Makefile'), '');
  await userGit(other, 'add', '.');
  await userGit(other, 'commit', '--quiet', '--message', 'x');
  await refuses(other).toMatchObject({
    failure: {
      blame: 'usage',
      code: 'not-a-kernel-tree',
      title: expect.stringContaining('Kconfig'),
    },
  });
  const tree = await fakeTree(join(at.dir, 'linux'));
  await refuses(join(tree, 'mm')).toMatchObject({ failure: { code: 'not-a-kernel-tree' } });
  await refuses(tree, 'v9.9').toMatchObject({ failure: { code: 'unknown-revision' } });
  await refuses(tree, '--help').toMatchObject({ failure: { code: 'unknown-revision' } });
});

test('a tree in the middle of a merge is refused', async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const change = async (to: string): Promise<void> => {
    await writeFile(join(tree, 'mm/memremap.c'), to);
    await userGit(tree, 'commit', '--quiet', '--all', '--message', to);
  };
  await userGit(tree, 'branch', 'side');
  await change('one');
  await userGit(tree, 'checkout', '--quiet', 'side');
  await change('two');
  await userGit(tree, 'merge', 'master')
    .catch(() => userGit(tree, 'merge', 'main'))
    .catch(() => '');
  await expect(openTree(tree, undefined, at.ctx)).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'unmerged' },
  });
});

test("a hook or monitor in the user's repository never runs", async () => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const trap = join(at.dir, 'trap');
  await writeFile(trap, `#!/bin/sh\ntouch ${at.dir}/sprung\n`, { mode: 0o755 });
  await userGit(tree, 'config', 'core.fsmonitor', trap);
  await mkdir(join(tree, '.git/hooks'), { recursive: true });
  for (const hook of ['post-checkout', 'post-index-change', 'reference-transaction'])
    await cp(trap, join(tree, '.git/hooks', hook));
  await openTree(tree, undefined, at.ctx);
  const { stdout } = await must(['ls', at.dir], { what: 'ls' });
  expect(stdout).not.toContain('sprung');
});
