// Which patches of an mbox are applied, and in which order, whether b4 is there or not.
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeTree, scratch, userGit } from '../../testing/fakelinux/fakelinux.ts';
import { fakePatches, fakeTitles, mail } from '../../testing/series/mails.ts';
import { exists } from '../../util/files.ts';
import { applySeries } from '../series.ts';
import { openTree } from '../source.ts';

async function rig() {
  const at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const source = await openTree(tree, undefined, at.ctx);
  const withoutB4 = { ...at.ctx, path: await programs(join(at.dir, 'bin')) };
  let files = 0;
  const write = async (...mails: string[]): Promise<string> => {
    const file = join(at.dir, `${files++}.mbox`);
    await writeFile(file, mails.join(''));
    return file;
  };
  return {
    ...at,
    tree,
    source,
    write,
    bodies: await fakePatches(tree),
    withoutB4,
    apply: (...inputs: string[]) => applySeries(source, inputs, withoutB4),
  };
}

/** A folder with the programs that applying takes, b4 not among them. */
async function programs(dir: string): Promise<string> {
  await mkdir(dir);
  for (const name of ['bash', 'cat', 'git', 'sh'])
    for (const folder of (process.env['PATH'] ?? '').split(delimiter))
      if (await exists(join(folder, name)))
        await symlink(join(folder, name), join(dir, name)).catch(() => undefined);
  return dir;
}

/** Numbered mails of the three patches. */
const numbered = (bodies: readonly string[], tag: string): string[] =>
  bodies.map((body, at) =>
    mail({
      subject: `[PATCH${tag} ${at + 1}/${bodies.length}] ${fakeTitles[at]}`,
      id: `p${at + 1}${tag.trim()}`,
      replyTo: `cover${tag.trim()}`,
      body,
    }),
  );

const cover = (tag: string, title: string): string =>
  mail({ subject: `[PATCH${tag} 0/3] ${title}`, id: `cover${tag.trim()}`, body: 'Words.' });

test('by number, whatever the order of the file', async () => {
  await using at = await rig();
  const [one = '', two = '', three = ''] = numbered(at.bodies, '');
  const series = await at.apply(await at.write(three, cover('', 'counting'), one, two));
  expect(series.title).toBe('counting');
  expect(series.patches.map(({ title }) => title)).toEqual(fakeTitles);
  expect(series.patches).toMatchObject([
    { number: 1, of: 3, author: 'Ann Author <ann@example.org>', files: ['mm/memremap.c'] },
    { number: 2, of: 3 },
    { number: 3, of: 3, after: series.source.commit, tree: series.source.tree },
  ]);
  expect(series.patches.map(({ commit, after }) => commit === after)).toEqual([true, true, true]);
  const log = ['log', '--reverse', '--format=%H %T', `${series.base}..${series.source.commit}`];
  const made = series.patches.map(({ after, tree }) => `${after} ${tree}`);
  expect(await userGit(at.source.gitDir, ...log)).toBe(made.join('\n'));
  expect(series.notes).toEqual([]);
});

const thread = (bodies: readonly string[]): string[] => [
  cover('', 'first try'),
  ...numbered(bodies.slice(0, 2), ''),
  mail({
    subject: `Re: [PATCH 1/2] ${fakeTitles[0]}`,
    id: 'r1',
    replyTo: 'p1',
    from: 'Rita Reviewer <rita@example.org>',
    body: `> mapped++;\n\nHow about this?\n\n${bodies[1] ?? ''}`,
  }),
  cover(' v2', 'second try'),
  ...numbered(bodies, ' v2'),
  mail({
    subject: `Re: [PATCH v2 2/3] ${fakeTitles[1]}`,
    id: 'r2',
    replyTo: 'p2v2',
    from: 'Rita Reviewer <rita@example.org>',
    body: 'Looks good.\n\nReviewed-by: Rita Reviewer <rita@example.org>',
  }),
];

