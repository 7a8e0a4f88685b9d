// Series that are made on a tree when they are needed: by size, or by what they do to every file that has a word in it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userGit } from '../fakelinux/fakelinux.ts';
import { must } from '../../util/proc.ts';

/** One patch: what it is called, and its files' new text. */
export interface Change {
  readonly subject: string;
  readonly files: ReadonlyMap<string, string>;
}

/** The changes on `commit` of the repository in `gitDir` as git format-patch writes them; nothing is written there. */
export async function mboxOf(
  gitDir: string,
  commit: string,
  changes: readonly Change[],
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-series-'));
  try {
    await userGit(dir, 'init', '--quiet', '--bare', '--template=');
    await writeFile(join(dir, 'objects/info/alternates'), `${join(gitDir, 'objects')}\n`);
    const who = 'Pat Porter <pat@example.org> 1767355200 +0000';
    const stream = changes.flatMap(({ subject, files }, at) => {
      const message = `${subject}\n\nSigned-off-by: Pat Porter <pat@example.org>\n`;
      return [
        ...['commit refs/heads/series', `author ${who}`, `committer ${who}`, data(message)],
        ...(at === 0 ? [`from ${commit}`] : []),
        ...[...files].flatMap(([path, text]) => [`M 100644 inline ${path}`, data(text)]),
      ];
    });
    await must(['git', '-C', dir, 'fast-import', '--quiet'], {
      what: 'Cannot make the series',
      input: `${stream.join('\n')}\ndone\n`,
    });
    const range = `${commit}..refs/heads/series`;
    return `${await userGit(dir, 'format-patch', '--stdout', range)}\n`;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * A series of so many patches, each a line at the end of some file of mm/; every other one changes mm/memremap.c. `mark` is in
 * each line, so that nobody has seen the series before.
 */
export async function longSeries(
  gitDir: string,
  commit: string,
  count: number,
  mark = '',
): Promise<string> {
  const list = await userGit(gitDir, 'ls-tree', '--name-only', commit, 'mm/');
  const names = list.split('\n').filter((name) => name.endsWith('.c'));
  const texts = new Map<string, string>();
  const changes: Change[] = [];
  for (let at = 0; at < count; at++) {
    const path = at % 2 === 0 ? 'mm/memremap.c' : (names[at % names.length] ?? '');
    const before = texts.get(path) ?? `${await userGit(gitDir, 'show', `${commit}:${path}`)}\n`;
    const text = `${before}\n/* Line ${at + 1} of ${count} ${mark} */\n`;
    texts.set(path, text);
    changes.push({ subject: `mm: add line ${at + 1}`, files: new Map([[path, text]]) });
  }
  return mboxOf(gitDir, commit, changes);
}

/** One patch that gives an identifier another name wherever the tree has it. */
export async function renameSeries(
  gitDir: string,
  commit: string,
  from: string,
  to: string,
): Promise<string> {
  const found = await userGit(gitDir, 'grep', '--name-only', '--word-regexp', from, commit);
  const files = new Map<string, string>();
  for (const path of found.split('\n').map((line) => line.slice(commit.length + 1))) {
    const text = await userGit(gitDir, 'show', `${commit}:${path}`);
    files.set(path, `${text.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to)}\n`);
  }
  return mboxOf(gitDir, commit, [{ subject: `treewide: rename ${from} to ${to}`, files }]);
}

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}`;
