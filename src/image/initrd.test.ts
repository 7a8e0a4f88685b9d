import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Context } from '../util/context.ts';
import { keysLayer, modulesLayer, probeLayer, suitesLayer, writeInitrd } from './initrd.ts';

let dir: string;
let ctx: Context;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-initrd-'));
  ctx = {
    signal: new AbortController().signal,
    cacheDir: join(dir, 'cache'),
    cpus: 1,
    path: '/nowhere',
    onProgress: () => undefined,
  };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly data: string;
}

/** Members of concatenated newc archives, in the order in which the kernel unpacks them. */
function unpack(bytes: Uint8Array): Member[] {
  const buffer = Buffer.from(bytes);
  const members: Member[] = [];
  const aligned = (at: number): number => Math.ceil(at / 4) * 4;
  for (let at = 0; at < buffer.length;) {
    if (buffer[at] === 0) {
      at += 4;
      continue;
    }
    expect(buffer.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number): number =>
      Number.parseInt(buffer.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const path = buffer.toString('utf8', at + 110, at + 110 + nameSize - 1);
    const dataAt = aligned(at + 110 + nameSize);
    if (path !== 'TRAILER!!!')
      members.push({ path, mode, data: buffer.toString('utf8', dataAt, dataAt + size) });
    at = aligned(dataAt + size);
  }
  return members;
}

const files = (members: readonly Member[]): Record<string, string> =>
  Object.fromEntries(
    members.filter(({ mode }) => (mode & 0o170000) !== 0o040000).map((m) => [m.path, m.data]),
  );

async function suiteFolder(name: string): Promise<string> {
  const folder = join(dir, 'suites', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'suite.yaml'), 'name: x');
  await writeFile(join(folder, 'main.c'), 'int main;');
  await writeFile(join(folder, 'main.h'), '');
  await writeFile(join(folder, 'kernel.config'), 'CONFIG_X=y');
  await writeFile(join(folder, 'test.sh'), `#!/bin/sh ${name}`, { mode: 0o755 });
  return folder;
}

test('a suite goes along without its sources, with its programs', async () => {
  const programsDir = join(dir, 'programs');
  await mkdir(programsDir);
  await writeFile(join(programsDir, 'main'), 'ELF', { mode: 0o755 });
  const members = unpack(
    await suitesLayer([
      { name: 'a', dir: await suiteFolder('a'), programsDir },
      { name: 'b', dir: await suiteFolder('b') },
    ]),
  );
  expect(files(members)).toEqual({
    'pgmap/suites/a/main': 'ELF',
    'pgmap/suites/a/test.sh': '#!/bin/sh a',
    'pgmap/suites/b/test.sh': '#!/bin/sh b',
  });
  for (const { path, mode } of members)
    if (path.endsWith('.sh')) expect(mode & 0o777, path).toBe(0o755);
});

test('keys are for root alone', () => {
  const members = unpack(
    keysLayer({ authorized: 'ssh-ed25519 AAAA', hostPrivate: Buffer.from('h') }),
  );
  expect(files(members)).toEqual({
    'root/.ssh/authorized_keys': 'ssh-ed25519 AAAA',
    'etc/dropbear/host_key': 'h',
  });
  const modes = Object.fromEntries(members.map(({ path, mode }) => [path, mode & 0o777]));
  expect(modes).toMatchObject({
    root: 0o700,
    'root/.ssh': 0o700,
    'root/.ssh/authorized_keys': 0o600,
    'etc/dropbear/host_key': 0o600,
  });
});

test('the probe module lies where modprobe looks', async () => {
  await writeFile(join(dir, 'x.ko'), 'module');
  expect(files(unpack(await probeLayer(join(dir, 'x.ko'), '6.12.0-x')))).toEqual({
    'lib/modules/6.12.0-x/pgmap_probe.ko': 'module',
  });
});

test('modules come once per kernel key, without links into the build tree', async () => {
  const release = join(dir, 'modules/lib/modules/6.12.0');
  await mkdir(join(release, 'kernel/mm'), { recursive: true });
  await writeFile(join(release, 'kernel/mm/x.ko'), 'x');
  await writeFile(join(release, 'modules.dep'), 'dep');
  await symlink('/somewhere', join(release, 'build'));
  const first = await modulesLayer(join(dir, 'modules'), 'key1', ctx);
  expect(first.cached).toBe(false);
  expect(files(unpack(first.bytes))).toEqual({
    'lib/modules/6.12.0/kernel/mm/x.ko': 'x',
    'lib/modules/6.12.0/modules.dep': 'dep',
  });
  const again = await modulesLayer(join(dir, 'modules'), 'key1', ctx);
  expect(again).toMatchObject({ cached: true, key: first.key });
  expect(again.bytes.equals(first.bytes)).toBe(true);
  const other = await modulesLayer(join(dir, 'modules'), 'key2', ctx);
  expect(other.cached).toBe(false);
  expect(other.key).not.toBe(first.key);
});

test('a layer that cannot be made leaves nothing in the cache', async () => {
  await expect(modulesLayer(join(dir, 'nowhere'), 'key', ctx)).rejects.toThrow('ENOENT');
  expect(await readdir(join(ctx.cacheDir, 'images'))).toEqual([]);
});

test('layers are written one after the other; what comes later wins when unpacked', async () => {
  const path = join(dir, 'initrd.cpio');
  const first = keysLayer({ authorized: 'old', hostPrivate: Buffer.from('1') });
  const second = keysLayer({ authorized: 'new', hostPrivate: Buffer.from('2') });
  await writeInitrd(path, [first, second]);
  const bytes = await readFile(path);
  expect(bytes.equals(Buffer.concat([first, second]))).toBe(true);
  expect(files(unpack(bytes))).toEqual({
    'root/.ssh/authorized_keys': 'new',
    'etc/dropbear/host_key': '2',
  });
  // It holds the guest's host key.
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  // A second image in the same place replaces the first.
  await writeInitrd(path, [first]);
  expect((await readFile(path)).equals(first)).toBe(true);
});
