// What a series is put on, and what is said when it does not fit there.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  fakePackage,
  fakeTree,
  patch,
  scratch,
  userGit,
} from '../../testing/fakelinux/fakelinux.ts';
import { fakePatches, fakeTitles, mail } from '../../testing/series/mails.ts';
import { openDistro } from '../distro.ts';
import { applySeries } from '../series.ts';
import { openTree } from '../source.ts';

/** A tree whose HEAD has moved on from its tag `v1`, where the three patches apply. */
async function rig() {
  const at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const v1 = await userGit(tree, 'rev-parse', 'HEAD');
  await userGit(tree, 'tag', 'v1');
  const bodies = await fakePatches(tree);
  const commit = async (path: string, text: string): Promise<string> => {
    await writeFile(join(tree, path), text);
    await userGit(tree, 'add', '--all');
    await userGit(tree, 'commit', '--quiet', '--message', `change ${path}`);
    return userGit(tree, 'rev-parse', 'HEAD');
  };
  return {
    ...at,
    ...{ tree, v1, bodies, commit },
    head: await commit('mm/other.c', 'int other;\n'),
    /** The three patches, the last with `more` where git format-patch --base writes. */
    series: async (more = ''): Promise<string> => {
      const mails = bodies.map((body, index) =>
        mail({
          subject: `[PATCH ${index + 1}/3] ${fakeTitles[index]}`,
          id: `p${index + 1}`,
          body: index === 0 ? body.replace(/\n-- \n/, `\n\n${more}\n-- \n`) : body,
        }),
      );
      const file = join(at.dir, 'series.mbox');
      await writeFile(file, mails.join(''));
      return file;
    },
    apply: async (file: string, base?: string) =>
      applySeries(await openTree(tree, base, at.ctx), [file], at.ctx),
  };
}

test('HEAD, the base-commit if the tree has it, or what --base says; and why', async () => {
  await using at = await rig();
  expect(await at.apply(await at.series())).toMatchObject({ base: at.head, baseFrom: 'head' });
  const based = await at.series(`base-commit: ${at.v1}`);
  const onBase = await at.apply(based);
  expect(onBase).toMatchObject({
    base: at.v1,
    baseFrom: 'base-commit',
    notes: [],
    baseSource: { commit: at.v1, subject: `linux at ${at.v1.slice(0, 12)}` },
    source: { subject: `linux at ${at.v1.slice(0, 12)}` },
  });
  expect(onBase.patches.map(({ files }) => files)).toEqual(at.bodies.map(() => ['mm/memremap.c']));
  expect(await at.apply(based, 'HEAD')).toMatchObject({
    base: at.head,
    baseFrom: 'option',
    notes: [`The series says base-commit ${at.v1.slice(0, 12)}; --base wins`],
  });
  expect(await at.apply(await at.series(`base-commit: ${at.head}`))).toMatchObject({
    base: at.head,
    baseFrom: 'base-commit',
    notes: [],
  });
});

test('a base-commit in the cover letter, below a line as b4 prep writes it', async () => {
  await using at = await rig();
  const words = `Words.\n\n---\nbase-commit: ${at.v1}\nchange-id: 20260102-counting-0123456789ab`;
  const cover = mail({ subject: '[PATCH 0/3] counting', id: 'cover', body: words });
  const file = join(at.dir, 'covered.mbox');
  const mails = at.bodies.map((body, index) =>
    mail({ subject: `[PATCH ${index + 1}/3] ${fakeTitles[index]}`, id: `p${index}`, body }),
  );
  await writeFile(file, [cover, ...mails].join(''));
  const series = await at.apply(file);
  expect(series).toMatchObject({ title: 'counting', base: at.v1, baseFrom: 'base-commit' });
  expect(series.patches).toHaveLength(3);
});

test('a base-commit that the tree has not yet is told of, and found once it is there', async () => {
  await using at = await rig();
  const other = join(at.dir, 'other');
  await userGit(at.dir, 'clone', '--quiet', at.tree, other);
  await writeFile(join(other, 'mm/third.c'), 'int third;\n');
  await userGit(other, 'add', '--all');
  await userGit(other, 'commit', '--quiet', '--message', 'third');
  const third = await userGit(other, 'rev-parse', 'HEAD');
  const file = await at.series(`base-commit: ${third}`);
  expect(await at.apply(file)).toMatchObject({
    base: at.head,
    baseFrom: 'head',
    notes: [
      `The series' base-commit ${third.slice(0, 12)} is not in linux: put on linux at ${at.head.slice(0, 12)}`,
    ],
  });
  await userGit(at.tree, 'fetch', '--quiet', other);
  expect(await at.apply(file)).toMatchObject({ base: third, baseFrom: 'base-commit', notes: [] });
});

