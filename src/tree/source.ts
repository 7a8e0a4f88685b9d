// Where a kernel comes from: a commit in a bare repository of our own. The user's tree is read, never written: ours borrows
// its objects (git's alternates), and what has to be written goes into our object store with our own index.
import { createHash } from 'node:crypto';
import { copyFile, realpath, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { exists, readIfThere, writeAtomic } from '../util/files.ts';
import { lock } from '../util/lock.ts';
import { removeTemp, tempBeside } from '../util/temp.ts';
import type { Place } from './git.ts';
import { git, gitOutput, tryGit } from './git.ts';

export interface Source {
  /** In one line, for people: `linux-source-6.12 6.12.117-1`, `linux at 1a2b3c4d5e6f with uncommitted changes`. */
  readonly subject: string;
  /** Short and fit for a file name; work trees are kept per source. */
  readonly id: string;
  /** Our bare repository. */
  readonly gitDir: string;
  /** Object id of the commit to test. */
  readonly commit: string;
  /** Object id of its tree. */
  readonly tree: string;
  /** The user's tree, if it is one. */
  readonly dir?: string;
  /** The user has named the commit. */
  readonly baseGiven?: true;
  /** The commit is one of ours, with what the user has not committed yet. */
  readonly uncommitted?: true;
}

/**
 * The kernel tree in `dir`: `base`, or else its HEAD with the uncommitted changes to tracked files.
 * Throws usage/not-a-git-tree, usage/not-a-kernel-tree, usage/unknown-revision, usage/unmerged.
 */
export async function openTree(
  dir: string,
  base: string | undefined,
  ctx: Context,
): Promise<Source> {
  const user = await openUserRepository(dir, ctx);
  const gitDir = await ourClone(user, ctx);
  const commit = await resolve(user, base ?? 'HEAD', ctx);
  await mustBeKernel(gitDir, commit, dir, ctx);
  const name = basename(user.top);
  const short = commit.slice(0, 12);
  const place: Place = { gitDir };
  const tree = await treeOf(place, commit, ctx);
  const common = { id: user.id, gitDir, dir: user.top };
  if (base !== undefined)
    return { ...common, subject: `${name} at ${short}`, commit, tree, baseGiven: true };

  const dirty = await treeAsItStands(user, gitDir, ctx);
  if (dirty === tree) return { ...common, subject: `${name} at ${short}`, commit, tree };
  const what = 'Cannot record the uncommitted changes';
  const message = `Uncommitted changes on ${short}`;
  const argv = ['commit-tree', dirty, '-p', commit, '-m', message];
  return {
    ...common,
    subject: `${name} at ${short} with uncommitted changes`,
    commit: await gitOutput(argv, place, ctx, { what }),
    tree: dirty,
    uncommitted: true,
  };
}

/** A commit of the source's repository, or of the user's tree behind it, as a full object id. */
export async function resolveCommit(source: Source, rev: string, ctx: Context): Promise<string> {
  const place: Place = source.dir === undefined ? { gitDir: source.gitDir } : { cwd: source.dir };
  return resolveIn(place, rev, source.dir ?? source.subject, ctx);
}

/** The same source at another commit of it. */
export async function atCommit(source: Source, commit: string, ctx: Context): Promise<Source> {
  return { ...source, commit, tree: await treeOf({ gitDir: source.gitDir }, commit, ctx) };
}

/** Object id of a commit's tree. */
export function treeOf(place: Place, commit: string, ctx: Context): Promise<string> {
  return gitOutput(['rev-parse', '--verify', `${commit}^{tree}`], place, ctx, {
    what: `Cannot find the tree of ${commit}`,
  });
}

/** A bare repository of ours: made whole or not at all; `borrow` is an object store to read from besides. */
export async function ensureRepository(
  gitDir: string,
  ctx: Context,
  options: { borrow?: string; format?: string } = {},
): Promise<void> {
  const alternates = join(gitDir, 'objects', 'info', 'alternates');
  const wanted = options.borrow === undefined ? undefined : `${options.borrow}\n`;
  if ((await exists(join(gitDir, 'pgmap'))) && (await readIfThere(alternates)) === wanted) return;
  await using _ = await lock(`${gitDir}.lock`, 'setting up a repository', ctx);
  const format = options.format ?? 'sha1';
  const argv = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, gitDir];
  await git(argv, {}, ctx, { what: `Cannot make ${gitDir}` });
  if (wanted !== undefined) await writeAtomic(alternates, wanted);
  await writeAtomic(join(gitDir, 'pgmap', 'README'), 'Notes that go with this repository.\n');
}

interface UserRepository {
  readonly id: string;
  readonly top: string;
  /** Its own git folder: HEAD and index; for a linked work tree not the common one. */
  readonly gitDir: string;
  readonly commonDir: string;
  readonly objects: string;
  readonly format: string;
}

