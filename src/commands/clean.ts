// pgmap clean: drop cached kernels, images and old runs.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { formatSize, parseDuration } from '../core/units.ts';
import { jobCacheFolder } from '../store/job-cache.ts';
import { sweepCache, sweepRuns } from '../store/leftovers.ts';
import { isRunning } from '../store/run-folder.ts';
import { lock } from '../util/lock.ts';
import { run } from '../util/proc.ts';
import { type App, contextOf } from './app.ts';

interface Arguments {
  olderThan: string;
  what: string[] | undefined;
  dryRun: boolean;
}

/** What can be dropped, and where it lives; each entry of such a folder goes or stays as a whole. */
const kinds = [
  'kernels',
  'images',
  'objects',
  'worktrees',
  'git',
  'ccache',
  jobCacheFolder,
  'runs',
] as const;

export const cleanCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'clean',
  describe: 'Drop cached kernels, images and runs that were not used for a while',
  builder: (yargs) =>
    yargs
      .option('older-than', {
        type: 'string',
        default: '14d',
        describe: 'Keep what was used within this time; 0s drops everything',
      })
      .option('what', { choices: kinds, array: true, describe: 'Only these (default: all)' })
      .option('dry-run', { type: 'boolean', default: false, describe: 'Only say what would go' })
      .example('$0 clean', 'what was not used for two weeks')
      .example('$0 clean --what runs --older-than 2d', 'old runs only') as never,
  async handler({ olderThan, what, dryRun }) {
    const limitMs = parseDuration(olderThan);
    let bytes = 0;
    if (!dryRun) {
      await sweepCache(app.places);
      await sweepRuns(app.places);
    }
    for (const kind of kinds) {
      if (what !== undefined && what.length > 0 && !what.includes(kind)) continue;
      const root = kind === 'runs' ? app.places.runsDir : join(app.places.cacheDir, kind);
      for (const name of await readdir(root).catch(() => [])) {
        const path = join(root, name);
        const info = await stat(path).catch(() => undefined);
        if (info === undefined || app.now() - info.mtimeMs < limitMs) continue;
        if (kind === 'runs' && isRunning(path)) continue;
        const size = await sizeOf(path);
        bytes += size;
        app.out.write(
          `${dryRun ? 'would drop' : 'dropping'} ${kind}/${name} (${formatSize(size)})\n`,
        );
        if (dryRun) continue;
        await using _ = await lock(
          `${path}.lock`,
          'pgmap clean',
          contextOf(app, () => undefined),
        );
        await rm(path, { recursive: true, force: true });
        await rm(`${path}.lock`, { force: true });
      }
    }
    app.out.write(`${formatSize(bytes)} ${dryRun ? 'to win' : 'freed'}\n`);
  },
});

async function sizeOf(path: string): Promise<number> {
  const { stdout } = await run(['du', '-sk', path]);
  return Number(stdout.split('\t')[0]) * 1024;
}