test('uncommitted changes are below a series, but not below a base-commit', async () => {
  await using at = await rig();
  await writeFile(join(at.tree, 'mm/other.c'), 'int changed;\n');
  const onTop = await at.apply(await at.series());
  expect(onTop.baseSource.subject).toContain('with uncommitted changes');
  const onBase = await at.apply(await at.series(`base-commit: ${at.v1}`));
  expect(onBase.base).toBe(at.v1);
  expect(onBase.notes).toEqual([
    expect.stringMatching(/^Uncommitted changes are left out: .*base-commit/),
  ]);
});

test('a range goes where it begins', async () => {
  await using at = await rig();
  await userGit(at.tree, 'am', '--quiet', patch.applies);
  const series = await at.apply(`${at.head}..HEAD`);
  expect(series).toMatchObject({ base: at.head, baseFrom: 'range' });
  expect(series.source.tree).toBe(await userGit(at.tree, 'rev-parse', 'HEAD^{tree}'));
  await expect(at.apply('HEAD..HEAD')).rejects.toMatchObject({
    failure: { code: 'empty-series' },
  });
});

test('what does not apply is looked for where its files are as it says', async () => {
  await using at = await rig();
  const text = await userGit(at.tree, 'show', 'HEAD:mm/memremap.c');
  await at.commit('mm/memremap.c', `${text.replace('mapped++;', 'mapped -= -1;')}\n`);
  const prerequisite = '0123456789'.repeat(4);
  const file = await at.series(
    `base-commit: ${'ab'.repeat(20)}\nprerequisite-patch-id: ${prerequisite}`,
  );
  // The patches' own index lines name the file as v1 has it; HEAD~1 has it too, but a tag says more.
  await expect(at.apply(file)).rejects.toMatchObject({
    failure: {
      blame: 'series',
      code: 'patch-conflict',
      title: expect.stringMatching(
        /^'mm\/memremap: count in words' \(1 of 3\) does not apply: mm\/memremap\.c, hunk 1 /,
      ),
      detail: expect.stringContaining(`prerequisite-patch-id: ${prerequisite} is not in linux at`),
      hint: 'It applies to v1: --base v1',
    },
  });
  expect(await at.apply(file, 'v1')).toMatchObject({ base: at.v1, baseFrom: 'option' });
});

test('a prerequisite that is there is not asked for', async () => {
  await using at = await rig();
  // A patch between the series and its base, known by its patch id only.
  const text = await userGit(at.tree, 'show', 'HEAD:mm/memremap.c');
  await at.commit('mm/memremap.c', `${text.replace('mapped++;', 'mapped--;')}\n`);
  const change = await userGit(at.tree, 'show', 'HEAD');
  await writeFile(join(at.dir, 'change'), `${change}\n`);
  const id = await userGit(at.tree, '-c', 'alias.id=!git show HEAD | git patch-id --stable', 'id');
  const file = await at.series(`prerequisite-patch-id: ${id.split(' ')[0]}`);
  await expect(at.apply(file)).rejects.toMatchObject({
    failure: { detail: expect.not.stringContaining('prerequisite-patch-id') },
  });
});

test('of source packages, the one whose files fit is named', async () => {
  await using at = await rig();
  await fakePackage(at.dir, '6.1');
  await fakePackage(at.dir, '6.12');
  await openDistro('6.1', at.ctx, at.dir);
  const newer = await openDistro('6.12', at.ctx, at.dir);
  const series = await applySeries(newer, [patch.applies], at.ctx);
  const changed = { ...newer, commit: series.source.commit, tree: series.source.tree };
  const broken = (await readFile(patch.applies, 'utf8')).replace('mapped += 1;', 'mapped += 2;');
  const file = join(at.dir, 'other.patch');
  await writeFile(file, broken);
  await expect(applySeries(changed, [file], at.ctx)).rejects.toMatchObject({
    failure: {
      code: 'patch-conflict',
      hint: 'It applies to distro:6.12: --source distro:6.12',
    },
  });
});
