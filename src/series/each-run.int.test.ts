// `run --each` end to end: what is built, what is booted and what is not, and what the report says of each patch.
import { readdirSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resultsSchema } from '../config/results.ts';
import type { RunResult } from '../core/result.ts';
import { userGit } from '../testing/fakelinux/fakelinux.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';
import { fakeSeries, mark } from '../testing/series.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** A test of core fails on kernels with the mark. */
const slips = bootOk({
  match: 'run-test core two ',
  stdout: '1..2\nok 1 - first\nnot ok 2 - second\n',
  ...{ code: 1, kernel: 'mark-slip' },
});
const tests = ({ patches }: RunResult) =>
  patches?.map((patch) => [
    patch.image,
    patch.tests?.what,
    patch.tests?.status,
    patch.tests?.worse,
  ]);
const core = ['--suite', 'core'];
const same = (number: number) => `as patch ${number}, the kernel is the same`;

test('a patch in the middle that breaks a test and is mended: FAIL, although nothing is worse in the end', async () => {
  const series = await fakeSeries(rig.dir, rig.tree, 'middle', [
    { subject: 'mm/memremap: a comment', add: '/* counts */' },
    { subject: 'mm/memremap: slip', add: mark('slip') },
    { subject: 'mm/memremap: a comment more', add: '/* slips */' },
    { subject: 'mm/memremap: take it back', replace: [mark('slip'), mark('firm')] },
  ]);
  const { code, result, stdout, stderr, boots, dir } = await rig.run(
    slips,
    ...core,
    '--each',
    series,
  );
  expect(code, stderr).toBe(1);
  expect(resultsSchema.safeParse(result).error?.issues).toBeUndefined();
  const worse = ['core > two > second'];
  expect(tests(result)).toEqual([
    ['same', 'as the base, the kernel is the same', 'PASS', []],
    ['changed', 'the only job', 'FAIL', worse],
    ['same', same(2), 'FAIL', worse],
    ['changed', 'the only job', 'PASS', []],
  ]);
  expect(result.changes).toEqual([]);
  expect(
    result.steps.filter(({ step }) => step === 'each').map((step) => step.failure?.title),
  ).toEqual([undefined, "patch 2/4 'mm/memremap: slip' breaks core > two > second"]);
  // The series, its base, patch 2, and patch 2 once more because once is an accident.
  expect(boots).toHaveLength(4);
  expect(readdirSync(join(dir, 'patches')).sort()).toEqual(['2', '2-again']);
  expect(stdout).toMatch(/^FAIL +2\/4 +mm\/memremap: slip +builds +the only job$/m);
  expect(stdout).toMatch(/^PASS +1\/4 .* same kernel as the base /m);
  expect(stdout).toContain('worse than the base: core > two > second');
});

test('a patch that does not build and is repaired: FAIL, by number and subject', async () => {
  const series = await fakeSeries(rig.dir, rig.tree, 'broken', [
    { subject: 'mm/memremap: fine', add: mark('fine') },
    { subject: 'mm/memremap: no type', add: 'nothing x;' },
    { subject: 'mm/memremap: a type', replace: ['nothing x;', 'long x;'] },
  ]);
  const { code, result, stdout, stderr } = await rig.run(bootOk(), ...core, '--each', series);
  expect(code, stderr).toBe(1);
  expect(result.patches?.map((patch) => patch.build)).toEqual(['PASS', 'FAIL', 'PASS']);
  expect(stdout).toContain("patch 2/3 'mm/memremap: no type' does not build (repaired by patch 3)");
  expect(stdout).toMatch(/^PASS +core @ small/m);
  expect(result.steps.find(({ step }) => step === 'each')).toMatchObject({
    status: 'FAIL',
    failure: { blame: 'series', code: 'patch-does-not-build' },
  });
});

test('all patches fine: 0, and one job for each memory type in the middle', async () => {
  const series = await fakeSeries(rig.dir, rig.tree, 'fine', [
    { subject: 'mm/memremap: one', add: mark('one') },
    { subject: 'mm/memremap: two', add: mark('two') },
  ]);
  const { code, result, stderr, boots } = await rig.run(bootOk(), '--each', series);
  expect(code, stderr).toBe(0);
  expect(result.patches?.[0]?.tests).toMatchObject({
    what: '2 of 3 jobs, one per memory type',
    jobs: expect.arrayContaining([
      { id: 'core@small', status: 'PASS' },
      { id: 'disk@disk', status: 'PASS' },
    ]),
    folder: 'patches/1',
  });
  expect(result.patches?.[1]?.tests?.what).toBe('all 3 jobs');
  // Three on the series, those of the base that are not known yet, two on the first patch.
  expect(boots).toHaveLength(7);
});

