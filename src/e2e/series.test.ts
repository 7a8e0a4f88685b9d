// What the tool says of a series, for one of each kind, on Debian's real 6.12: what breaks, since which patch, and the exit code.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Change } from '../core/change.ts';
import type { RunResult } from '../core/result.ts';
import { places } from '../store/places.ts';
import { renameSeries } from '../testing/series/make.ts';
import { series } from '../testing/series/series.ts';
import { openDistro } from '../tree/distro.ts';
import { pgmap, resultsOf, scratch } from './pgmap.ts';

const place = scratch();
afterAll(() => place[Symbol.dispose]());

interface Judged {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly result: RunResult;
}

async function judge(name: string, file: string, ...options: string[]): Promise<Judged> {
  const dir = join(place.dir, name);
  const done = await pgmap('run', '--source', 'distro:6.12', file, ...options, '--out', dir);
  return { ...done, result: resultsOf(dir) };
}

const worse = ({ changes }: RunResult): readonly Change[] =>
  changes.filter(({ kind }) => kind !== 'known' && kind !== 'fix');

test('a clean-up changes nothing for anybody', async () => {
  const { code, stderr, result } = await judge('clean-up', series.cleanUp, '--suite', 'memremap');
  expect(code, stderr).toBe(0);
  expect(worse(result)).toEqual([]);
  expect(result).toMatchObject({
    status: 'PASS',
    series: { patches: 2 },
    baseline: { built: true },
  });
  expect(result.jobs.flatMap(({ tests }) => tests).length).toBeGreaterThan(20);
});

test('of four patches the second does not build and the third mends it', async () => {
  const options = ['--each', '--suite', 'memremap'];
  const { code, stdout, stderr, result } = await judge('broken', series.brokenBuild, ...options);
  expect(code, stderr).toBe(1);
  expect(result.patches?.map(({ number, build }) => [number, build])).toEqual([
    ...[
      [1, 'PASS'],
      [2, 'FAIL'],
    ],
    ...[
      [3, 'PASS'],
      [4, 'PASS'],
    ],
  ]);
  expect(stdout).toContain('2/4');
  expect(stdout).toMatch(/mm\/memremap\.c:\d+/);
});

test('DEVICE_COHERENT breaks with the third of five patches, and only that', async () => {
  const options = ['--suite', 'hmm-coherent'];
  const { code, stdout, stderr, result } = await judge(
    'coherent',
    series.coherentLinearMap,
    ...options,
  );
  expect(code, stderr).toBe(1);
  expect(result.types['MEMORY_DEVICE_COHERENT']?.status).toBe('FAIL');
  const regressions = result.changes.filter(({ kind }) => kind === 'regression');
  expect(regressions.length).toBeGreaterThan(0);
  for (const { patch, rate } of regressions) {
    expect(patch).toMatchObject({ number: 3, of: 5 });
    expect(patch?.upTo).toBeUndefined();
    expect(rate).toMatchObject({ was: { bad: 0 } });
    expect(rate?.is.bad).toBe(rate?.is.of);
  }
  expect(worse(result)).toEqual(regressions);
  expect(stdout).toContain('mm/memremap: remove all memory of drivers alike');
});

test('a patch that is merged is judged like any other', async () => {
  const { code, stdout, stderr, result } = await judge(
    'three-way',
    series.threeWay,
    ...['--suite', 'memremap'],
  );
  expect(code, stderr).toBe(0);
  expect(worse(result)).toEqual([]);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
    "'mm/memremap: only the first range has an altmap' was merged (git am --3way)",
  );
});

test('a series for another kernel is its own fault, and nothing is built or booted', async () => {
  const { code, stdout, result } = await judge('old', series.madeOn61, '--suite', 'memremap');
  expect(code).toBe(1);
  const [apply, ...others] = result.steps;
  expect(apply).toMatchObject({ step: 'apply', status: 'FAIL', failure: { blame: 'series' } });
  expect(others).toEqual([]);
  expect(new Set(result.jobs.flatMap(({ tests }) => tests.map(({ status }) => status)))).toEqual(
    new Set(['MISS']),
  );
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('does not apply: mm/memremap.c, hunk 1');
});

test('a type keeps its tests under another name', async () => {
  const source = await openDistro('6.12', {
    signal: new AbortController().signal,
    cacheDir: places().cacheDir,
    cpus: 2,
    path: process.env['PATH'] ?? '/usr/bin:/bin',
    onProgress: () => undefined,
  });
  const file = join(place.dir, 'rename.mbox');
  const [from, to] = ['MEMORY_DEVICE_GENERIC', 'MEMORY_DEVICE_HOST'];
  await writeFile(file, await renameSeries(source.gitDir, source.commit, from, to));
  const { code, stdout, stderr, result } = await judge('rename', file, '--suite', 'devdax');
  expect(code, stderr).toBe(0);
  expect(worse(result)).toEqual([]);
  expect(Object.keys(result.types)).not.toContain(from);
  expect(result.types[to]).toMatchObject({ was: from, covered: true, status: 'PASS' });
  expect(stdout).toContain(to);
});
