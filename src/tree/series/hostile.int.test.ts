// Input that is no series, or more than one: refused with a code, and neither the tree nor the cache is touched.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fakeTree, patch, scratch, userGit } from '../../testing/fakelinux/fakelinux.ts';
import { applySeries } from '../series.ts';
import { openTree } from '../source.ts';

async function rig() {
  const at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const source = await openTree(tree, undefined, at.ctx);
  // Where series are applied: what stays of it is an empty folder.
  await mkdir(join(at.ctx.cacheDir, 'worktrees'));
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(at.dir, name), content);
    return join(at.dir, name);
  };
  return {
    ...at,
    tree,
    source,
    write,
    apply: (...inputs: string[]) => applySeries(source, inputs, at.ctx),
    /** Everything there is in the user's tree and in our caches, by content. */
    state: async (): Promise<string[]> => {
      const found = [];
      for (const dir of [tree, at.ctx.cacheDir])
        for (const item of await readdir(dir, { recursive: true, withFileTypes: true })) {
          const path = join(item.parentPath, item.name);
          if (!item.isFile()) found.push(path);
          else
            found.push(
              `${path} ${createHash('sha1')
                .update(await readFile(path))
                .digest('hex')}`,
            );
        }
      return found.filter((line) => !/\/objects\/(?:[0-9a-f]{2}|pack)(?:\/|$)/.test(line)).sort();
    },
  };
}

const diff = (path: string, mode = '100644', line = 'x'): string =>
  [
    `diff --git a/${path} b/${path}`,
    `new file mode ${mode}`,
    'index 0000000..587be6b',
    '--- /dev/null',
    `+++ b/${path}`,
    '@@ -0,0 +1 @@',
    `+${line}`,
    ...(mode === '120000' ? ['\\ No newline at end of file'] : []),
    '',
  ].join('\n');

const mailed = (title: string, body: string): string =>
  [
    'From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001',
    'From: Mallory <mallory@example.org>',
    'Date: Fri, 2 Jan 2026 12:00:00 +0000',
    `Subject: [PATCH] ${title}`,
    '',
    'Trust me.',
    '---',
    body,
    '-- ',
    '2.0',
    '',
    '',
  ].join('\n');

test.each<[string, string | Uint8Array, string]>([
  ['nothing', '', 'empty-series'],
  ['blanks', ' \n\n\t\n', 'empty-series'],
  ['words', 'just words\n', 'empty-series'],
  [
    'a web page',
    '<!DOCTYPE html>\n<html><body><pre>no patch</pre></body></html>\n',
    'empty-series',
  ],
  ['mails without a patch', mailed('words', 'and nothing else'), 'empty-series'],
  ['a program', Buffer.from('\x7fELF\x02\x01\x01\0\0\0', 'latin1'), 'not-a-series'],
  ['a diff with NUL in it', `${diff('mm/new.c')}+\0\n`, 'not-a-series'],
  ['damaged gzip', gzipSync('x'.repeat(1000)).subarray(0, 20), 'not-a-series'],
  ['a gzip bomb', gzipSync(Buffer.alloc(80 * 2 ** 20, 'x')), 'series-too-large'],
  ['a whole archive', 'From a\n\nb\n\n'.repeat(6000), 'series-too-large'],
])('%s', async (_, content, code) => {
  await using at = await rig();
  const file = await at.write('series.mbox', content);
  const before = await at.state();
  await expect(at.apply(file)).rejects.toMatchObject({
    failure: { blame: 'usage', code, title: expect.stringContaining('series.mbox') },
  });
  expect(await at.state()).toEqual(before);
});

test('200 MB are refused without being read', async () => {
  await using at = await rig();
  const path = join(at.dir, 'large.mbox');
  await using file = await open(path, 'w');
  await file.truncate(200 * 10 ** 6);
  const start = process.memoryUsage().rss;
  const failure = { blame: 'usage', code: 'series-too-large' };
  await expect(at.apply(path)).rejects.toMatchObject({
    failure: { ...failure, title: expect.stringContaining('has 191 MiB, more than the 64 MiB') },
  });
  expect(process.memoryUsage().rss - start).toBeLessThan(64 * 2 ** 20);
  // Endless, and without a size that could be asked for.
  await expect(at.apply('/dev/zero')).rejects.toMatchObject({ failure });
});

