// Mails as archives hold them, for tests: patches of the fake tree under any subject, replies, cover letters, mboxes.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mboxOf } from './make.ts';
import { userGit } from '../fakelinux/fakelinux.ts';

export interface MailParts {
  readonly subject: string;
  /** Local part of its message id; `@example.org` follows. */
  readonly id: string;
  readonly replyTo?: string;
  readonly from?: string;
  readonly body: string;
  readonly headers?: readonly string[];
}

/** One mail of an mbox. */
export const mail = ({ subject, id, replyTo, from, body, headers }: MailParts): string =>
  [
    'From mboxrd@z Thu Jan  1 00:00:00 1970',
    `From: ${from ?? 'Ann Author <ann@example.org>'}`,
    'Date: Fri, 2 Jan 2026 12:00:00 +0000',
    `Message-Id: <${id}@example.org>`,
    ...(replyTo === undefined
      ? []
      : [`In-Reply-To: <${replyTo}@example.org>`, `References: <${replyTo}@example.org>`]),
    `Subject: ${subject}`,
    ...(headers ?? []),
    '',
    body.trimEnd(),
    '',
    '',
  ].join('\n');

/** What the patches of the fake tree do, in order. */
const steps = [
  ['mm/memremap: count in words', 'mapped++;', 'mapped += 1;'],
  ['mm/memremap: refuse in another way', 'return -22;', 'return -21;'],
  ['mm/memremap: begin at one', 'static int mapped;', 'static int mapped = 1;'],
] as const;

/** Titles of fakePatches(). */
export const fakeTitles: readonly string[] = steps.map(([title]) => title);

/** Bodies of three patches on the fake tree in `tree`, each on top of the one before, from the message to the signature. */
export async function fakePatches(tree: string): Promise<string[]> {
  const commit = await userGit(tree, 'rev-parse', 'HEAD');
  let text = await readFile(join(tree, 'mm/memremap.c'), 'utf8');
  const changes = steps.map(([subject, from, to]) => {
    text = text.replace(from, to);
    return { subject, files: new Map([['mm/memremap.c', text]]) };
  });
  const mbox = await mboxOf(join(tree, '.git'), commit, changes);
  return mbox
    .split(/^From [0-9a-f]{40} .*\n/m)
    .slice(1)
    .map((one) => one.slice(one.indexOf('\n\n') + 2));
}
