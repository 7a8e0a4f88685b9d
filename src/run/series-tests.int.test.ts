// Which of upstream's tests run twice, with real git and the real compiler on a repository of three commits.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Suite } from '../core/suite.ts';
import { changedSelftests, seriesPrograms, selftestsOf } from './series-tests.ts';
import { atCommit, type Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { outputOf, run } from '../util/proc.ts';

const mm = 'tools/testing/selftests/mm';
const one = 'int main(void) { return 1; }\n';
/** What each commit writes on top of the one before it. */
const commits = {
  base: {
    [`${mm}/cow.c`]: '#include "vm_util.h"\nint main(void) { return NUMBER; }\n',
    [`${mm}/vm_util.h`]: '#define NUMBER 3\n',
    [`${mm}/gup_test.c`]: one,
    'mm/memremap.c': one,
  },
  elsewhere: { 'mm/memremap.c': '/* fixed */\n', [`${mm}/mremap_test.c`]: one },
  header: { [`${mm}/vm_util.h`]: '#define NUMBER 4\n' },
  broken: { [`${mm}/gup_test.c`]: '#include <no/such/header.h>\n' },
};
type Name = keyof typeof commits;

const suite: Suite = {
  ...{ name: 'suite', description: '', types: [], topologies: [], nightly: false },
  ...{ config: [], modules: [], tests: [], allow: [], append: [] },
  programs: ['cow', 'gup_test'].map((out) => ({
    ...{ out, sources: [], tree: [[`${mm}/${out}.c`]], flags: [] },
  })),
};

let scratch = '';
let ctx: Context;
const sources = new Map<Name, Source>();

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pgmap-series-tests-'));
  ctx = {
    ...{ cacheDir: join(scratch, 'cache'), cpus: 1, path: process.env['PATH'] ?? '' },
    ...{ signal: new AbortController().signal, onProgress: () => undefined },
  };
  const cwd = join(scratch, 'tree');
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@x', '-c', 'commit.gpgsign=false'];
  const git = (...argv: string[]): Promise<string> =>
    outputOf(['git', ...who, ...argv], { what: 'git', cwd });
  await mkdir(cwd);
  await git('init', '-q');
  for (const [name, files] of Object.entries(commits) as [Name, Record<string, string>][]) {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(cwd, path)), { recursive: true });
      await writeFile(join(cwd, path), text);
    }
    await git('add', '-A');
    await git('commit', '-q', '-m', name);
    const place = { subject: name, id: 'tree', gitDir: join(cwd, '.git'), commit: '', tree: '' };
    sources.set(name, await atCommit(place, (await git('rev-parse', 'HEAD')).trim(), ctx));
  }
  for (const name of ['suite', 'lib', 'headers']) await mkdir(join(scratch, name));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const source = (name: Name): Source => sources.get(name) ?? expect.fail(`no commit ${name}`);

async function between(before: Name, after: Name) {
  await using tree = selftestsOf(source(after), ctx);
  const from = {
    ...{ suiteDir: join(scratch, 'suite'), libDir: join(scratch, 'lib') },
    ...{ headersDir: join(scratch, 'headers'), kernelKey: after, treeDir: () => tree.dir() },
  };
  return await seriesPrograms(
    suite,
    await changedSelftests(source(before), source(after), ctx),
    from,
    ctx,
  );
}

test('a series that leaves the programs alone has none of its own, whatever else it changes', async () => {
  expect(await between('base', 'base')).toEqual({ changed: new Map() });
  expect(await between('base', 'elsewhere')).toEqual({ changed: new Map() });
});

test('a changed header makes a program of the series out of each that includes it', async () => {
  const { dir, changed } = await between('base', 'header');
  expect([...changed]).toEqual([['cow', undefined]]);
  expect(await readdir(dir ?? '')).toEqual(['cow']);
  expect((await run([join(dir ?? '', 'cow')])).code).toBe(4);
});

test('a version of the series that does not compile is known by its first error', async () => {
  const { dir, changed } = await between('header', 'broken');
  expect(dir).toBeUndefined();
  expect([...changed.keys()]).toEqual(['gup_test']);
  expect(changed.get('gup_test')).toContain('no/such/header.h');
});
