// What is left to a QEMU that somebody broke out of.
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unprivileged } from './privileges.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-privileges-'));
  await writeFile(join(dir, 'kernel'), 'kernel', { mode: 0o600 });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

/** What a program says that is started as QEMU is. */
async function started(paths: readonly string[], argv: readonly string[]): Promise<string> {
  return execFileSync('setpriv', [...(await unprivileged(paths)), '--', ...argv], {
    encoding: 'utf8',
  });
}

test('it has no capability and gains none, and keeps its groups', async () => {
  const status = await started([join(dir, 'kernel')], ['cat', '/proc/self/status']);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
    expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'));
  if (isRoot) expect(status).toMatch(/^CapBnd:\t0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  const ours = execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' });
  const groups = /^Groups:.*$/m;
  expect(groups.exec(status)?.[0]).toBe(groups.exec(ours)?.[0]);
});

test('it reads what its owner may read', async () => {
  const file = join(dir, 'kernel');
  expect(await started([file], ['cat', file])).toBe('kernel');
});

test('a path that is not there is for QEMU to complain of', async () => {
  expect(await unprivileged([join(dir, 'nowhere/kernel')])).toEqual(await unprivileged([]));
});

// Somebody else's home, entered as root: sudo pgmap run --kernel ~/linux/arch/x86/boot/bzImage
test.skipIf(!isRoot)('behind a folder of somebody else it may pass it, and no more', async () => {
  const home = join(dir, 'home');
  await mkdir(home);
  await writeFile(join(home, 'kernel'), 'theirs');
  await chown(home, 12345, 12345);
  await chmod(home, 0o700);
  const file = join(home, 'kernel');
  expect(await started([file], ['cat', file])).toBe('theirs');
  const status = await started([file], ['cat', '/proc/self/status']);
  // CAP_DAC_OVERRIDE.
  expect(status).toMatch(/^CapEff:\t0+2$/m);
  expect(() =>
    execFileSync('setpriv', ['--bounding-set=-all', '--inh-caps=-all', 'cat', file], {
      stdio: 'pipe',
    }),
  ).toThrow(/Permission denied/);
});
