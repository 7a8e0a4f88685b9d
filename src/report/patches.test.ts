import { expect, test } from 'vitest';
import type { PatchInfo } from '../core/patch.ts';
import { fold, type RunResult } from '../core/result.ts';
import { palette } from './layout.ts';
import { callerLines, layoutLines, patchLines } from './patches.ts';

const paint = palette(false);
const result = (more: Partial<RunResult>): RunResult => ({ ...fold([]), ...more });
const patch = (number: number, more: Partial<PatchInfo>): PatchInfo => ({
  ...{ number, of: 4, title: `mm: change ${number}`, build: 'PASS', cached: false },
  ...{ newWarnings: [], fixedWarnings: [], otherWarnings: [], image: 'changed' },
  ...more,
});
const failure = { blame: 'series', code: 'build-failed', title: 'mm/a.c:1:2: error: x' } as const;

test('a line for each patch, and below it what is new', () => {
  const tests = { status: 'PASS', jobs: [], worse: [] } as const;
  const patches = [
    patch(1, { image: 'same', sameAs: 0, tests: { ...tests, what: 'as the base' } }),
    patch(2, { build: 'FAIL', image: 'none', failure }),
    patch(3, {
      newWarnings: ['mm/a.c: unused variable'],
      fixedWarnings: ['mm/b.c: unused variable'],
      tests: { ...tests, status: 'FAIL', worse: ['kmem > plugs'], what: '6 of 12 jobs' },
    }),
    // What FAILs, but does so on the base too, is not this patch's.
    patch(4, { tests: { ...tests, status: 'FAIL', what: 'all 12 jobs', folder: 'patches/4' } }),
  ];
  expect(patchLines(result({ patches }), paint, 120)).toEqual([
    'PASS   1/4  mm: change 1  same kernel as the base               as the base',
    'FAIL   2/4  mm: change 2  does not build (repaired by patch 3)',
    '           mm/a.c:1:2: error: x',
    'FAIL   3/4  mm: change 3  builds                                6 of 12 jobs',
    '           worse than the base: kmem > plugs',
    '           new warning: mm/a.c: unused variable',
    '           mended warning: mm/b.c: unused variable',
    'PASS   4/4  mm: change 4  builds                                all 12 jobs; nothing is worse than on the base',
  ]);
  expect(patchLines(result({}), paint, 100)).toEqual([]);
});

test('a hundred warnings are not all shown, and nothing of them moves a cursor', () => {
  const newWarnings = Array.from({ length: 100 }, (_, at) => `mm/a.c: \u001b[2J${at}`);
  const lines = patchLines(result({ patches: [patch(1, { newWarnings })] }), paint, 100);
  expect(lines).toHaveLength(12);
  expect(lines.at(-1)).toContain('new warning: 90 more');
  expect(lines.join('')).not.toContain('\u001b');
});

test('callers: what compiles in one line, the others with the reason', () => {
  const callers = [
    { file: 'a.c', status: 'PASS' },
    { file: 'b.c', status: 'FAIL', reason: 'b.c:1:1: error: x' },
    { file: 'c.c', status: 'SKIP', reason: 'is for another architecture, arm64' },
    { file: 'd.c', status: 'PASS' },
  ] as const;
  expect(callerLines(result({ callers }), paint, 100)).toEqual([
    'callers that compile: a.c, d.c',
    'FAIL   b.c: b.c:1:1: error: x',
    'SKIP   c.c: is for another architecture, arm64',
  ]);
  expect(callerLines(result({ callers: [] }), paint, 100)).toEqual([
    'callers: there are no others',
  ]);
  expect(callerLines(result({}), paint, 100)).toEqual([]);
});

test('the layout, only where it changes', () => {
  const layout = ['struct dev_pagemap, 8 -> 16 bytes:', '  + x: offset 8, 8 bytes'];
  expect(layoutLines(result({ layout }), 100)).toEqual(layout);
  expect(layoutLines(result({}), 100)).toEqual([]);
});
