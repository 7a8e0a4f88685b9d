// What a series goes on: --base, else where its range begins, else its base-commit if the tree has it, else the tree's HEAD.
import { basename } from 'node:path';
import type { Context } from '../../util/context.ts';
import { tryGit } from '../git.ts';
import type { Source } from '../source.ts';
import { atCommit, isKernel } from '../source.ts';

/** Why a series was put on its base. */
export type BaseFrom = 'option' | 'range' | 'base-commit' | 'head';

/** What the mails of a series say of their base; git-format-patch(1), BASE TREE INFORMATION. */
export interface BaseInfo {
  readonly commit?: string;
  /** Of patches that the series needs and that `commit` lacks. */
  readonly prerequisites: readonly string[];
}

export function baseInfo(mails: readonly { message: string; patch: string }[]): BaseInfo {
  const texts = mails.flatMap(({ message, patch }) => [message, patch]);
  let commit: string | undefined;
  const prerequisites = new Set<string>();
  for (const text of texts) {
    commit ??= /^base-commit: ([0-9a-f]{12,64})\b/m.exec(text)?.[1];
    for (const [, id] of text.matchAll(/^prerequisite-patch-id: ([0-9a-f]{40,64})$/gm))
      if (id !== undefined && prerequisites.size < 1000) prerequisites.add(id);
  }
  return { ...(commit === undefined ? {} : { commit }), prerequisites: [...prerequisites] };
}

export interface Base {
  readonly source: Source;
  readonly from: BaseFrom;
  readonly notes: readonly string[];
}

/** `range`: where the range begins that the series was given as. */
export async function chooseBase(
  source: Source,
  { commit }: BaseInfo,
  range: string | undefined,
  ctx: Context,
): Promise<Base> {
  if (source.baseGiven === true) {
    const other =
      commit === undefined || source.commit.startsWith(commit)
        ? []
        : [`The series says base-commit ${short(commit)}; --base wins`];
    return { source, from: 'option', notes: other };
  }
  if (range !== undefined) return move(source, range, 'range', 'the range begins there', ctx);
  if (commit === undefined) return { source, from: 'head', notes: [] };
  if (source.commit.startsWith(commit)) return { source, from: 'base-commit', notes: [] };
  // A source package is one commit, and the user has named it.
  const found = source.dir === undefined ? undefined : await findCommit(source, commit, ctx);
  if (found !== undefined)
    return move(source, found, 'base-commit', 'the series says base-commit', ctx);
  const note = `The series' base-commit ${short(commit)} is not in ${treeName(source)}: put on ${source.subject}`;
  return { source, from: 'head', notes: [note] };
}

/** The full id of a kernel's commit, if the source's repository has it. */
export async function findCommit(
  source: Source,
  commit: string,
  ctx: Context,
): Promise<string | undefined> {
  const argv = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${commit}^{commit}`];
  const found = await tryGit(argv, { gitDir: source.gitDir }, ctx);
  if (found.code !== 0) return undefined;
  const id = found.stdout.trim();
  return (await isKernel(source.gitDir, id, ctx)) ? id : undefined;
}

async function move(
  source: Source,
  commit: string,
  from: BaseFrom,
  why: string,
  ctx: Context,
): Promise<Base> {
  if (commit === source.commit) return { source, from, notes: [] };
  const { uncommitted, ...plain } = await atCommit(source, commit, ctx);
  return {
    source: { ...plain, subject: `${treeName(source)} at ${short(commit)}` },
    from,
    notes:
      uncommitted === true
        ? [`Uncommitted changes are left out: ${why} ${short(commit)}; commit them and give --base`]
        : [],
  };
}

const short = (commit: string): string => commit.slice(0, 12);
const treeName = ({ dir, subject }: Source): string =>
  dir === undefined ? subject : basename(dir);
