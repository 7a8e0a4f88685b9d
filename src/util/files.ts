// Files that are either whole or not there, and what a full disk is called.
import { execFile } from 'node:child_process';
import { constants, statfsSync } from 'node:fs';
import { copyFile, lstat, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { FailureError } from '../core/failure.ts';
import { formatSize } from '../core/units.ts';
import { removeTemp, settled, tempBeside } from './temp.ts';

/** Writes a file so that a reader, or a crash, sees the old or the new content and nothing between. */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temp = tempBeside(path);
  await orDiskFull(path, async () => {
    try {
      await mkdir(dirname(path), { recursive: true });
      const file = await open(temp, 'wx');
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temp, path);
      settled(temp);
    } catch (error) {
      await removeTemp(temp);
      throw error;
    }
  });
}

/**
 * Makes the folder `path` out of what `fill` puts into a temporary one beside it, all of it on disk before it is there. If
 * another process was quicker, its folder stays and ours goes.
 */
export async function fillFolder(
  path: string,
  fill: (temp: string) => Promise<void>,
): Promise<void> {
  const temp = tempBeside(path);
  await orDiskFull(path, async () => {
    try {
      await mkdir(temp, { recursive: true });
      await fill(temp);
      await flush(temp);
      await rename(temp, path);
      settled(temp);
    } catch (error) {
      await removeTemp(temp);
      if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  });
}

/** Copies a file, sharing its blocks where the file system can (`FICLONE`). */
export async function copyCheap(from: string, to: string): Promise<void> {
  await orDiskFull(to, () => copyFile(from, to, constants.COPYFILE_FICLONE));
}

/** The text of a file, or undefined if there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** Whether something thrown is a system error with one of these codes, e.g. `ENOENT`. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The failure for a full disk, whoever noticed it. */
export function diskFull(where: string, cause?: unknown): FailureError {
  return new FailureError(
    {
      blame: 'lab',
      code: 'disk-full',
      title: `No space left while writing ${where}`,
      hint: 'Free some space, or drop cached kernels and old runs with: pgmap clean',
    },
    { cause },
  );
}

/**
 * All that was written below a folder survives a power cut from now on: its file system is flushed, which is quicker than
 * file by file. Throws FailureError `lab/disk-full`. @see syncfs(2)
 */
export async function flush(dir: string): Promise<void> {
  try {
    await promisify(execFile)('sync', ['--file-system', dir]);
  } catch (error) {
    // Where room is only looked for when it is written, that is when it shows.
    throw /No space left|Disk quota/.test(String(error)) ? diskFull(dir, error) : error;
  }
}

/** Whether so little is left on the file system of `path` that what writes there cannot be relied on. */
export function isDiskFull(path: string): boolean {
  return freeBytes(path) < 2 ** 20;
}

/** Throws FailureError `lab/disk-full` if there are not so many bytes on the file system of `path`. */
export function mustHaveRoom(path: string, bytes: number, what: string): void {
  const free = freeBytes(path);
  if (free >= bytes) return;
  const { failure } = diskFull(path);
  throw new FailureError({
    ...failure,
    title: `${what} may take ${formatSize(bytes)}, and only ${formatSize(free)} are left in ${path}`,
  });
}

/** What cannot be asked is taken for enough. */
function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}

async function orDiskFull<T>(where: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (hasCode(error, 'ENOSPC', 'EDQUOT')) throw diskFull(where, error);
    throw error;
  }
}
