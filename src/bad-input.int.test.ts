// What users and hosts get wrong: one screen that says what, the right exit code, and nothing half-made in the caches.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunResult } from './core/result.ts';
import { userGit } from './testing/fakelinux/fakelinux.ts';
import { bootOk, type Finished, newRig, type Rig } from './testing/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** Nothing on standard output, a few lines on standard error with the code and every part. */
function expectComplaint(finished: Finished, code: number, parts: readonly string[]): void {
  const { stderr } = finished;
  expect([finished.code, finished.stdout], stderr).toEqual([code, '']);
  for (const part of parts) expect(stderr).toContain(part);
  expect(stderr.split('\n').length).toBeLessThan(40);
  expect(stderr).not.toMatch(/\n\s+at .*\.js:\d+/);
}

test.concurrent.each<[string, string[], string[]]>([
  ['an unknown command', ['rnu'], ['run']],
  ['an unknown option', ['run', '--tre', '.'], ['tre']],
  ['an option without its value', ['run', '--suite'], ['suite']],
  ['two sources', ['run', '--tree', '.', '--source', 'distro'], ['tree', 'source']],
  ['--each of a kernel that is built', ['run', '--kernel', 'x', '--each'], ['kernel', 'each']],
  ['--kernel, of a suite', ['run', '--kernel', 'x', '--suite', 'coer'], ['usage/unknown-suite']],
  ['an unknown source', ['run', '--source', 'fedora'], ['usage/bad-source', 'distro:6.12']],
  ['--base without --tree', ['run', '--base', 'v6.12'], ['usage/bad-source', '--tree']],
  ['no such run', ['report', '2026-01-01T000000-none'], ['usage/no-run', 'list runs']],
  ['no such console log', ['splats', 'nowhere.log'], ['usage/unreadable', 'nowhere.log']],
  ['an option twice', ['run', '--out', 'a', '--out', 'b'], ['usage/given-twice', '--out b']],
  ['a choice twice', ['run', '--variant', 'kasan', '--variant', 'ubsan'], ['given-twice']],
  ['a number twice', ['run', '--jobs', '1', '--jobs', '2'], ['--jobs takes a whole number']],
  ['a format twice', ['report', 'x', '--format', 'tap', '--format', 'json'], ['--format json']],
  ['a strange age', ['clean', '--older-than', 'yesterday'], ['usage/bad-duration', 'yesterday']],
])('%s: 255', async (_, argv, parts) => {
  expectComplaint(await rig.pgmap(argv), 255, parts);
});

test('unknown suite, topology, test: 255 with a near name, and nothing written', async () => {
  await using own = await newRig();
  const rows: [string[], string[]][] = [
    [
      ['--suite', 'coer'],
      ['usage/unknown-suite', "Did you mean 'core'?", 'There are: core, disk'],
    ],
    [
      ['--topology', 'smal'],
      ['usage/unknown-topology', "Did you mean 'small'?"],
    ],
    [
      ['--test', 'core > on'],
      ['usage/unknown-test', "Did you mean 'one'?"],
    ],
  ];
  for (const [options, parts] of rows)
    for (const mode of [[], ['--dry-run']])
      expectComplaint(
        await own.pgmap(['run', '--tree', own.tree, ...options, ...mode]),
        255,
        parts,
      );
  expect(await own.written()).toEqual([]);
});

test.concurrent('an unknown type: 255 with a near name, no run, no kernel', async () => {
  await using own = await newRig();
  const finished = await own.pgmap(['run', '--tree', own.tree, '--type', 'privat']);
  expectComplaint(finished, 255, ['usage/unknown-type', "Did you mean 'MEMORY_DEVICE_PRIVATE'?"]);
  // Types are read from the tree, which makes our own repository beside it: whole, or not at all.
  const written = await own.written();
  expect(written.filter((path) => !/^cache\/pgmap(\/git(\/.*)?)?$/.test(path))).toEqual([]);
  expect(written.filter((path) => path.includes('.pgmap-tmp-'))).toEqual([]);
});

test.concurrent('what is left after narrowing down is nothing: 255', async () => {
  const argv = ['run', '--tree', rig.tree, '--suite', 'core', '--type', 'coherent'];
  expectComplaint(await rig.pgmap(argv), 255, ['usage/nothing-to-run', 'list suites']);
});