test('of a thread the newest version, without replies, even those that hold a diff', async () => {
  await using at = await rig();
  const file = await at.write(...thread(at.bodies));
  const series = await at.apply(file);
  expect(series.title).toBe('second try');
  expect(series.patches.map(({ title }) => title)).toEqual(fakeTitles);
  expect(series.notes).toEqual([
    `Of ${file}, v2 was taken and left aside: v1, 2 replies`,
    'Trailers from replies are not added: that takes b4 (apt install b4)',
  ]);
});

test('a patch that is missing is named, and nothing is applied', async () => {
  await using at = await rig();
  const [one = '', , three = ''] = numbered(at.bodies, ' v7');
  await expect(at.apply(await at.write(one, three))).rejects.toMatchObject({
    failure: {
      blame: 'usage',
      code: 'patch-missing',
      title: expect.stringMatching(/^Patch 2 of 3 is missing in .*\.mbox$/),
      detail: `1: ${fakeTitles[0]}\n3: ${fakeTitles[2]}`,
    },
  });
  expect(await readdir(join(at.ctx.cacheDir, 'worktrees'))).toEqual([]);
});

test('a version of which only one patch was sent again is not complete without b4', async () => {
  await using at = await rig();
  const [again = ''] = numbered(at.bodies, ' v2');
  const file = await at.write(...numbered(at.bodies, ''), again);
  await expect(at.apply(file)).rejects.toMatchObject({
    failure: { code: 'patch-missing', hint: expect.stringContaining('apt install b4') },
  });
});

test('two patches with one number are an error, the same mail twice is not', async () => {
  await using at = await rig();
  const [one = '', two = '', three = ''] = numbered(at.bodies, '');
  const other = numbered(at.bodies.toReversed(), '')[1]?.replace('memremap:', 'other:') ?? '';
  const changed = other.replace('+\t\treturn -21;', '+\t\treturn -20;');
  expect(changed).not.toBe(other);
  await expect(at.apply(await at.write(one, two, changed, three))).rejects.toMatchObject({
    failure: {
      blame: 'usage',
      code: 'patch-duplicate',
      title: expect.stringMatching(/^There are two patches 2 of 3: /),
    },
  });
  const twice = await at.apply(await at.write(one, two, two, three, one));
  expect(twice.patches).toHaveLength(3);
});

test('patch files given one by one: any of a series, by number, and a note says what is not there', async () => {
  await using at = await rig();
  const files = await Promise.all(numbered(at.bodies, '').map((one) => at.write(one)));
  const [one = '', two = '', three = ''] = files;
  expect((await at.apply(three, one, two)).patches.map(({ title }) => title)).toEqual(fakeTitles);
  const alone = await at.apply(one);
  expect(alone.patches).toHaveLength(1);
  expect(alone.notes).toEqual(['Given without patch 2 of 3, 3 of 3 of its series']);
});

test('a folder holds one series too, and its older version is left aside', async () => {
  await using at = await rig();
  const folder = join(at.dir, 'folder');
  await mkdir(folder);
  for (const [at_, one] of numbered(at.bodies, ' v2').entries())
    await writeFile(join(folder, `v2-000${at_ + 1}.patch`), one);
  await writeFile(join(folder, '0001.patch'), numbered(at.bodies, '')[0] ?? '');
  const series = await at.apply(folder);
  expect(series.patches).toHaveLength(3);
  expect(series.notes).toEqual([`Of ${folder}, v2 was taken and left aside: v1`]);
  await writeFile(join(folder, 'v2-0002.patch'), '');
  await expect(at.apply(folder)).rejects.toMatchObject({ failure: { code: 'patch-missing' } });
});

test('a b4 that breaks is told of, and the newest version is applied all the same', async () => {
  await using at = await rig();
  const bin = join(at.dir, 'broken');
  await mkdir(bin);
  await writeFile(join(bin, 'b4'), '#!/bin/sh\necho "no such luck" >&2\nexit 3\n');
  await chmod(join(bin, 'b4'), 0o755);
  const ctx = { ...at.ctx, path: `${bin}${delimiter}${at.ctx.path}` };
  const file = await at.write(...thread(at.bodies));
  const series = await applySeries(at.source, [file], ctx);
  expect(series.patches).toHaveLength(3);
  expect(series.notes[1]).toMatch(/^b4 could not read .*: b4 cannot get .* \(exit code 3\)$/);
});
