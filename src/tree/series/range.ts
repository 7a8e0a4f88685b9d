// A range A..B of the tree as mails, made by git format-patch.
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import { gitOutput, tryGit } from '../git.ts';
import type { Source } from '../source.ts';
import { resolveCommit } from '../source.ts';
import type { InputFile } from './input.ts';

/** Both ends as object ids. */
export interface Range {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/**
 * The range that `input` names; undefined if it has not the form of one, or if it `mayBeOther` and an end is unknown.
 * Throws usage/unknown-revision.
 */
export async function findRange(
  source: Source,
  input: string,
  mayBeOther: boolean,
  ctx: Context,
): Promise<Range | undefined> {
  const ends = /^(.+?)\.\.([^.].*)$/.exec(input);
  if (ends === null) return undefined;
  try {
    const from = await resolveCommit(source, ends[1] ?? '', ctx);
    const to = await resolveCommit(source, ends[2] ?? '', ctx);
    return { name: input, from, to };
  } catch (error) {
    if (mayBeOther && error instanceof FailureError && error.failure.code === 'unknown-revision')
      return undefined;
    throw error;
  }
}

/** Its patches, and the commit where they branch off. Throws usage/series-too-large. */
export async function readRange(
  source: Source,
  { name, from, to }: Range,
  ctx: Context,
): Promise<{ name: string; files: InputFile[]; from: string; notes: string[] }> {
  const place = { gitDir: source.gitDir };
  const what = `Cannot read the patches of ${name}`;
  const count = async (...options: string[]): Promise<number> => {
    const argv = ['rev-list', '--count', `--max-count=${commitsLimit + 1}`, ...options];
    return Number(await gitOutput([...argv, `${from}..${to}`], place, ctx, { what }));
  };
  if ((await count()) > commitsLimit)
    throw new FailureError({
      blame: 'usage',
      code: 'series-too-large',
      title: `${name} has more than ${commitsLimit} commits`,
      hint: 'To test the kernel at its end, give that as --base.',
    });
  const merges = await count('--merges');
  const argv = ['format-patch', '--stdout', '--full-index', '--binary', `${from}..${to}`];
  const text = await gitOutput(argv, place, ctx, { what });
  // Where B does not contain A, the patches begin where the two part; in a shallow clone nobody knows where.
  const base = await tryGit(['merge-base', from, to], place, ctx);
  return {
    name,
    files: text === '' ? [] : [{ name, text: Buffer.from(`${text}\n`) }],
    from: base.code === 0 ? base.stdout.trim() : from,
    notes: merges === 0 ? [] : [`${name}: its ${merges} merges were left out`],
  };
}

const commitsLimit = 1000;
