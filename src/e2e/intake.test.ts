// Series on Debian's real 6.12, up to the commit: in this user's own cache, where the sources are imported once.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { places } from '../store/places.ts';
import { userGit } from '../testing/fakelinux/fakelinux.ts';
import { renameSeries } from '../testing/series/make.ts';
import { series } from '../testing/series/series.ts';
import { listPackages, openDistro } from '../tree/distro.ts';
import { memoryTypes, memremapHeader } from '../tree/enumerators.ts';
import { readAtCommit } from '../tree/read.ts';
import { applySeries } from '../tree/series.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { scratch } from './pgmap.ts';

const ctx: Context = {
  signal: new AbortController().signal,
  cacheDir: places().cacheDir,
  cpus: 2,
  path: process.env['PATH'] ?? '/usr/bin:/bin',
  onProgress: () => undefined,
};
let source: Source;
beforeAll(async () => {
  source = await openDistro('6.12', ctx);
});

const apply = (...inputs: string[]) => applySeries(source, inputs, ctx);

test.each([
  ['clean-up', series.cleanUp, 2, 'mm/memremap: two small clean-ups'],
  ['broken build', series.brokenBuild, 4, 'mm/memremap: name the test on unmapping (and 3 more)'],
  [
    'coherent',
    series.coherentLinearMap,
    5,
    'mm/memremap: treat coherent memory like private memory',
  ],
])('%s applies as it is', async (_, file, count, title) => {
  const applied = await apply(file);
  expect(applied).toMatchObject({ title, baseFrom: 'head', base: source.commit, notes: [] });
  expect(applied.patches.map(({ number, of, commit }) => [number, of, commit])).toEqual(
    applied.patches.map(({ after }, at) => [at + 1, count, after]),
  );
  await userGit(source.gitDir, 'fsck', '--connectivity-only', applied.source.commit);
});

test('one of two patches made side by side is merged, and that is said', async () => {
  const applied = await apply(series.threeWay);
  expect(applied.notes).toEqual([
    "'mm/memremap: only the first range has an altmap' was merged (git am --3way): its surroundings have changed",
  ]);
  const text = await readAtCommit(applied.source, 'mm/memremap.c', ctx);
  expect(text).toMatch(/const struct range \*range = [^]{0,120}if \(range_id > 0\)/);
});

test('a series made on 6.1 does not apply, and says so where 6.1 is there', async () => {
  const old = (await listPackages()).some(({ version }) => version === '6.1');
  if (old) await openDistro('6.1', ctx);
  await expect(apply(series.madeOn61)).rejects.toMatchObject({
    failure: {
      blame: 'series',
      code: 'patch-conflict',
      title: expect.stringMatching(
        /^'mm\/memremap: forget a range before its caching attribute' \(2 of 2\) does not apply: mm\/memremap\.c, hunk 1 \(@@ -\d+/,
      ),
      hint: old
        ? 'It applies to distro:6.1: --source distro:6.1'
        : 'Give the commit the series was made for with --base REV.',
    },
  });
});

test('an enumerator gets another name in all of the tree', async () => {
  using at = scratch();
  const file = join(at.dir, 'rename.mbox');
  const [from, to] = ['MEMORY_DEVICE_GENERIC', 'MEMORY_DEVICE_HOST'];
  await writeFile(file, await renameSeries(source.gitDir, source.commit, from, to));
  const applied = await apply(file);
  expect(applied.patches).toHaveLength(1);
  expect(applied.patches[0]?.files).toContain(memremapHeader);
  const found = await userGit(source.gitDir, 'grep', '-c', to, applied.source.commit);
  expect(found.split('\n')).toHaveLength(applied.patches[0]?.files.length ?? 0);
  const types = memoryTypes((await readAtCommit(applied.source, memremapHeader, ctx)) ?? '');
  expect(types).toContain(to);
  expect(types).not.toContain(from);
});

test('as one mail after the other, each patch is what the mail says', async () => {
  const applied = await apply(series.coherentLinearMap);
  const subjects = [
    ...(await readFile(series.coherentLinearMap, 'utf8')).matchAll(
      /^Subject: \[PATCH [1-5]\/5\] (.*)$/gm,
    ),
  ];
  expect(applied.patches.map(({ title }) => title)).toEqual(subjects.map(([, title]) => title));
  expect(applied.patches.map(({ files }) => files)).toEqual([
    ['drivers/dax/device.c'],
    ['mm/memremap.c'],
    ['mm/memremap.c'],
    ['lib/test_hmm.c'],
    ['drivers/nvdimm/pmem.c'],
  ]);
});
