// Files that are either whole or not there, and what a full disk is called.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FailureError } from '../core/failure.ts';

/** Writes a file so that a reader, or a crash, sees the old or the new content and nothing between. */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temp = tempName(path);
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
    } catch (error) {
      await rm(temp, { force: true });
      throw error;
    }
  });
}

/**
 * Makes the folder `path` out of what `fill` puts into a temporary one beside it. If another process was quicker,
 * its folder stays and ours goes.
 */
export async function fillFolder(
  path: string,
  fill: (temp: string) => Promise<void>,
): Promise<void> {
  const temp = tempName(path);
  await orDiskFull(path, async () => {
    try {
      await mkdir(temp, { recursive: true });
      await fill(temp);
      await rename(temp, path);
    } catch (error) {
      await rm(temp, { recursive: true, force: true });
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

/** Names of temporary files and folders begin so; `pgmap clean` takes what a crash left. */
export const tempPrefix = '.pgmap-tmp-';

function tempName(path: string): string {
  const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
  return join(dirname(path), `${tempPrefix}${unique}-${basename(path)}`);
}

async function orDiskFull<T>(where: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (hasCode(error, 'ENOSPC', 'EDQUOT')) throw diskFull(where, error);
    throw error;
  }
}
