// --type auto, and the lists of what tests enter, through the whole command.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reachPath, reachText } from '../config/reach.ts';
import { patch } from '../testing/fakelinux/fakelinux.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await newRig();
  const watched = { 'mm/memremap.c': ['memremap_pages', 'nobody'], 'mm/other.c': ['other'] };
  const [ours, other] = [{ 'mm/memremap.c': ['memremap_pages'] }, { 'mm/other.c': ['other'] }];
  await writeFile(
    reachPath(rig.project),
    reachText({
      ...{ release: '6.12.117', recordings: 1, watched, headers: {} },
      jobs: {
        'core@small': { boot: {}, tests: { one: ours, two: other } },
        'disk@disk': { boot: {}, tests: { only: other } },
      },
    }),
  );
}, 60_000);
afterAll(() => rig[Symbol.asyncDispose]());

const testsOf = (result: {
  jobs: readonly { id: string; tests: readonly { path: readonly string[] }[] }[];
}) =>
  Object.fromEntries(
    result.jobs.map(({ id, tests }) => [
      id,
      [...new Set(tests.map(({ path }) => path[1] ?? ''))].sort(),
    ]),
  );

test('--type auto runs what the series reaches, what was never recorded, and a test of each type', async () => {
  const suites = ['--suite', 'core', '--suite', 'disk'];
  const { result, stdout } = await rig.run(bootOk(), patch.applies, '--type', 'auto', ...suites);
  expect(testsOf(result)).toEqual({
    'core@small': ['later', 'one', 'poisoned'],
    'disk@disk': ['only'],
  });
  // Reached before the other, although that is as long.
  expect(result.jobs.map(({ id }) => id)).toEqual(['core@small', 'disk@disk']);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
    '--type auto left out what does not enter the changed functions of mm/memremap.c, as recorded on 6.12.117; one short test of each memory type runs anyhow: 1 of 4 tests of core@small',
  );
  // It builds a small kernel twice.
}, 120_000);

test('--type auto without a series', async () => {
  const { code, stderr } = await rig.pgmap(['run', '--tree', rig.tree, '--type', 'auto']);
  expect(code).toBe(255);
  expect(stderr).toContain('--type auto goes by what a series changes');
});

test('list: how much tests enter, who enters a function, and what nobody enters', async () => {
  const list = async (...argv: string[]) => (await rig.pgmap(['list', ...argv])).stdout;
  expect(await list('tests')).toMatch(/^private +core > one +1 functions$/m);
  expect(await list('functions', 'memremap_pages')).toBe(
    'mm/memremap.c  memremap_pages  core@small > one\n',
  );
  expect(await list('functions')).toBe('mm/memremap.c  nobody  entered by no test\n');
  const { code, stderr } = await rig.pgmap(['list', 'functions', 'memremap_page']);
  expect(code).toBe(255);
  expect(stderr).toContain("'memremap_page' is none of the functions");
});
