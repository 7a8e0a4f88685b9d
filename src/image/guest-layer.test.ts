import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CpioEntry } from './cpio.ts';
import { folderEntries, guestLayer, type Output, type Recipe } from './guest-layer.ts';

let dir: string;
let images: string;

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'pgmap-image-')));
  images = join(dir, 'images');
  await mkdir(join(images, 'lib'), { recursive: true });
  await writeFile(join(images, 'init'), '#!init');
  await writeFile(join(images, 'fstab'), 'proc /proc proc');
  await writeFile(join(images, 'lib/run-test'), '#!run-test');
  await writeFile(join(dir, 'static'), '\x7fELF static');
  await writeFile(join(dir, 'dynamic'), '\x7fELF … /lib64/ld-linux-x86-64.so.2');
  await writeFile(join(dir, 'libc.so.6'), 'libc');
  await writeFile(join(dir, 'ld-linux'), 'loader');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** busybox and ldd as they would answer on a host with `dir` for a root. */
const host =
  (applets: readonly string[], asked: string[][] = []): Output =>
  async (argv) => {
    asked.push([...argv]);
    if (argv[0] === '/bin/busybox') return applets.map((name) => `${name}\n`).join('');
    return [
      '\tlinux-vdso.so.1 (0x00007ffd1a5f2000)',
      `\tlibc.so.6 => ${dir}/libc.so.6 (0x00007f3c4c400000)`,
      `\t${dir}/ld-linux (0x00007f3c4c600000)`,
      '\tlibgone.so.1 => not found',
      '',
    ].join('\n');
  };

const recipe = (over: Partial<Recipe> = {}): Recipe => ({
  packages: ['busybox-static'],
  files: [],
  links: {},
  directories: [],
  ...over,
});

const byPath = (entries: readonly CpioEntry[]): Map<string, CpioEntry> =>
  new Map(entries.map((entry) => [entry.path, entry]));
const dataOf = (entry: CpioEntry | undefined): string =>
  entry?.kind === 'file' ? Buffer.from(entry.data).toString() : `no file: ${entry?.kind}`;

test('the recipe, the init script, our library and the accounts a guest needs', async () => {
  const entries = byPath(
    await guestLayer(
      recipe({
        files: [join(dir, 'static')],
        links: { '/sbin/x': '/bin/y' },
        directories: ['mnt'],
      }),
      images,
      host([]),
    ),
  );
  expect(dataOf(entries.get(join(dir, 'static')))).toBe('\x7fELF static');
  expect(entries.get('/sbin/x')).toEqual({ path: '/sbin/x', kind: 'symlink', target: '/bin/y' });
  expect(entries.get('mnt')).toEqual({ path: 'mnt', kind: 'directory' });
  expect(dataOf(entries.get('/init'))).toBe('#!init');
  expect(entries.get('/init')).toMatchObject({ mode: 0o755 });
  expect(dataOf(entries.get('/pgmap/lib/run-test'))).toBe('#!run-test');
  expect(dataOf(entries.get('/etc/fstab'))).toBe('proc /proc proc');
  expect(dataOf(entries.get('/etc/passwd'))).toMatch(/^root:x:0:0:/);
});

test('libraries of dynamic programs come along, and only theirs are asked for', async () => {
  const asked: string[][] = [];
  const files = [join(dir, 'static'), join(dir, 'dynamic')];
  const entries = byPath(await guestLayer(recipe({ files }), images, host([], asked)));
  expect(dataOf(entries.get(join(dir, 'libc.so.6')))).toBe('libc');
  expect(dataOf(entries.get(join(dir, 'ld-linux')))).toBe('loader');
  expect(asked.filter((argv) => argv[0] === 'ldd')).toEqual([['ldd', join(dir, 'dynamic')]]);
});

test('an applet never hides a real program, wherever in PATH that stands', async () => {
  const entries = byPath(
    await guestLayer(
      recipe({ links: { '/sbin/modprobe': '/bin/kmod', '/usr/bin/ndctl': '/x' } }),
      images,
      host(['bin/ls', 'sbin/modprobe', 'bin/modprobe', 'usr/sbin/ndctl', '']),
    ),
  );
  expect(entries.get('/bin/ls')).toMatchObject({ target: '/bin/busybox' });
  expect(entries.get('/sbin/modprobe')).toMatchObject({ target: '/bin/kmod' });
  expect(entries.has('/bin/modprobe')).toBe(false);
  expect(entries.has('/usr/sbin/ndctl')).toBe(false);
});

test('no path comes twice', async () => {
  const file = join(dir, 'libc.so.6');
  const entries = await guestLayer(
    recipe({ files: [join(dir, 'dynamic'), file] }),
    images,
    host(['bin/a', 'sbin/a2']),
  );
  const paths = entries.map((entry) => entry.path);
  expect(paths.filter((path, at) => paths.indexOf(path) !== at)).toEqual([]);
});

test('a file that this host lacks is named, and the host is to blame', async () => {
  const files = [join(dir, 'gone')];
  await expect(guestLayer(recipe({ files }), images, host([]))).rejects.toMatchObject({
    failure: {
      blame: 'lab',
      code: 'image-file-missing',
      title: expect.stringContaining(join(dir, 'gone')),
    },
  });
});

test('a folder as entries: modes, links as links, empty folders', async () => {
  const from = join(dir, 'from');
  await mkdir(join(from, 'a/empty'), { recursive: true });
  await writeFile(join(from, 'a/script'), 'x');
  await chmod(join(from, 'a/script'), 0o755);
  await writeFile(join(from, 'a/data'), 'y');
  await chmod(join(from, 'a/data'), 0o640);
  await symlink('../elsewhere', join(from, 'a/link'));
  const entries = await folderEntries(`${from}/`, '/to');
  expect(entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: '/to/a', kind: 'directory' },
    { path: '/to/a/data', kind: 'file', mode: 0o640, data: Buffer.from('y') },
    { path: '/to/a/empty', kind: 'directory' },
    { path: '/to/a/link', kind: 'symlink', target: '../elsewhere' },
    { path: '/to/a/script', kind: 'file', mode: 0o755, data: Buffer.from('x') },
  ]);
});
