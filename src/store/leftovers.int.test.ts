// What killed processes leave is found where it can be, and what living ones use stays.
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../testing/fakelinux/fakelinux.ts';
import { removeTemp, tempBeside } from '../util/temp.ts';
import { sweepCache, sweepRuns } from './leftovers.ts';
import type { Places } from './places.ts';
import { startRecord } from './run-folder.ts';

const placesIn = (dir: string): Places => ({
  projectDir: dir,
  cacheDir: join(dir, 'cache'),
  stateDir: join(dir, 'state'),
  runsDir: join(dir, 'state/runs'),
});

test('half entries of all parts of the cache', async () => {
  await using at = await scratch();
  const places = placesIn(at.dir);
  const parts = ['kernels', 'images', 'results', 'objects/one', 'git/one.git/pgmap/series'];
  const ours: string[] = [];
  for (const part of parts) {
    const living = tempBeside(join(places.cacheDir, part, 'entry'));
    ours.push(living);
    // Of a process with our number that started at another time.
    const dead = basename(living).replace(/\.[0-9a-z]+-(?=[0-9a-f]{8}-entry$)/, '.1-');
    for (const name of [basename(living), dead, 'entry'])
      await mkdir(join(places.cacheDir, part, name), { recursive: true });
  }
  await sweepCache(places);
  for (const [index, part] of parts.entries())
    expect((await readdir(join(places.cacheDir, part))).sort(), part).toEqual(
      [basename(ours[index] ?? ''), 'entry'].sort(),
    );
  for (const path of ours) await removeTemp(path);
});

test('disks of guests whose run was killed, not of those that run', async () => {
  await using at = await scratch();
  const places = placesIn(at.dir);
  const disk = (run: string): string =>
    join(places.runsDir, run, 'jobs/core@small/backing/nvdimm0');
  const records = [];
  for (const run of ['killed', 'running']) {
    const record = await startRecord(join(places.runsDir, run), {
      onEvent: () => undefined,
      onBroken: () => undefined,
    });
    record.emit({ type: 'note', text: run });
    records.push(record);
    await mkdir(join(disk(run), '..'), { recursive: true });
    await writeFile(disk(run), 'x');
  }
  records[0]?.close();
  await sweepRuns(places);
  expect(['killed', 'running'].map((run) => existsSync(disk(run)))).toEqual([false, true]);
  records[1]?.close();
});
