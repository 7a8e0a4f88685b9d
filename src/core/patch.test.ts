import { expect, test } from 'vitest';
import { buildFailures, type PatchInfo, repairedBy, testFailures } from './patch.ts';
import type { Status } from './status.ts';

/** A patch per status of its build. */
const series = (...builds: readonly Status[]): PatchInfo[] =>
  builds.map((build, index) => ({
    ...{ number: index + 1, of: builds.length, title: `change ${index + 1}`, build, cached: false },
    ...{ newWarnings: [], fixedWarnings: [], otherWarnings: [] },
    image: build === 'PASS' ? 'changed' : 'none',
    ...(build === 'PASS'
      ? {}
      : { failure: { blame: 'series', code: 'build-failed', title: `mm/a.c:${index}: error` } }),
  }));

test.each([
  ['all build', series('PASS', 'PASS'), undefined],
  [
    'one is repaired',
    series('PASS', 'FAIL', 'PASS', 'PASS'),
    "patch 2/4 'change 2' does not build (repaired by patch 3)",
  ],
  ['none repairs it', series('PASS', 'FAIL'), "patch 2/2 'change 2' does not build"],
  [
    'several',
    series('FAIL', 'FAIL', 'PASS'),
    "patch 1/3 'change 1' does not build (repaired by patch 3), nor does 1 more",
  ],
  ['many', series('FAIL', 'FAIL', 'FAIL'), "patch 1/3 'change 1' does not build, nor do 2 more"],
  ['the base does not build either', series('MISS', 'MISS'), undefined],
])('builds: %s', (_, patches, title) => {
  expect(buildFailures(patches)?.title).toBe(title);
});

test('the failure blames the series and has the first error of each', () => {
  expect(buildFailures(series('FAIL', 'PASS', 'FAIL'))).toMatchObject({
    blame: 'series',
    code: 'patch-does-not-build',
    detail:
      "patch 1/3 'change 1' does not build (repaired by patch 2): mm/a.c:0: error\n" +
      "patch 3/3 'change 3' does not build: mm/a.c:2: error",
  });
});

test('only what comes later repairs', () => {
  const patches = series('PASS', 'FAIL', 'MISS', 'PASS');
  expect(patches.map((patch) => repairedBy(patches, patch)?.number)).toEqual([4, 4, 4, undefined]);
});

test('tests: the first patch that breaks one is named with it', () => {
  const [first, second] = series('PASS', 'PASS');
  if (first === undefined || second === undefined) throw new Error('two were made');
  const tests = { what: 'all 2 jobs', status: 'FAIL', jobs: [] } as const;
  expect(testFailures([first, second])).toBeUndefined();
  expect(testFailures([{ ...first, tests: { ...tests, worse: [] } }, second])).toBeUndefined();
  const broken = { ...second, tests: { ...tests, worse: ['kmem > a', 'kmem > b'] } };
  expect(testFailures([first, broken])).toMatchObject({
    blame: 'series',
    title: "patch 2/2 'change 2' breaks kmem > a",
    detail: "patch 2/2 'change 2'\n  kmem > a\n  kmem > b",
  });
});