test.each<[string, string]>([
  ['a path that climbs out', '../../etc/passwd'],
  ['a path that climbs out later', 'mm/../../../etc/passwd'],
  ['git’s own folder', '.git/hooks/post-checkout'],
  ['git’s own folder in another case', 'mm/.GIT/config'],
])('%s: as a mail and as a diff', async (_, path) => {
  await using at = await rig();
  const before = await at.state();
  for (const text of [mailed('be nice', diff(path)), diff(path)])
    await expect(at.apply(await at.write('x.patch', text))).rejects.toMatchObject({
      failure: {
        blame: 'series',
        code: 'patch-outside-tree',
        title: expect.stringContaining(path),
      },
    });
  expect(await at.state()).toEqual(before);
});

test('an absolute path', async () => {
  await using at = await rig();
  const text = diff('x')
    .replaceAll('b/x', 'b//etc/pgmap-test')
    .replaceAll('a/x', 'a//etc/pgmap-test');
  const outcome = await at.apply(await at.write('x.patch', text)).catch((error: unknown) => error);
  expect(outcome).toMatchObject({ failure: { blame: 'series' } });
});

test.each(['/etc', '../..', 'a/../../../outside'])(
  'a symbolic link that leads out, to %s',
  async (target) => {
    await using at = await rig();
    const text = mailed('add a link', diff('mm/link', '120000', target));
    await expect(at.apply(await at.write('x.patch', text))).rejects.toMatchObject({
      failure: {
        code: 'patch-outside-tree',
        title: expect.stringContaining(`mm/link -> ${target}`),
      },
    });
  },
);

test('a symbolic link that a later patch goes through; one by itself is fine', async () => {
  await using at = await rig();
  const outside = await at.write('outside', 'mine');
  const link = (target: string): string => mailed('add a link', diff('mm/link', '120000', target));
  const through = `${link(outside)}${mailed('overwrite', diff('mm/link'))}${mailed('go through', diff('mm/link/evil.h'))}`;
  await expect(at.apply(await at.write('y.mbox', through))).rejects.toMatchObject({
    failure: { blame: 'series' },
  });
  expect(await readFile(outside, 'utf8')).toBe('mine');
  const series = await at.apply(await at.write('z.patch', link('../include/linux')));
  expect(series.patches[0]?.files).toEqual(['mm/link']);
});

test('a link of the tree is not gone through either', async () => {
  await using at = await rig();
  await symlink('../include', join(at.tree, 'mm/inc'));
  await userGit(at.tree, 'add', 'mm/inc');
  await userGit(at.tree, 'commit', '--quiet', '--message', 'link');
  const source = await openTree(at.tree, undefined, at.ctx);
  const file = await at.write('x.patch', mailed('through', diff('mm/inc/evil.h')));
  await expect(applySeries(source, [file], at.ctx)).rejects.toMatchObject({
    failure: { code: 'patch-outside-tree', title: expect.stringContaining('mm/inc/evil.h') },
  });
});

test('NUL that base64 hides', async () => {
  await using at = await rig();
  const body = Buffer.from(`words\n---\n${diff('mm/new.c', '100644', 'a\0b')}`).toString('base64');
  const text = mailed('hidden', '').replace(
    /\n\n[^]*$/,
    `\nContent-Transfer-Encoding: base64\n\n${body}\n`,
  );
  await expect(at.apply(await at.write('x.patch', text))).rejects.toMatchObject({
    failure: { blame: 'series', code: 'patch-malformed' },
  });
});

test('what is in a mail is never a command', async () => {
  await using at = await rig();
  const name = '$(touch pwned); `touch pwned`.patch';
  const text = (await readFile(patch.applies, 'utf8')).replace(
    'count in words',
    '$(touch pwned) `touch pwned`',
  );
  const { patches } = await at.apply(await at.write(name, text));
  expect(patches[0]?.title).toContain('$(touch pwned)');
  const found = execFileSync('find', [at.dir, '-name', 'pwned'], { encoding: 'utf8' });
  expect(found).toBe('');
});
