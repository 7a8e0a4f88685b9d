// Puts patches on a base with git am --3way, plain diffs with git apply, in a throw-away work tree that holds only the files
// they touch. New objects go into the source's repository.
import { join, posix } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import { readIfThere } from '../../util/files.ts';
import { hostShortage } from '../../util/shortage.ts';
import type { Place } from '../git.ts';
import { git, gitOutput, tryGit } from '../git.ts';
import type { Source } from '../source.ts';
import { treeOf } from '../source.ts';
import { borrowingRepository } from '../worktree.ts';
import type { Mail } from './mail.ts';
import { doesNotApply, leavesTheTree } from './refusal.ts';

/** What one patch did. */
export interface Step {
  /** HEAD after it: that of the patch before if it changed nothing. */
  readonly after: string;
  readonly tree: string;
  /** Paths it changed, sorted as in git's trees. */
  readonly files: readonly string[];
  /** It only fitted by a three-way merge. */
  readonly merged: boolean;
}

/** A work tree in `dir` with nothing in it, whose new objects go to the source. */
export async function prepare(dir: string, source: Source, ctx: Context): Promise<Place> {
  return {
    ...(await borrowingRepository(source, dir, ctx)),
    objects: join(source.gitDir, 'objects'),
  };
}

/** Applies to the whole tree, in `dir`. Throws what applyAll() throws. */
export async function applyToWhole(
  patches: readonly Mail[],
  base: Source,
  dir: string,
  ctx: Context,
): Promise<Step[]> {
  const place = await prepare(dir, base, ctx);
  const what = 'Cannot prepare the base for the series';
  await git(['update-ref', '--no-deref', 'HEAD', base.commit], place, ctx, { what });
  await git(['read-tree', 'HEAD'], place, ctx, { what });
  return applyAll(patches, base, place, ctx);
}

/** Applies in order to what HEAD and the index of `place` hold, which is `base`. Throws series/patch-conflict, series/patch-malformed, series/patch-outside-tree. */
export async function applyAll(
  patches: readonly Mail[],
  base: Pick<Source, 'commit' | 'tree'>,
  place: Place,
  ctx: Context,
): Promise<Step[]> {
  const outcomes: { after: string; merged: boolean }[] = [];
  let head = base.commit;
  for (let at = 0; at < patches.length;) {
    const rest = patches.slice(at);
    const plain = rest.findIndex((mail) => !mail.mailed);
    const mails = rest.slice(0, plain === -1 ? rest.length : plain);
    const told = { first: at, total: patches.length };
    if (mails.length > 0) outcomes.push(...(await applyMails(mails, head, told, place, ctx)));
    else if (rest[0] !== undefined) {
      ctx.onProgress(`applying ${at + 1} of ${patches.length}: ${rest[0].subject.title}`);
      outcomes.push({ after: await applyDiff(rest[0], head, told, place, ctx), merged: false });
    }
    at = outcomes.length;
    head = outcomes.at(-1)?.after ?? head;
  }
  const facts = await readHistory(base.commit, head, patches, place, ctx);
  let files: readonly string[];
  let { tree } = base;
  let before = base.commit;
  return outcomes.map(({ after, merged }) => {
    const fact = after === before ? undefined : facts.get(after);
    files = fact?.files ?? [];
    tree = fact?.tree ?? tree;
    before = after;
    return { after, tree, files, merged };
  });
}

/** Where a batch stands in the series. */
interface Told {
  readonly first: number;
  readonly total: number;
}

async function applyMails(
  mails: readonly Mail[],
  head: string,
  { first, total }: Told,
  place: Place,
  ctx: Context,
): Promise<{ after: string; merged: boolean }[]> {
  const told: { same: boolean; merged: boolean }[] = [];
  const files = mails.map(({ file }) => file);
  // All in one go: it reads and writes the kernel's index, which is large, once less per patch.
  const am = await tryGit(['am', '--3way', '--patch-format=mbox', ...files], place, ctx, {
    onLine: (line) => {
      const last = told.at(-1);
      if (line.startsWith('Applying: ')) {
        ctx.onProgress(`applying ${first + told.length + 1} of ${total}: ${line.slice(10)}`);
        told.push({ same: false, merged: false });
      } else if (last !== undefined && line.startsWith('No changes -- ')) last.same = true;
      else if (last !== undefined && line.startsWith('Falling back to patching base'))
        last.merged = true;
    },
  });
  if (am.code !== 0) {
    const shortage = hostShortage(am.stderr + am.stdout, 'applying the series', [place.cwd]);
    if (shortage !== undefined) throw shortage;
    // git-am(1) keeps the number of the patch at hand there.
    const next = Number(await readIfThere(join(place.gitDir ?? '', 'rebase-apply', 'next')));
    const failed = mails[Math.max(0, (Number.isInteger(next) ? next : 1) - 1)] ?? mails[0];
    if (failed === undefined) throw new Error('git am failed without a mail');
    // When am gives up on merging it does not say why it had to merge.
    await git(['read-tree', 'HEAD'], place, ctx, { what: 'Cannot reset the index' });
    const check = await tryGit(['apply', '--cached', '--check', failed.patchFile], place, ctx);
    const number = first + mails.indexOf(failed) + 1;
    throw doesNotApply(failed, { number, total }, check.code === 0 ? am : check);
  }
  const argv = ['rev-list', '--reverse', `${head}..HEAD`];
  const made = await gitOutput(argv, place, ctx, { what: 'Cannot list the commits made' });
  const commits = made.split('\n').filter((line) => line !== '');
  if (told.length !== mails.length || told.filter(({ same }) => !same).length !== commits.length)
    throw new Error(`git am made ${commits.length} commits of ${mails.length} mails`);
  let after = head;
  return told.map(({ same, merged }) => {
    if (!same) after = commits.shift() ?? after;
    return { after, merged };
  });
}

