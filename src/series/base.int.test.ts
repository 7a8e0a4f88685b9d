// What a report says of the commit that a series was put on.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patch, userGit } from '../testing/fakelinux/fakelinux.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;
/** The tree's first commit; HEAD is one further. */
let first: string;
let head: string;
beforeAll(async () => {
  rig = await newRig();
  first = await userGit(rig.tree, 'rev-parse', 'HEAD');
  await writeFile(join(rig.tree, 'mm/other.c'), 'int other;\n');
  await userGit(rig.tree, 'add', '--all');
  await userGit(rig.tree, 'commit', '--quiet', '--message', 'other');
  head = await userGit(rig.tree, 'rev-parse', 'HEAD');
});
afterAll(() => rig[Symbol.asyncDispose]());

/** A series that says its base, as git format-patch --base does. */
async function seriesOn(commit: string): Promise<string> {
  const file = join(rig.dir, `on-${commit.slice(0, 12)}.patch`);
  const text = await readFile(patch.applies, 'utf8');
  await writeFile(file, text.replace('\n-- \n', `\n\nbase-commit: ${commit}\n-- \n`));
  return file;
}

const options = ['--suite', 'core', '--baseline', 'none'];

test('its base-commit, and that it is that', async () => {
  const { result, stdout, code } = await rig.run(bootOk(), ...options, await seriesOn(first));
  expect(code, stdout).toBe(0);
  const short = first.slice(0, 12);
  expect(result.series).toMatchObject({ base: first, baseFrom: 'base-commit' });
  expect(result.subject).toBe(`linux at ${short}`);
  expect(stdout).toContain(`tested  linux at ${short}\n`);
  expect(stdout).toContain(`(1 patch on ${short}, its base-commit)`);
});

test('HEAD, and why not the base-commit', async () => {
  const unknown = '12'.repeat(20);
  const { result, stdout } = await rig.run(bootOk(), ...options, await seriesOn(unknown));
  expect(result.series).toMatchObject({ base: head, baseFrom: 'head' });
  expect(result.notes).toContain(
    `The series' base-commit ${unknown.slice(0, 12)} is not in linux: put on linux at ${head.slice(0, 12)}`,
  );
  expect(stdout).toContain(`(1 patch on ${head.slice(0, 12)})`);
});

test('--base', async () => {
  const series = await seriesOn(first);
  const { result, stdout } = await rig.run(bootOk(), ...options, '--base', 'HEAD', series);
  expect(result.series).toMatchObject({ base: head, baseFrom: 'option' });
  expect(stdout).toContain(`(1 patch on ${head.slice(0, 12)}, as --base says)`);
});