test('trees that are none: 255', async () => {
  const at = (name: string): string => join(rig.dir, name);
  mkdirSync(at('empty'));
  mkdirSync(at('other'));
  await userGit(at('other'), 'init', '--quiet');
  writeFileSync(join(at('other'), 'README'), 'no kernel');
  await userGit(at('other'), 'add', '--all');
  await userGit(at('other'), 'commit', '--quiet', '--message', 'x');
  mkdirSync(at('unborn'));
  await userGit(at('unborn'), 'init', '--quiet');
  const rows: [string, string[]][] = [
    [at('nowhere'), ['usage/not-a-git-tree', 'nowhere']],
    [at('empty'), ['usage/not-a-git-tree', 'git -C']],
    [at('other'), ['usage/not-a-kernel-tree', 'Kconfig']],
    [at('unborn'), ['usage/unknown-revision']],
    [join(rig.tree, 'mm'), ['usage/not-a-kernel-tree']],
  ];
  for (const [tree, parts] of rows)
    expectComplaint(await rig.pgmap(['run', '--tree', tree]), 255, parts);
  const base = await rig.pgmap(['run', '--tree', rig.tree, '--base', 'v9.99']);
  expectComplaint(base, 255, ['usage/unknown-revision', 'v9.99']);
});

test.concurrent('mistakes in YAML are named with file, line and column: 255', async () => {
  await using own = await newRig();
  const file = join(own.project, 'configs/topologies/small.yaml');
  const good = await readFile(file, 'utf8');
  for (const [text, parts] of [
    [good.replace('64M', 'much'), ['usage/bad-yaml', 'small.yaml:3:9', 'memory']],
    [`${good}machnie: {}\n`, ['usage/bad-yaml', 'small.yaml:4:1', 'machnie']],
    ['name: [small\n', ['usage/bad-yaml', 'small.yaml:']],
  ] as const) {
    await writeFile(file, text);
    expectComplaint(await own.pgmap(['run', '--tree', own.tree]), 255, parts);
    expectComplaint(await own.pgmap(['list', 'topologies']), 255, parts);
  }
  expect(await own.written()).toEqual([]);
});

test('--out that is taken: 255, and what is there stays', async () => {
  const run = (out: string): Promise<Finished> =>
    rig.pgmap(['run', '--tree', rig.tree, '--suite', 'core', '--accel', 'tcg', '--out', out]);
  const at = (name: string): string => join(rig.dir, name);
  expect((await run(at('once'))).code).toBe(0);
  const before = await readFile(join(at('once'), 'events.ndjson'), 'utf8');
  expectComplaint(await run(at('once')), 255, ['usage/run-exists', '--out']);
  expect(await readFile(join(at('once'), 'events.ndjson'), 'utf8')).toBe(before);
  mkdirSync(at('home'));
  writeFileSync(join(at('home'), 'letter'), 'dear');
  expectComplaint(await run(at('home')), 255, ['usage/out-not-empty']);
  expect(readdirSync(at('home'))).toEqual(['letter']);
  writeFileSync(at('file'), 'x');
  expectComplaint(await run(at('file')), 255, ['usage/out-unusable']);
});

