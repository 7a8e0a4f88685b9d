// What processes that were killed have left, and where to look for it.
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sweepTemp } from '../util/temp.ts';
import type { Places } from './places.ts';
import { isRunning, listRuns } from './run-folder.ts';

/** Temporary files and folders of killed processes, in the cache and below TMPDIR: milliseconds. */
export async function sweepCache({ cacheDir }: Places): Promise<void> {
  const below = async (...folder: string[]): Promise<string[]> => {
    const dir = join(cacheDir, ...folder);
    return (await readdir(dir).catch((): string[] => [])).map((name) => join(dir, name));
  };
  const repositories = await below('git');
  await sweepTemp([
    tmpdir(),
    ...['kernels', 'images', 'worktrees', 'results', 'git', 'objects'].map((name) =>
      join(cacheDir, name),
    ),
    ...(await below('objects')),
    ...repositories.flatMap((dir) => [join(dir, 'pgmap'), join(dir, 'pgmap/series')]),
  ]);
}

/** Temporary files of killed runs, and the disks of their guests; what they printed stays. */
export async function sweepRuns({ runsDir }: Places): Promise<void> {
  for (const { dir } of await listRuns(runsDir)) {
    await sweepTemp([dir]);
    const jobs = join(dir, 'jobs');
    const names = await readdir(jobs).catch((): string[] => []);
    const disks = names
      .map((name) => join(jobs, name, 'backing'))
      .filter((path) => existsSync(path));
    if (disks.length === 0 || isRunning(dir)) continue;
    for (const path of disks) await rm(path, { recursive: true, force: true });
  }
}