test('a series that leaves the kernel as it is: nothing is run again once the base is known', async () => {
  const comments = await fakeSeries(rig.dir, rig.tree, 'comments', [
    { subject: 'mm/memremap: a comment', add: '/* one */' },
    { subject: 'mm/memremap: and another', add: '/* two */' },
  ]);
  const { code, result, stdout, stderr, boots } = await rig.run(bootOk(), '--each', comments);
  expect(code, stderr).toBe(0);
  expect(boots).toEqual([]);
  expect(result.jobs.map((job) => job.status)).toEqual(['PASS', 'PASS', 'PASS']);
  expect(tests(result)?.map(([image, what]) => [image, what])).toEqual([
    ['same', 'as the base, the kernel is the same'],
    ['same', 'all 3 jobs'],
  ]);
  expect(stdout).toContain('3 of 3 jobs were not run again');
});

test('callers: the step, the lines of the report, and the exit code', async () => {
  const { code, result, stdout, stderr } = await rig.run(bootOk(), ...core, '--callers');
  expect(code, stderr).toBe(0);
  expect(result.callers).toContainEqual({ file: 'drivers/fake/user.c', status: 'PASS' });
  expect(stdout).toContain('callers that compile: drivers/fake/user.c');
  expect(stdout).toContain('SKIP   arch/powerpc/kvm/fake.c: is for another architecture, powerpc');
});

test('a type that the series renames keeps its suite and its coverage; a new one has none, loudly', async () => {
  const work = join(rig.dir, 'renaming');
  await cp(rig.tree, work, { recursive: true });
  const header = join(work, 'include/linux/memremap.h');
  const text = await readFile(header, 'utf8');
  await writeFile(
    header,
    text
      .replace('MEMORY_DEVICE_FS_DAX,', 'MEMORY_DEVICE_HOST,')
      .replace('PCI_P2PDMA,', 'PCI_P2PDMA,\n\tMEMORY_DEVICE_CXL,'),
  );
  await userGit(work, 'commit', '--quiet', '--all', '--message', 'mm: call it by what it is');
  const mbox = join(rig.dir, 'rename.mbox');
  await writeFile(mbox, `${await userGit(work, 'format-patch', '--stdout', '-1')}\n`);
  const { code, result, stdout, stderr } = await rig.run(bootOk(), '--suite', 'disk', mbox);
  expect(code, stderr).toBe(0);
  // The guest counts by the name that suites know.
  expect(result.types['MEMORY_DEVICE_HOST']).toEqual({
    ...{ was: 'MEMORY_DEVICE_FS_DAX', covered: true, mappings: 2, pages: 1024, suites: ['disk'] },
    status: 'PASS',
  });
  expect(Object.keys(result.types)).not.toContain('MEMORY_DEVICE_FS_DAX');
  expect(result.jobs[0]?.types).toEqual(['MEMORY_DEVICE_HOST']);
  expect(result.types['MEMORY_DEVICE_CXL']).toMatchObject({ isNew: true, covered: false });
  expect(stdout).toContain('MEMORY_DEVICE_HOST is what suites call MEMORY_DEVICE_FS_DAX');
  expect(stdout).toMatch(/^MEMORY_DEVICE_CXL .* NEW: NO SUITE IS FOR IT$/m);
  expect(stdout.trimEnd().split('\n').at(-1)).toContain('NO SUITE IS FOR MEMORY_DEVICE_CXL');
  expect(result.layout).toEqual([
    'enum memory_type:',
    '  - MEMORY_DEVICE_FS_DAX: 3',
    '  + MEMORY_DEVICE_HOST: 3',
    '  + MEMORY_DEVICE_CXL: 6',
  ]);
  expect(resultsSchema.safeParse(result).error?.issues).toBeUndefined();
});

test('--each without a series is a mistake of the command line', async () => {
  const { code, stderr } = await rig.pgmap(['run', '--tree', rig.tree, '--each']);
  expect([code, stderr]).toEqual([255, expect.stringContaining('there is none')]);
});
