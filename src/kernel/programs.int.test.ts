// In-guest programs from a kernel tree, with the host's real compiler and a tree of four small files.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FailureError, type Failure } from '../core/failure.ts';
import type { Program } from '../core/suite.ts';
import type { Context } from '../util/context.ts';
import { run } from '../util/proc.ts';
import { ensurePrograms, filesOfTree, type ProgramSources } from './programs.ts';

let scratch = '';
let from: ProgramSources;
let ctx: Context;

const mm = 'tools/testing/selftests/mm';

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pgmap-programs-'));
  const tree = join(scratch, 'tree');
  const files = {
    [`${mm}/where.c`]:
      '#include "../kselftest.h"\nint main(void) { puts(__FILE__); return HELPER; }',
    [`${mm}/broken.c`]: 'int main(void) { return undeclared; }',
    [`${mm}/lone.c`]: 'int nowhere(void);\nint main(void) { return nowhere(); }',
    'tools/testing/selftests/kselftest.h': '#include <stdio.h>\n#define HELPER 0',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  from = {
    ...{ suiteDir: join(scratch, 'suite'), libDir: join(scratch, 'lib'), kernelKey: 'key' },
    ...{ headersDir: join(scratch, 'headers'), treeDir: () => Promise.resolve(tree) },
  };
  await mkdir(from.suiteDir);
  await mkdir(from.libDir);
  ctx = {
    ...{ cacheDir: join(scratch, 'cache'), cpus: 1, path: process.env['PATH'] ?? '' },
    ...{ signal: new AbortController().signal, onProgress: () => undefined },
  };
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const program = (...tree: string[]): Program => ({
  ...{ out: 'program', sources: [], flags: [] },
  tree: tree.map((path) => [path]),
});

const build = async (one: Program): Promise<string> => {
  const built = await ensurePrograms({ name: 'suite', programs: [one] }, from, ctx);
  return built?.dir ?? '';
};

const failureOf = async (one: Program): Promise<Failure> => {
  const error: unknown = await build(one).catch((thrown: unknown) => thrown);
  if (error instanceof FailureError) return error.failure;
  throw new Error('it did not fail');
};

test('__FILE__ is a name that is good in any folder', async () => {
  const dir = await build(program(`${mm}/where.c`));
  const { stdout } = await run([join(dir, 'program')]);
  expect(stdout).toBe('where.c\n');
});

test('what the tree lacks beside the test itself is done without', async () => {
  const dir = await build(program(`${mm}/where.c`, `${mm}/vm_util.c`));
  expect(await readdir(dir)).toEqual(['program']);
});

test('a test that the tree does not have is left out, whatever else is there', async () => {
  const dir = await build(program(`${mm}/cow.c`, `${mm}/where.c`));
  expect(await readdir(dir)).toEqual([]);
});

test('a program that does not compile is the fault of the test, with the first error', async () => {
  const failure = await failureOf(program(`${mm}/broken.c`));
  expect(failure).toMatchObject({ blame: 'test', code: 'program-does-not-build' });
  expect(failure.title).toContain('undeclared');
});

test('so is one that does not link', async () => {
  const failure = await failureOf(program(`${mm}/lone.c`));
  expect(failure).toMatchObject({ blame: 'test', code: 'program-does-not-build' });
  expect(failure.title).toContain('nowhere');
});

test('files of a program are its sources and the headers they include', async () => {
  const files = await filesOfTree(program(`${mm}/where.c`), from, ctx);
  expect(files?.toSorted()).toEqual(['tools/testing/selftests/kselftest.h', `${mm}/where.c`]);
  expect(await filesOfTree(program(`${mm}/cow.c`), from, ctx)).toBeUndefined();
});
