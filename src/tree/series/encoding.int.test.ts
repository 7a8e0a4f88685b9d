// Mails as mailers mangle them: what comes out is what was sent.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fakeTree, scratch, userGit } from '../../testing/fakelinux/fakelinux.ts';
import { fakePatches } from '../../testing/series/mails.ts';
import { applySeries } from '../series.ts';
import { openTree } from '../source.ts';

const title = 'mm/memremap: count in words';

/** A mail whose body and headers are bytes, as they come. */
const raw = (headers: readonly string[], body: Uint8Array | string): Buffer =>
  Buffer.concat([
    Buffer.from(
      [
        'From mboxrd@z Thu Jan  1 00:00:00 1970',
        'Date: Fri, 2 Jan 2026 12:00:00 +0000',
        `Subject: [PATCH] ${title}`,
        ...headers,
        '',
        '',
      ].join('\n'),
      'latin1',
    ),
    Buffer.from(body),
    Buffer.from('\n'),
  ]);

const plain = 'From: Ann Author <ann@example.org>';
const utf8 = 'Content-Type: text/plain; charset=UTF-8';

const quoted = (text: string): string =>
  text
    .replaceAll('=', '=3D')
    .replaceAll('\t', '=09')
    // Soft line breaks in the middle of things.
    .replaceAll('memremap_pages', 'memremap=\n_pages');

const crlf = (text: string | Buffer): string => text.toString('latin1').replaceAll('\n', '\r\n');
const base64 = (text: string): string =>
  Buffer.from(text)
    .toString('base64')
    .replaceAll(/(.{76})/g, '$1\n');

test.each<[string, (body: string) => Buffer | string]>([
  ['as sent', (body) => raw([plain], body)],
  ['CRLF everywhere', (body) => crlf(raw([plain], body))],
  [
    'quoted-printable',
    (body) => raw([plain, utf8, 'Content-Transfer-Encoding: quoted-printable'], quoted(body)),
  ],
  ['base64', (body) => raw([plain, utf8, 'Content-Transfer-Encoding: base64'], base64(body))],
  [
    'CRLF inside of base64',
    (body) => raw([plain, utf8, 'Content-Transfer-Encoding: base64'], base64(crlf(body))),
  ],
  [
    'CRLF inside of quoted-printable',
    (body) =>
      raw(
        [plain, utf8, 'Content-Transfer-Encoding: quoted-printable'],
        quoted(body).replaceAll(/(?<!=)\n/g, '=0D\n'),
      ),
  ],
  ['gzip', (body) => gzipSync(raw([plain], body))],
  ['without a line `From `', (body) => raw([plain], body).subarray(39)],
])('%s', async (_, encode) => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const [body = ''] = await fakePatches(tree);
  const file = join(at.dir, 'series.mbox');
  const bytes = encode(body);
  await writeFile(file, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  const series = await applySeries(await openTree(tree, undefined, at.ctx), [file], at.ctx);
  const text = await userGit(series.source.gitDir, 'show', `${series.source.commit}:mm/memremap.c`);
  const before = await userGit(tree, 'show', 'HEAD:mm/memremap.c');
  expect(text).toBe(before.replace('mapped++;', 'mapped += 1;'));
  expect(series.title).toBe(title);
  const format = ['log', '-1', '--format=%an <%ae>|%B', series.source.commit];
  expect(await userGit(series.source.gitDir, ...format)).toBe(
    `Ann Author <ann@example.org>|${title}\n\nSigned-off-by: Pat Porter <pat@example.org>`,
  );
});

test.each<[string, string, string]>([
  ['in Latin-1, encoded', 'From: =?ISO-8859-1?Q?J=F6rg_M=FCller?= <j@example.org>', 'Jörg Müller'],
  ['in UTF-8, encoded', 'From: =?UTF-8?B?SsO2cmcgTcO8bGxlcg==?= <j@example.org>', 'Jörg Müller'],
  ['in Latin-1, as it is', 'From: J\xf6rg M\xfcller <j@example.org>', 'Jörg Müller'],
  ['of EUC-JP', 'From: =?EUC-JP?B?u7PFxA==?= <y@example.org>', '山田'],
])('an author %s', async (_, from, name) => {
  await using at = await scratch();
  const tree = await fakeTree(join(at.dir, 'linux'));
  const [body = ''] = await fakePatches(tree);
  const file = join(at.dir, 'series.mbox');
  const latin = 'Content-Type: text/plain; charset=ISO-8859-1';
  await writeFile(file, raw([from, latin], Buffer.from(`Gr\xfc\xdfe.\n\n${body}`, 'latin1')));
  const series = await applySeries(await openTree(tree, undefined, at.ctx), [file], at.ctx);
  expect(series.patches[0]?.author).toMatch(new RegExp(`^${name} <.@example.org>$`));
  const log = ['log', '-1', '--format=%b', series.source.commit];
  expect(await userGit(series.source.gitDir, ...log)).toMatch(/^Grüße\.\n/);
});
