// The history between two commits, read with git's plumbing from our repository of a source.
import type { Commit } from '../core/bisect/step.ts';
import type { Context } from '../util/context.ts';
import { failed } from '../util/proc.ts';
import { gitOutput, tryGit } from './git.ts';
import type { Source } from './source.ts';

/**
 * The commits that `bad` has and none of `good`, children first, each with its parents behind it; of merges only the
 * first parent if that alone is followed.
 */
export async function commitsBetween(
  source: Source,
  good: readonly string[],
  bad: string,
  { firstParent }: { readonly firstParent: boolean },
  ctx: Context,
): Promise<string[][]> {
  const walk = ['--parents', '--topo-order', ...(firstParent ? ['--first-parent'] : [])];
  const argv = ['rev-list', ...walk, bad, ...good.map((id) => `^${id}`), '--'];
  const text = await gitOutput(argv, { gitDir: source.gitDir }, ctx, {
    what: `Cannot list the commits up to ${bad}`,
    keepBytes: 512 * 2 ** 20,
  });
  const rows = text.split('\n').filter((line) => line !== '');
  return rows.map((line) => line.split(' ').slice(0, firstParent ? 2 : undefined));
}

/** Where the histories of two commits meet: the first alone if the other builds on it; none if they never do. */
export async function mergeBases(
  source: Source,
  a: string,
  b: string,
  ctx: Context,
): Promise<string[]> {
  const argv = ['merge-base', '--all', a, b];
  const result = await tryGit(argv, { gitDir: source.gitDir }, ctx);
  // 1 says that there is none.
  if (result.code !== 0 && result.code !== 1)
    throw failed(['git', ...argv], result, { what: `Cannot compare ${a} and ${b}` });
  return result.stdout.split('\n').filter((line) => line !== '');
}

/**
 * The commit so many first parents before. Where history is shorter, its first commit, once: undefined if half of
 * the distance went as far.
 */
export async function commitBefore(
  source: Source,
  commit: string,
  distance: number,
  ctx: Context,
): Promise<string | undefined> {
  const place = { gitDir: source.gitDir };
  const find = async (back: number): Promise<string | undefined> => {
    const argv = ['rev-parse', '--verify', '--quiet', `${commit}~${back}`];
    const { code, stdout } = await tryGit(argv, place, ctx);
    return code === 0 ? stdout.trim() : undefined;
  };
  const found = await find(distance);
  if (found !== undefined) return found;
  const count = ['rev-list', '--count', '--first-parent', commit, '--'];
  const what = `Cannot count the commits up to ${commit}`;
  const all = Number(await gitOutput(count, place, ctx, { what }));
  return all - 1 > distance / 2 ? find(all - 1) : undefined;
}

/** What is told of commits, by id. */
export async function describeCommits(
  source: Source,
  ids: readonly string[],
  ctx: Context,
): Promise<Map<string, Commit>> {
  const commits = new Map<string, Commit>();
  if (ids.length === 0) return commits;
  const fields = ['%H', '%an <%ae>', '%aI', '%s', '%(trailers:only,unfold,valueonly)'];
  const argv = ['log', '--no-walk=unsorted', `--format=${fields.join('%x00')}%x01`, '--stdin'];
  const text = await gitOutput(argv, { gitDir: source.gitDir }, ctx, {
    what: 'Cannot read commits',
    input: `${ids.join('\n')}\n`,
  });
  for (const record of text.split('\x01')) {
    const [id = '', author = '', date = '', title = '', trailers = ''] = record
      .trimStart()
      .split('\0');
    if (id === '') continue;
    // `Cc: stable@vger.kernel.org # 6.6`, `Name <mail>`: an address is all that counts.
    const people = trailers
      .split('\n')
      .flatMap((line) => /^[^#<>]*<[^<>\s]+@[^<>\s]+>/.exec(line)?.[0] ?? []);
    commits.set(id, { id, title, author, date, people: [...new Set(people)] });
  }
  return commits;
}

/** The difference from a commit back to its first parent; undefined for a first commit. */
export async function reverseDiff(
  source: Source,
  commit: string,
  ctx: Context,
): Promise<string | undefined> {
  const place = { gitDir: source.gitDir };
  const parent = ['rev-parse', '--verify', '--quiet', `${commit}^1`];
  if ((await tryGit(parent, place, ctx)).code !== 0) return undefined;
  const argv = [
    'diff-tree',
    '-p',
    '--binary',
    '--full-index',
    '--no-renames',
    commit,
    `${commit}^1`,
  ];
  return `${await gitOutput(argv, place, ctx, { what: `Cannot read ${commit}` })}\n`;
}
