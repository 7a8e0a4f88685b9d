// The bench from its command line, on a kernel of a few files and a QEMU that plays along.
import { spawn } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeScenario } from '../testing/fake-qemu.ts';
import { patch } from '../testing/fakelinux/fakelinux.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;
let mutants: string;
beforeAll(async () => {
  rig = await newRig();
  mutants = join(rig.dir, 'mutants');
  await mkdir(mutants);
  const mail = await readFile(patch.applies, 'utf8');
  await writeFile(
    join(mutants, 'a-words.patch'),
    `Type: PRIVATE\n\n${mail.slice(mail.indexOf('diff --git'))}`,
  );
  await copyFile(patch.conflicts, join(mutants, 'b-conflicts.patch'));
});
afterAll(() => rig[Symbol.asyncDispose]());

async function bench(
  scenario: FakeScenario,
  ...more: readonly string[]
): Promise<{ code: number | null; stdout: string }> {
  const env = {
    PATH: `${await rig.qemu(scenario)}:${process.env['PATH']}`,
    HOME: join(rig.dir, 'home'),
    XDG_CACHE_HOME: join(rig.cache, '..'),
    XDG_STATE_HOME: join(rig.dir, 'state'),
  };
  const argv = [join(rig.project, 'dist/dev/mutants.js'), mutants, '--tree', rig.tree, ...more];
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout };
}

const failing = bootOk({
  match: 'run-test',
  stdout: 'TAP version 13\n1..1\nnot ok 1 - data is right\n',
});

test('red suites on the base: nothing counts', { timeout: 60_000 }, async () => {
  const { code, stdout } = await bench(failing);
  expect(code).toBe(1);
  expect(stdout).toContain('nothing counts');
  expect(stdout).not.toContain('a-words');
});

test(
  'a green base, a mutant missed, one that does not apply; then from the record',
  { timeout: 60_000 },
  async () => {
    const first = await bench(bootOk());
    expect(first.code).toBe(1);
    expect(first.stdout).toMatch(/^ {2}green$/m);
    expect(first.stdout).toMatch(/^1\/2 a-words: missed/m);
    expect(first.stdout).toMatch(/^2\/2 b-conflicts: not applied .*does not apply/m);
    // Nothing is run: with this QEMU, verdicts would be others.
    const second = await bench(failing);
    expect(second.code).toBe(1);
    expect(second.stdout).not.toContain('the unmodified source');
    expect(second.stdout).toMatch(/^1\/2 a-words: missed/m);
  },
);

test(
  'judged again it is caught, and then all of those asked for are',
  { timeout: 60_000 },
  async () => {
    const { code, stdout } = await bench(failing, '--again', '--only', 'a-words');
    expect(stdout).toMatch(/^a-words +PRIVATE +caught +yes/m);
    expect(code).toBe(0);
  },
);