async function openUserRepository(dir: string, ctx: Context): Promise<UserRepository> {
  const top = await realpath(dir).catch((cause: unknown) => {
    throw new FailureError(
      { blame: 'usage', code: 'not-a-git-tree', title: `${dir} does not exist` },
      { cause },
    );
  });
  const argv = [
    'rev-parse',
    '--path-format=absolute',
    '--git-dir',
    '--git-common-dir',
    '--git-path',
    'objects',
    '--show-object-format',
    '--show-prefix',
  ];
  const result = await tryGit(argv, { cwd: top }, ctx);
  const [gitDir, commonDir, objects, format, prefix] = result.stdout.split('\n');
  if (result.code !== 0 || !gitDir || !commonDir || !objects || !format)
    throw new FailureError({
      blame: 'usage',
      code: 'not-a-git-tree',
      title: `${dir} is no git repository`,
      ...(result.stderr.trim() === '' ? {} : { detail: result.stderr.trim() }),
      hint: `Make it one: git -C ${dir} init && git -C ${dir} add -A && git -C ${dir} commit -m base`,
    });
  if (prefix !== undefined && prefix !== '') throw notAKernel(dir, `it is inside of another tree`);
  const id = createHash('sha256').update(objects).digest('hex').slice(0, 16);
  return { id, top, gitDir, commonDir, objects, format };
}

async function ourClone(user: UserRepository, ctx: Context): Promise<string> {
  const gitDir = join(ctx.cacheDir, 'git', `${user.id}.git`);
  await ensureRepository(gitDir, ctx, { borrow: user.objects, format: user.format });
  // Without it git would look for parents that a shallow clone does not have.
  const shallow = await readIfThere(join(user.commonDir, 'shallow'));
  if (shallow !== (await readIfThere(join(gitDir, 'shallow'))))
    await writeAtomic(join(gitDir, 'shallow'), shallow ?? '');
  return gitDir;
}

function resolve(user: UserRepository, rev: string, ctx: Context): Promise<string> {
  return resolveIn({ cwd: user.top }, rev, user.top, ctx);
}

async function resolveIn(place: Place, rev: string, where: string, ctx: Context): Promise<string> {
  const argv = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`];
  const result = await tryGit(argv, place, ctx);
  if (result.code === 0) return result.stdout.trim();
  throw new FailureError({
    blame: 'usage',
    code: 'unknown-revision',
    title: `There is no commit '${rev}' in ${where}`,
    hint: 'Name a branch, a tag or a commit that git log shows there.',
  });
}

async function mustBeKernel(
  gitDir: string,
  commit: string,
  dir: string,
  ctx: Context,
): Promise<void> {
  const missing = await missingSigns(gitDir, commit, ctx);
  if (missing.length > 0) throw notAKernel(dir, `it has no ${missing.join(', no ')}`);
}

/** Whether a commit looks like a kernel. */
export async function isKernel(gitDir: string, commit: string, ctx: Context): Promise<boolean> {
  return (await missingSigns(gitDir, commit, ctx)).length === 0;
}

async function missingSigns(gitDir: string, commit: string, ctx: Context): Promise<string[]> {
  const signs = ['Makefile', 'Kconfig', 'include/linux'];
  const argv = ['ls-tree', '--name-only', commit, '--', ...signs];
  const found = await gitOutput(argv, { gitDir }, ctx, { what: `Cannot list ${commit}` });
  return signs.filter((sign) => !found.split('\n').includes(sign));
}

function notAKernel(dir: string, why: string): FailureError {
  return new FailureError({
    blame: 'usage',
    code: 'not-a-kernel-tree',
    title: `${dir} is no Linux kernel tree: ${why}`,
    hint: 'Give the top folder of a kernel repository with --tree.',
  });
}

/**
 * The tree object of the user's work tree with all changes to tracked files; written into our store only. (Where an object
 * that is to be written is in the user's store already, git brings the time of that file up to date.)
 */
async function treeAsItStands(user: UserRepository, gitDir: string, ctx: Context): Promise<string> {
  const index = tempBeside(join(gitDir, 'pgmap', 'index'));
  await copyIndex(join(user.gitDir, 'index'), index);
  const place: Place = { cwd: user.top, index, objects: join(gitDir, 'objects') };
  try {
    const what = `Cannot read the changes in ${user.top}`;
    const unmerged = await gitOutput(['ls-files', '--unmerged'], place, ctx, { what });
    if (unmerged !== '')
      throw new FailureError({
        blame: 'usage',
        code: 'unmerged',
        title: `${user.top} has unmerged files`,
        hint: 'Finish the merge, or test a commit with --base REV.',
      });
    // Exit code 1 says that something differs, which diff-index will find.
    await tryGit(['update-index', '-q', '--refresh'], place, ctx);
    const diff = await tryGit(['diff-index', '--quiet', 'HEAD'], place, ctx);
    if (diff.code === 0) return await treeOf(place, 'HEAD', ctx);
    await git(['add', '--update', '--', '.'], place, ctx, { what });
    return await gitOutput(['write-tree'], place, ctx, { what });
  } finally {
    await removeTemp(index);
  }
}

/** The user's index keeps what it knows about the files, so that git need not read them all. */
async function copyIndex(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  await copyFile(from, to);
  // git re-reads files that are not older than the index; a newer index would hide a change of the same second.
  const { mtimeMs } = await stat(from);
  const seconds = Math.floor(mtimeMs / 1000);
  await utimes(to, seconds, seconds);
}