async function applyDiff(
  mail: Mail,
  head: string,
  { first, total }: Told,
  place: Place,
  ctx: Context,
): Promise<string> {
  const what = `Cannot apply ${mail.name}`;
  const plain = await tryGit(['apply', '--index', mail.patchFile], place, ctx);
  if (plain.code !== 0) {
    const shortage = hostShortage(plain.stderr, `applying ${mail.name}`, [place.cwd]);
    if (shortage !== undefined) throw shortage;
    // The first try has laid out files that the index takes for changed.
    await tryGit(['update-index', '-q', '--refresh'], place, ctx);
    // Can only help if the patch names blobs that we have; its own messages hide the reason.
    const merge = await tryGit(['apply', '--index', '--3way', mail.patchFile], place, ctx);
    if (merge.code !== 0) throw doesNotApply(mail, { number: first + 1, total }, plain);
  }
  const tree = await gitOutput(['write-tree'], place, ctx, { what });
  if (tree === (await treeOf(place, head, ctx))) return head;
  const message = `${mail.subject.title}\n\n${mail.message.trim()}\n`;
  const argv = ['commit-tree', tree, '-p', head, '-F', '-'];
  const commit = await gitOutput(argv, place, ctx, { what, input: message });
  await git(['update-ref', '--no-deref', 'HEAD', commit], place, ctx, { what });
  return commit;
}

interface Fact {
  readonly tree: string;
  readonly files: readonly string[];
}

/** Tree and files of every new commit. Throws series/patch-outside-tree for a symbolic link that leads out. */
async function readHistory(
  base: string,
  head: string,
  patches: readonly Mail[],
  place: Place,
  ctx: Context,
): Promise<Map<string, Fact>> {
  const facts = new Map<string, Fact>();
  if (base === head) return facts;
  const format = ['--format=%x01%H %T', '--raw', '--no-abbrev', '--no-renames'];
  const what = 'Cannot read what the series changes';
  const argv = ['log', '--reverse', ...format, `${base}..${head}`];
  const text = await gitOutput(argv, place, ctx, { what });
  for (const part of text.split('\x01').slice(1)) {
    const [ids = '', ...lines] = part.split('\n');
    const [commit = '', tree = ''] = ids.split(' ');
    const changes = lines.flatMap((line) => {
      const [, mode = '', oid = '', path = ''] =
        /^:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*\t(.+)$/.exec(line) ?? [];
      return path === '' ? [] : [{ mode, oid, path: unquote(path) }];
    });
    for (const { oid, path } of changes.filter(({ mode }) => mode === '120000')) {
      const target = await gitOutput(['cat-file', 'blob', oid], place, ctx, { what });
      const end = posix.normalize(posix.join(posix.dirname(path), target));
      if (target.startsWith('/') || end === '..' || end.startsWith('../'))
        throw leavesTheTree(patches, `${path} -> ${target}`, 'a symbolic link that leads out of');
    }
    facts.set(commit, { tree, files: changes.map(({ path }) => path) });
  }
  return facts;
}

/** git quotes names with control characters, quotes or backslashes like C strings; such names are only shown. */
const unquote = (path: string): string =>
  path.startsWith('"') ? path.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : path;

/** Rejects with usage/empty-series for nothing to apply. */
export function mustHavePatches(patches: readonly Mail[], names: readonly string[]): void {
  if (patches.length > 0) return;
  throw new FailureError({
    blame: 'usage',
    code: 'empty-series',
    title: `No patch found in ${names.join(', ') || 'the series'}`,
    hint: 'Give an mbox, a folder of patches, a diff, a range A..B of --tree, or a message id.',
  });
}
