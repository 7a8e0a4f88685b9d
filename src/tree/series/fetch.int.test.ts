// The real b4 against an archive on the loopback, and on local mboxes. Nothing here needs a network.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, type TestContext, vi } from 'vitest';
import { fakeTree, scratch, userGit } from '../../testing/fakelinux/fakelinux.ts';
import { serveArchive } from '../../testing/series/archive.ts';
import { fakePatches, fakeTitles, mail } from '../../testing/series/mails.ts';
import { applySeries } from '../series.ts';
import { openTree } from '../source.ts';
import { hasB4 } from './fetch.ts';

async function rig({ skip }: TestContext) {
  const at = await scratch();
  skip(!(await hasB4(at.ctx)), 'b4 is not installed: apt install b4');
  const tree = await fakeTree(join(at.dir, 'linux'));
  const source = await openTree(tree, undefined, at.ctx);
  return {
    ...at,
    source,
    bodies: await fakePatches(tree),
    apply: (...inputs: string[]) => applySeries(source, inputs, at.ctx),
    message: (commit = '') => userGit(source.gitDir, 'log', '-1', '--format=%B', commit),
  };
}

/** b4 takes its settings from git's configuration. */
function configure(settings: Readonly<Record<string, string>>): void {
  const entries = Object.entries(settings);
  vi.stubEnv('GIT_CONFIG_COUNT', String(entries.length));
  for (const [at, [key, value]] of entries.entries()) {
    vi.stubEnv(`GIT_CONFIG_KEY_${at}`, key);
    vi.stubEnv(`GIT_CONFIG_VALUE_${at}`, value);
  }
}

beforeEach(() => {
  vi.stubEnv('HOME', '/nonexistent');
  vi.stubEnv('no_proxy', '127.0.0.1');
  vi.stubEnv('NO_PROXY', '127.0.0.1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const rita = 'Rita Reviewer <rita@example.org>';

/** Version 1 of two patches and a remark, version 2 of three and a review. */
function thread(bodies: readonly string[]): string {
  const version = (tag: string, count: number): string[] => [
    mail({
      subject: `[PATCH${tag} 0/${count}] counting${tag}`,
      id: `cover${tag.trim()}`,
      ...(tag === '' ? {} : { replyTo: 'cover' }),
      body: 'Why this is done.\n\n mm/memremap.c | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)',
    }),
    ...bodies.slice(0, count).map((body, at) =>
      mail({
        subject: `[PATCH${tag} ${at + 1}/${count}] ${fakeTitles[at]}`,
        id: `p${at + 1}${tag.trim()}`,
        replyTo: `cover${tag.trim()}`,
        body,
      }),
    ),
  ];
  return [
    ...version('', 2),
    ...version(' v2', 3),
    mail({
      subject: `Re: [PATCH v2 2/3] ${fakeTitles[1]}`,
      id: 'review',
      replyTo: 'p2v2',
      from: rita,
      body: `> \t\treturn -22;\n\nLooks good.\n\nReviewed-by: ${rita}`,
    }),
  ].join('');
}

test('a message id: the thread it is in, from the archive that b4 is configured for', async (context) => {
  await using at = await rig(context);
  await using archive = await serveArchive([thread(at.bodies)]);
  configure({
    'b4.midmask': `${archive.url}/mm/%s`,
    'b4.linkmask': `${archive.url}/mm/%s`,
  });
  const series = await at.apply('<p1v2@example.org>');
  expect(archive.asked).toEqual([
    'HEAD /mm/p1v2@example.org',
    'GET /mm/p1v2@example.org/t.mbox.gz',
  ]);
  expect(series.title).toBe('counting v2');
  expect(series.patches.map(({ title }) => title)).toEqual(fakeTitles);
  expect(series.notes).toEqual(['b4 took v2, the newest version in the thread']);
  expect(await at.message(series.patches[1]?.commit)).toContain(`Reviewed-by: ${rita}`);
  // b4 need not write brackets round the id, and neither need the user.
  expect((await at.apply('p1v2@example.org')).source).toEqual(series.source);
});

test('a link to an archive that b4 is not configured for', async (context) => {
  await using at = await rig(context);
  await using archive = await serveArchive([thread(at.bodies)]);
  const series = await at.apply(`${archive.url}/all/cover@example.org/T/#u`);
  expect(series.patches).toHaveLength(3);
  expect(archive.asked).toEqual(['GET /all/cover@example.org/t.mbox.gz']);
});

test('an id that the archive does not know, a thread without patches, an archive that is not there', async (context) => {
  await using at = await rig(context);
  const words = mail({ subject: 'hello', id: 'words', body: 'Just words.' });
  const archive = await serveArchive([words]);
  await expect(at.apply(`${archive.url}/all/nope@example.org/`)).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'unknown-message' },
  });
  await expect(at.apply(`${archive.url}/all/words@example.org/`)).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'empty-series' },
  });
  await archive[Symbol.asyncDispose]();
  await expect(at.apply(`${archive.url}/all/words@example.org/`)).rejects.toMatchObject({
    failure: {
      blame: 'lab',
      code: 'b4-failed',
      detail: expect.stringContaining('Connection refused'),
      hint: expect.stringContaining('b4.midmask'),
    },
  });
});

test('a local thread: the same tree as without b4, and the trailers of its replies', async (context) => {
  await using at = await rig(context);
  const file = join(at.dir, 'thread.mbox');
  await writeFile(file, thread(at.bodies));
  const series = await at.apply(file);
  expect(series.title).toBe('counting v2');
  expect(series.notes).toEqual([`Of ${file}, v2 was taken and left aside: v1, 1 reply`]);
  const messages = await Promise.all(series.patches.map(({ commit }) => at.message(commit)));
  expect(messages.map((text) => text.includes(`Reviewed-by: ${rita}`))).toEqual([
    false,
    true,
    false,
  ]);
  await using plain = await scratch();
  const files = at.bodies.map((body, index) => ({
    file: join(plain.dir, `${index}.patch`),
    text: mail({ subject: `[PATCH] ${fakeTitles[index]}`, id: String(index), body }),
  }));
  for (const one of files) await writeFile(one.file, one.text);
  const same = await at.apply(...files.map((one) => one.file));
  expect(same.source.tree).toBe(series.source.tree);
});

test('of a version that sends one patch again, b4 takes the others from before', async (context) => {
  await using at = await rig(context);
  const first = at.bodies.map((body, index) =>
    mail({
      subject: `[PATCH ${index + 1}/3] ${fakeTitles[index]}`,
      id: `p${index + 1}`,
      ...(index === 0 ? {} : { replyTo: 'p1' }),
      body,
    }),
  );
  const again = mail({
    subject: `[PATCH v2 3/3] ${fakeTitles[2]}`,
    id: 'again',
    replyTo: 'p3',
    body: at.bodies[2]?.replace('+static int mapped = 1;', '+static int mapped = 2;') ?? '',
  });
  const file = join(at.dir, 'reroll.mbox');
  await writeFile(file, [...first, again].join(''));
  const series = await at.apply(file);
  expect(series.patches.map(({ title }) => title)).toEqual(fakeTitles);
  const text = await userGit(at.source.gitDir, 'show', `${series.source.commit}:mm/memremap.c`);
  expect(text).toContain('mapped = 2;');
  expect(series.notes.join('\n')).toContain('only some patches were sent again');
});

test('a name that is no option of b4', async (context) => {
  await using at = await rig(context);
  await expect(at.apply('--outdir=@example.org')).rejects.toMatchObject({
    failure: { code: expect.stringMatching(/^(b4-failed|unknown-message)$/) },
  });
});