/** A run that was begun and then could not go on: its report says so. */
const stopped = async (
  own: Rig,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished & { failure: RunResult['steps'][number]['failure'] }> => {
  const finished = await own.pgmap(['run', '--tree', own.tree, '--format', 'json', ...argv], {
    env,
  });
  const result = JSON.parse(finished.stdout) as RunResult;
  expect(result.status).toBe('MISS');
  return { ...finished, failure: result.steps.find((step) => step.status === 'MISS')?.failure };
};

test.concurrent('series and fragments that are not there or hold nothing: 255', async () => {
  writeFileSync(join(rig.dir, 'empty.config'), '# nothing\n');
  writeFileSync(join(rig.dir, 'empty.patch'), '');
  for (const [argv, code] of [
    [['nowhere.patch'], 'no-series'],
    [['empty.patch'], 'empty-series'],
    [['--config', 'nowhere.config'], 'unreadable'],
    [['--config', 'empty.config'], 'bad-fragment'],
  ] as const) {
    const { code: exit, failure } = await stopped(rig, argv);
    expect([exit, failure?.blame, failure?.code]).toEqual([255, 'usage', code]);
    expect(failure?.title).toContain(argv.at(-1));
  }
});

const newFile = (path: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\nindex 0000000..587be6b\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;
const mailed = (tag: string, title: string, path: string): string =>
  `From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: Ann Author <ann@example.org>\nDate: Fri, 2 Jan 2026 12:00:00 +0000\nSubject: [PATCH ${tag}] ${title}\n\nText.\n---\n${newFile(path)}-- \n2.0\n\n`;
const link = (target: string): string =>
  mailed('1/2', 'a link', 'mm/link')
    .replace('100644', '120000')
    .replace('+x', `+${target}\n\\ No newline at end of file`);

// What is no series: 255. A series that cannot be taken: 1.
test.concurrent.each<[string, string | Buffer, number, string, string]>([
  ['no mbox', 'Dear all,\n\nsee you.\n', 255, 'usage/empty-series', 'bad.mbox'],
  ['a program', Buffer.from('\x7fELF\0\0'), 255, 'usage/not-a-series', 'NUL'],
  [
    'a missing patch',
    mailed('1/3', 'one', 'a') + mailed('3/3', 'three', 'c'),
    255,
    'usage/patch-missing',
    'Patch 2 of 3',
  ],
  [
    'a number twice',
    mailed('1/2', 'one', 'a') + mailed('1/2', 'another', 'b') + mailed('2/2', 'two', 'c'),
    255,
    'usage/patch-duplicate',
    "'one' and 'another'",
  ],
  [
    'a path out of the tree',
    mailed('', 'be nice', '../../etc/passwd'),
    1,
    'series/patch-outside-tree',
    '../../etc/passwd',
  ],
  [
    'a link out of the tree, and a file behind it',
    link('/tmp') + mailed('2/2', 'behind it', 'mm/link/pgmap-was-here'),
    1,
    'series/patch-',
    'mm/link',
  ],
  [
    'a patch cut in the middle',
    mailed('', 'cut', 'a').replace('+x\n', '').replace('@@ -0,0 +1 @@', '@@ -0,0 +1,7 @@'),
    1,
    'series/patch-malformed',
    "'cut'",
  ],
])('a series with %s: named, and nothing is left behind', async (_, content, exit, code, part) => {
  await using own = await newRig();
  await writeFile(join(own.dir, 'bad.mbox'), content);
  const argv = ['run', '--tree', own.tree, '--suite', 'core', '--format', 'json', 'bad.mbox'];
  const head = await userGit(own.tree, 'rev-parse', 'HEAD');
  const finished = await own.pgmap(argv);
  const result = JSON.parse(finished.stdout) as RunResult;
  const apply = result.steps.find((step) => step.step === 'apply');
  expect(finished.code, finished.stdout).toBe(exit);
  expect(`${apply?.failure?.blame}/${apply?.failure?.code}`).toContain(code);
  expect(apply?.failure?.title).toContain(part);
  expect(result.steps.map((step) => step.step)).toEqual(['apply']);
  expect(await userGit(own.tree, 'status', '--porcelain')).toBe('');
  expect(await userGit(own.tree, 'rev-parse', 'HEAD')).toBe(head);
  const written = await own.written();
  expect(written.filter((path) => /\.pgmap-tmp-|\/series\/|\/kernels\//.test(path))).toEqual([]);
  expect(existsSync('/tmp/pgmap-was-here')).toBe(false);
});

test.concurrent('a series of 200 MB: 255 before it is read', async () => {
  await using own = await newRig();
  const file = join(own.dir, 'large.mbox');
  writeFileSync(file, '');
  truncateSync(file, 200 * 10 ** 6);
  const { code, failure } = await stopped(own, [file]);
  expect([code, failure?.blame, failure?.code]).toEqual([255, 'usage', 'series-too-large']);
  expect(failure?.title).toContain('64 MiB');
});

test.concurrent(
  'a message id where b4 is not installed: 255 with the line that mends it',
  async () => {
    await using own = await newRig();
    const env = { PATH: programsWithout(own, /^b4$/) };
    for (const id of [
      '<20260102.1@example.org>',
      'https://lore.kernel.org/all/20260102.1@example.org/',
    ]) {
      const { code, failure } = await stopped(own, ['--suite', 'core', id], env);
      expect([code, failure?.blame, failure?.code]).toEqual([255, 'lab', 'program-missing']);
      expect(failure).toMatchObject({
        title: expect.stringContaining('b4'),
        hint: 'apt install b4',
      });
    }
  },
);

/** A folder with every program of this host but those whose names match. */
function programsWithout(own: Rig, pattern: RegExp): string {
  const bin = join(own.dir, 'programs');
  mkdirSync(bin);
  for (const folder of ['/usr/bin', '/bin', '/usr/sbin', '/sbin'])
    for (const name of readdirSync(folder))
      if (!pattern.test(name) && !existsSync(join(bin, name)))
        try {
          symlinkSync(join(folder, name), join(bin, name));
        } catch {
          // A link to nowhere of that name is there already.
        }
  return bin;
}

test.concurrent('QEMU is not installed: 255 with the line that mends it', async () => {
  await using own = await newRig();
  const env = { PATH: programsWithout(own, /^qemu-/) };
  const { code, failure } = await stopped(own, ['--suite', 'core', '--accel', 'tcg'], env);
  expect([code, failure?.blame, failure?.code]).toEqual([255, 'lab', 'qemu-missing']);
  expect(failure?.hint).toContain('qemu-system-x86');
});

test.concurrent('a compiler is not installed: 255 with the line that mends it', async () => {
  await using own = await newRig();
  const env = { PATH: `${await own.qemu(bootOk())}:${programsWithout(own, /^(gcc|cc)$/)}` };
  const { code, failure } = await stopped(own, ['--suite', 'core'], env);
  expect([code, failure?.blame, failure?.code]).toEqual([255, 'lab', 'program-missing']);
  expect(failure).toMatchObject({ title: 'gcc is not installed', hint: 'apt install gcc' });
});

test.concurrent('no network for apt: 255, with what apt said and no more', async () => {
  await using own = await newRig();
  const bin = await own.qemu(bootOk());
  const apt = [
    '#!/bin/sh',
    "echo 'Ign:1 http://deb.example/debian stable InRelease'",
    "echo 'Err:1 http://deb.example/debian stable InRelease'",
    'echo "E: Failed to fetch http://deb.example/debian: Could not resolve host" >&2',
    'exit 100',
  ];
  writeFileSync(join(bin, 'apt-get'), `${apt.join('\n')}\n`);
  chmodSync(join(bin, 'apt-get'), 0o755);
  // Never the real one, whoever runs this.
  writeFileSync(join(bin, 'sudo'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await writeFile(
    join(own.project, 'configs/host.yaml'),
    'packages: [{ name: pgmap-no-such-package, why: for this test }]\n',
  );
  const env = { PATH: `${bin}:${process.env['PATH']}` };
  const root = process.getuid?.() === 0;
  expectComplaint(
    await own.pgmap(['doctor', '--install'], { env }),
    255,
    root ? ['lab/apt-failed', 'Could not resolve host'] : ['lab/packages-missing', 'sudo'],
  );
  // Without --install it names the line and installs nothing.
  const told = await own.pgmap(['doctor'], { env });
  expect(told.code).toBe(255);
  expect(told.stdout).toMatch(/apt-get install .*pgmap-no-such-package/);
});

/** Runs `use` with a file system of so many KiB at `dir`. Only root can mount. */
async function withSmallDisk(dir: string, kib: number, use: () => Promise<void>): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const mount = ['-t', 'tmpfs', '-o', `size=${kib}k`, 'pgmap-test', dir];
  expect(spawnSync('mount', mount, { encoding: 'utf8' }).stderr).toBe('');
  try {
    await use();
  } finally {
    expect(spawnSync('umount', [dir]).status).toBe(0);
  }
}

const canMount =
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'x', '/mnt']).status === 0;

// Too small for a kernel, and for the guest's image; mounting takes root.
test.skipIf(!canMount).concurrent.each([300, 1500])(
  'a cache on a disk of %i KiB: 255, and only whole things stay in it',
  async (kib) => {
    await using own = await newRig();
    const cache = join(own.dir, 'cache');
    await withSmallDisk(cache, kib, async () => {
      const out = join(own.dir, 'out');
      const finished = await own.pgmap(['run', '--tree', own.tree, '--accel', 'tcg', '--out', out]);
      expect(finished.code, finished.stderr).toBe(255);
      expect(`${finished.stdout}${finished.stderr}`).toContain('disk-full');
      expect(finished.stdout + finished.stderr).toContain('pgmap clean');
      const written = await own.written();
      expect(written.filter((path) => path.includes('.pgmap-tmp-'))).toEqual([]);
      for (const kernel of written.filter((path) => /^cache\/pgmap\/kernels\/[^/]+$/.test(path)))
        if (!kernel.includes('-probe-'))
          for (const name of ['bzImage', 'config', 'manifest.json'])
            expect(written).toContain(join(kernel, name));
      for (const image of written.filter((path) => /^cache\/pgmap\/images\/[^/]+$/.test(path)))
        expect(written.filter((path) => path.startsWith(image)).length).toBeGreaterThan(1);
    });
    // With space it works, from whatever was left.
    const again = await own.pgmap(['run', '--tree', own.tree, '--accel', 'tcg', '--suite', 'core']);
    expect(again.code, again.stderr).toBe(0);
  },
);

test.skipIf(!canMount).concurrent('a run folder on a full disk: 255', async () => {
  await using own = await newRig();
  const disk = join(own.dir, 'small');
  await withSmallDisk(disk, 16, async () => {
    const argv = ['run', '--tree', own.tree, '--accel', 'tcg', '--out', join(disk, 'run')];
    const finished = await own.pgmap(argv);
    expect(finished.code, finished.stderr).toBe(255);
    expect(finished.stdout + finished.stderr).toContain('disk-full');
  });
});
