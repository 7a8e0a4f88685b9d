// What a build left, taken for what somebody else's programs wrote: a link or a pipe where a file should be leads us, who are not
// in the sandbox, wherever they like.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { FailureError } from '../core/failure.ts';
import { hasCode, readIfThere } from '../util/files.ts';
import { isBelow } from '../util/sandbox.ts';

/** The path of a file that a build made in `dir`. Throws FailureError `series/build-leads-out` or `series/build-incomplete`. */
export async function madeFile(dir: string, name: string): Promise<string> {
  const path = join(dir, name);
  await inside(dir, name);
  const info = await lstat(path).catch((cause: unknown) => {
    throw hasCode(cause, 'ENOENT', 'ENOTDIR')
      ? new FailureError(
          { blame: 'series', code: 'build-incomplete', title: `the build made no ${name}` },
          { cause },
        )
      : cause;
  });
  if (!info.isFile()) throw leadsOut(name);
  return path;
}

/** The text of a file that a build made; undefined if there is none, or something else in its place. */
export async function readMade(dir: string, name: string): Promise<string | undefined> {
  const path = await madeFile(dir, name).catch((error: unknown) => {
    if (error instanceof FailureError) return undefined;
    throw error;
  });
  return path === undefined ? undefined : readIfThere(path);
}

/** Removes what a build made, if it is there. Throws FailureError `series/build-leads-out`. */
export async function removeMade(dir: string, name: string): Promise<void> {
  await inside(dir, name);
  await rm(join(dir, name), { force: true });
}

/**
 * That a folder holds folders, files, and links that stay in it; of other links only those to the tree and the objects, which
 * modules_install makes. Throws FailureError `series/build-leads-out`.
 */
export async function checkMade(dir: string): Promise<void> {
  const root = await realpath(dir);
  for (const item of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(item.parentPath, item.name);
    if (item.isFile() || item.isDirectory()) continue;
    const name = relative(root, path);
    if (!item.isSymbolicLink()) throw leadsOut(name);
    if (/(?:^|\/)lib\/modules\/[^/]+\/(?:build|source)$/.test(name)) continue;
    const target = await realpath(path).catch(() => undefined);
    if (target === undefined || !isBelow(target, [root])) throw leadsOut(name);
  }
}

/** Whether a build failed because it did what no kernel build does. */
export const isAttack = (error: unknown): boolean =>
  error instanceof FailureError &&
  (['build-leads-out', 'build-left-process', 'build-too-loud'].includes(error.failure.code) ||
    isAttack(error.cause));

/** Files of our own in an object folder; a build must leave them as they are. */
export const isOurs = (name: string): boolean => /^\.pgmap-|^pgmap-.*\.log$/.test(name);

/** Those that are there. What has one of their names and is no file, nor the folder of notes, goes. */
export async function ourFiles(objectDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const item of await readdir(objectDir, { withFileTypes: true }).catch(() => [])) {
    if (!isOurs(item.name)) continue;
    const path = join(objectDir, item.name);
    if (item.isFile() || item.isDirectory()) found.push(path);
    else await rm(path, { force: true });
  }
  return found;
}

/** Opens a log for appending, never through a link. */
export async function openLog(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
}

async function inside(dir: string, name: string): Promise<void> {
  const folder = await realpath(dirname(join(dir, name))).catch(() => undefined);
  if (folder !== undefined && !isBelow(folder, [await realpath(dir)])) throw leadsOut(name);
}

const leadsOut = (name: string): FailureError =>
  new FailureError({
    blame: 'series',
    code: 'build-leads-out',
    title: `the build made ${name} something that leads out of its folder`,
    hint: 'No kernel build does that: look at what the Makefiles and scripts of the tree do.',
  });
