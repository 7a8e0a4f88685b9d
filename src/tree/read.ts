// Files of a commit, without a work tree.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../util/context.ts';
import { must } from '../util/proc.ts';
import { git, gitOutput, tryGit } from './git.ts';
import type { Source } from './source.ts';

/** The text of `path` in the source's commit, or undefined if the commit has no such file. */
export async function readAtCommit(
  source: Source,
  path: string,
  ctx: Context,
): Promise<string | undefined> {
  const place = { gitDir: source.gitDir };
  const result = await tryGit(['cat-file', 'blob', `${source.commit}:${path}`], place, ctx);
  if (result.code === 0) return result.stdout;
  // Not there, or not readable at all? Only the first is an answer.
  const names = await listAtCommit(source, [path], ctx);
  if (names.length === 0) return undefined;
  const argv = ['cat-file', 'blob', `${source.commit}:${path}`];
  return gitOutput(argv, place, ctx, { what: `Cannot read ${path} of ${source.commit}` });
}

/** Those of `paths` (files or folders) that the source's commit has. */
export async function listAtCommit(
  source: Source,
  paths: readonly string[],
  ctx: Context,
): Promise<string[]> {
  const argv = ['ls-tree', '-z', '--name-only', source.commit, '--', ...paths];
  const found = await gitOutput(argv, { gitDir: source.gitDir }, ctx, {
    what: `Cannot list ${source.commit}`,
  });
  return found.split('\0').filter((name) => name !== '');
}

/** Files below `paths` that differ between the commits of two sources in one repository, in either direction. */
export async function changedBetween(
  before: Source,
  after: Source,
  paths: readonly string[],
  ctx: Context,
): Promise<string[]> {
  if (before.tree === after.tree) return [];
  const argv = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', before.tree, after.tree];
  const changed = await gitOutput([...argv, '--', ...paths], { gitDir: after.gitDir }, ctx, {
    what: `Cannot compare ${before.commit} with ${after.commit}`,
  });
  return changed.split('\0').filter((name) => name !== '');
}

/** Writes those of `paths` that the source's commit has into `folder`, under the same names. */
export async function extractAtCommit(
  source: Source,
  paths: readonly string[],
  folder: string,
  ctx: Context,
): Promise<void> {
  const present = await listAtCommit(source, paths, ctx);
  await mkdir(folder, { recursive: true });
  if (present.length === 0) return;
  const archive = join(folder, '.pgmap-archive.tar');
  const argv = ['archive', '--format=tar', '-o', archive, source.commit, '--', ...present];
  const what = `Cannot copy files of ${source.commit}`;
  await git(argv, { gitDir: source.gitDir }, ctx, { what });
  await must(['tar', '--extract', '--file', archive, '--directory', folder], {
    what,
    env: { PATH: ctx.path, LC_ALL: 'C' },
    signal: ctx.signal,
  });
  await rm(archive);
}
