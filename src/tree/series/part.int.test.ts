// The quick way gives the same commits as the slow one.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, patch, scratch, userGit } from '../../testing/fakelinux/fakelinux.ts';
import { fakePatches, fakeTitles, mail } from '../../testing/series/mails.ts';
import type { Context } from '../../util/context.ts';
import { openTree, type Source } from '../source.ts';
import { applyToWhole } from './apply.ts';
import type { InputFile } from './input.ts';
import { type Mail, readMails } from './mail.ts';
import { applyToPart, namedPaths } from './part.ts';

async function both(source: Source, mails: readonly Mail[], dir: string, ctx: Context) {
  const part = await applyToPart(mails, source, join(dir, 'part'), ctx);
  return { part, whole: await applyToWhole(mails, source, join(dir, 'whole'), ctx) };
}

async function rig() {
  const at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const read = async (source: Source, files: readonly InputFile[]): Promise<Mail[]> => {
    const mails: Mail[] = [];
    for (const [index, file] of files.entries()) {
      const folder = join(at.dir, `mails-${index}`);
      mails.push(...(await readMails(file, folder, { gitDir: source.gitDir }, at.ctx)));
    }
    return mails;
  };
  return { ...at, tree, read };
}

test('mails, a diff, a rename, a mode, a new and a removed file, a name in Latin-1', async () => {
  await using at = await rig();
  const source = await openTree(at.tree, undefined, at.ctx);
  const other = join(at.dir, 'other');
  await userGit(at.dir, 'clone', '--quiet', at.tree, other);
  for (const [index, body] of (await fakePatches(at.tree)).entries()) {
    const file = join(at.dir, `${index}.patch`);
    await writeFile(file, mail({ subject: fakeTitles[index] ?? '', id: `${index}`, body }));
    await userGit(other, 'am', '--quiet', file);
  }
  await userGit(other, 'mv', 'Kconfig', 'Kconfig.new');
  await userGit(other, 'commit', '--quiet', '--message', 'rename');
  await mkdir(join(other, 'new/deep'), { recursive: true });
  await writeFile(join(other, 'new/deep/file.c'), 'int deep;\n');
  await userGit(other, 'add', '--all');
  await userGit(other, 'rm', '--quiet', '--force', 'FAIL');
  await userGit(other, 'update-index', '--chmod=+x', 'Makefile');
  await userGit(other, 'commit', '--quiet', '--message', 'new, removed, executable');
  const sent = await userGit(other, 'format-patch', '--stdout', `${source.commit}..HEAD`);
  const text = Buffer.from(`${sent.replaceAll('Ann Author', 'J\xf6rg')}\n`, 'latin1');
  const diff = '--- a/new/deep/file.c\n+++ b/new/deep/file.c\n@@ -1 +1 @@\n-int deep;\n+int d;\n';
  const mails = await at.read(source, [
    { name: 'a.mbox', text },
    { name: 'b.diff', text: Buffer.from(diff) },
  ]);
  expect(mails).toHaveLength(6);
  const { part, whole } = await both(source, mails, at.dir, at.ctx);
  expect(part).toEqual(whole);
  expect(whole.at(-2)?.files).toEqual(['FAIL', 'Makefile', 'new/deep/file.c']);
  await userGit(source.gitDir, 'fsck', '--strict', whole.at(-1)?.after ?? '');
});

test('a patch that the tree has already, alone and among others', async () => {
  await using at = await rig();
  await userGit(at.tree, 'am', '--quiet', patch.applies);
  const source = await openTree(at.tree, undefined, at.ctx);
  const have = await at.read(source, [
    { name: 'a', text: Buffer.from(await userGit(at.tree, 'format-patch', '--stdout', '-1')) },
  ]);
  const { part, whole } = await both(source, have, at.dir, at.ctx);
  expect(whole).toMatchObject([{ after: source.commit, tree: source.tree, files: [] }]);
  // That takes a merge to see, and merges are for the whole tree.
  expect(part).toBeUndefined();
});

test('every path that a patch speaks of, and none that git would refuse', () => {
  const text = [
    ...['diff --git a/x/mode b/x/mode', 'old mode 100644', 'new mode 100755'],
    ...['rename from old name', 'rename to new/name', 'copy from c', 'copy to d'],
    ...['--- a/mm/a.c\t2026', '+++ b/mm/a.c', '--- /dev/null', '+++ b/new.c'],
    ...['--- a/../../etc/passwd', '+++ b/./x', '+++ b//abs', ' --- a/context'],
  ];
  expect(namedPaths(text.join('\n'))).toEqual([
    ...['x/mode', 'old name', 'new/name', 'c', 'd', 'mm/a.c', 'mm/a.c', 'new.c'],
  ]);
});
