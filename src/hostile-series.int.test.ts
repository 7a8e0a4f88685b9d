// Series that attack whoever builds them, through the whole tool: real git, real make, real bubblewrap, a QEMU that plays along.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { userGit } from './testing/fakelinux/fakelinux.ts';
import { bootOk, type FinishedRun, newRig, type Rig } from './testing/rig.ts';
import { mboxOf } from './testing/series/make.ts';

let series = 0;

/** A series of one patch that gives files of the tree these contents. */
async function patchWith(rig: Rig, files: Readonly<Record<string, string>>): Promise<string> {
  const commit = await userGit(rig.tree, 'rev-parse', 'HEAD');
  const change = { subject: 'make it nicer', files: new Map(Object.entries(files)) };
  const file = join(rig.dir, `hostile-${++series}.mbox`);
  await writeFile(file, await mboxOf(join(rig.tree, '.git'), commit, [change]));
  return file;
}

/** The Makefile of the tree, with commands before those of a target. */
async function makefileWith(
  rig: Rig,
  target: string,
  ...commands: readonly string[]
): Promise<string> {
  const text = await readFile(join(rig.tree, 'Makefile'), 'utf8');
  const rule = new RegExp(`^${target}:.*$`, 'm');
  expect(text).toMatch(rule);
  return text.replace(rule, (line) => [line, ...commands.map((one) => `\t${one}`)].join('\n'));
}

const runWith = async (
  rig: Rig,
  commands: readonly string[],
  options: readonly string[] = [],
  target = 'bzImage',
): Promise<FinishedRun> =>
  rig.run(
    bootOk(),
    await patchWith(rig, { Makefile: await makefileWith(rig, target, ...commands) }),
    ...['--suite', 'core', '--baseline', 'none', ...options],
  );

const buildStep = ({ result }: FinishedRun) => result.steps.find(({ step }) => step === 'build');

/** Of whoever runs the tests. */
const keys = join(homedir(), '.ssh');

/** Processes of this host with a word on their command line. */
const processesWith = (word: string): string[] =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(word) && !line.includes('node'));

test.each<[string, (outside: string) => string, RegExp]>([
  ['reads the passwords', () => 'cat /etc/shadow', /cat: \/etc\/shadow: No such file/],
  [
    'reads ssh keys',
    () => `ls ${keys} /home`,
    new RegExp(`${keys.replaceAll('.', '\\.')}.*No such file`),
  ],
  [
    'writes outside',
    (outside) => `echo x >>${outside}`,
    /cannot create .*: (?:Directory nonexis|Read-only)/,
  ],
  ['writes into the tree', () => 'echo x >>mm/memremap.c', /Read-only file system/],
  [
    'opens a socket',
    () =>
      `perl -MIO::Socket::INET -e 'IO::Socket::INET->new("192.0.2.1:80") or die "socket: $$!\\n"'`,
    /socket: Operation not permitted/,
  ],
])('a Makefile that %s fails, and the report shows it', async (_, command, words) => {
  await using rig = await newRig();
  const outside = join(rig.project, 'pgmap-was-here');
  const one = await runWith(rig, [command(outside)]);
  expect(one.code, one.stdout).toBe(1);
  expect(buildStep(one)).toMatchObject({ status: 'FAIL', failure: { code: 'build-failed' } });
  expect(buildStep(one)?.failure?.detail).toMatch(words);
  expect(one.result.sandbox).toMatchObject({ on: true });
  for (const text of [one.stdout, await readFile(join(one.dir, 'report.txt'), 'utf8')]) {
    expect(text).toMatch(words);
    expect(text).toMatch(/^builds {2}sandboxed by bubblewrap/m);
  }
  expect(existsSync(outside)).toBe(false);
});

test('a Makefile that leaves a process behind fails, and the process is gone', async () => {
  await using rig = await newRig();
  const mark = `pgmap-stays-${process.pid}`;
  const one = await runWith(rig, [
    `setsid bash -c 'exec -a ${mark} sleep 300' </dev/null >/dev/null 2>&1 &`,
    'sleep 0.3',
  ]);
  expect(one.code, one.stdout).toBe(1);
  expect(buildStep(one)).toMatchObject({
    status: 'FAIL',
    failure: {
      blame: 'series',
      code: 'build-left-process',
      title: expect.stringContaining('sleep'),
    },
  });
  expect(one.stdout).toContain('left processes running');
  expect(processesWith(mark)).toEqual([]);
});

test('one that hides that it tries achieves nothing all the same', async () => {
  await using rig = await newRig();
  const heard: string[] = [];
  const server = createServer(() => heard.push('somebody'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const loot = '$(O)/loot';
  const one = await runWith(rig, [
    `cat /etc/shadow >${loot} 2>&1 || true`,
    `(echo x >${rig.project}/pgmap-quietly) 2>/dev/null || true`,
    `(echo hello >/dev/tcp/127.0.0.1/${port}) 2>/dev/null || bash -c 'echo hello >/dev/tcp/127.0.0.1/${port}' 2>/dev/null || true`,
  ]);
  server.close();
  expect(one.code, one.stderr).toBe(0);
  expect(one.result.sandbox?.on).toBe(true);
  expect(heard).toEqual([]);
  expect(existsSync(join(rig.project, 'pgmap-quietly'))).toBe(false);
  const [objects = ''] = readdirSync(join(rig.cache, 'objects')).filter((name) => !/\./.test(name));
  expect(await readFile(join(rig.cache, 'objects', objects, 'loot'), 'utf8')).not.toContain(
    'root:',
  );
});

test('without the sandbox it does what it likes, and the report says that there was none', async () => {
  await using rig = await newRig();
  const outside = join(rig.project, 'pgmap-unsandboxed');
  const one = await runWith(rig, [`echo x >>${outside}`], ['--sandbox', 'off']);
  expect(one.code, one.stderr).toBe(0);
  expect(existsSync(outside)).toBe(true);
  expect(one.result.sandbox).toEqual({ on: false, text: 'not sandboxed: --sandbox off' });
  expect(one.stdout).toMatch(/^builds {2}not sandboxed: --sandbox off$/m);
});

// Who reads what a build made is not in the sandbox.
test.each<[string, string, string]>([
  ['a kernel that is a link to a file of ours', 'modules_install', 'ln -sf $(SECRET) $(O)/vmlinux'],
  [
    'a folder that is a link',
    'modules_install',
    'mv $(O)/arch/x86/boot $(O)/b; ln -s /etc $(O)/arch/x86/boot; cp /dev/null /tmp/x',
  ],
  ['a pipe that nobody writes to', 'modules_install', 'rm $(O)/System.map; mkfifo $(O)/System.map'],
  [
    'modules that are a link',
    'headers_install',
    'mkdir -p $(INSTALL_HDR_PATH)/include; ln -s /etc $(INSTALL_HDR_PATH)/include/asm',
  ],
])('a build that gives us %s fails', async (_, target, command) => {
  await using rig = await newRig();
  const secret = join(rig.project, 'package.json');
  const one = await runWith(rig, [command.replace('$(SECRET)', secret)], [], target);
  expect(one.code, one.stdout).toBe(1);
  expect(buildStep(one)?.failure).toMatchObject({ blame: 'series', code: 'build-leads-out' });
});

test('our notes in the object folder are not to be had, and our log is no way out', async () => {
  await using rig = await newRig();
  const outside = join(rig.project, 'pgmap-log');
  const one = await runWith(rig, [
    `ln -sf ${outside} $(O)/pgmap-build.log; echo forged >$(O)/.pgmap-key; true`,
    'false',
  ]);
  expect(buildStep(one)?.failure?.detail).toMatch(/Read-only file system|Device or resource busy/);
  expect(existsSync(outside)).toBe(false);
});

test('filters, hooks and submodules of a series never run', async () => {
  await using rig = await newRig();
  const ran = join(rig.dir, 'pgmap-filter-ran');
  const tree = join(rig.dir, 'with-filters');
  await mkdir(tree);
  await userGit(rig.dir, 'clone', '--quiet', rig.tree, tree);
  // The user's own configuration knows the names that the series gives.
  for (const [name, value] of [
    ['filter.evil.smudge', `touch ${ran}; cat`],
    ['filter.evil.clean', `touch ${ran}; cat`],
    ['filter.evil.process', `touch ${ran}`],
    ['merge.evil.driver', `touch ${ran}`],
    ['diff.evil.textconv', `touch ${ran}; cat`],
    ['core.hooksPath', 'hooks'],
    ['submodule.recurse', 'true'],
  ] as const)
    await userGit(tree, 'config', name, value);
  const hook = `#!/bin/sh\ntouch ${ran}\n`;
  const file = await patchWith(rig, {
    '.gitattributes': '* filter=evil merge=evil diff=evil\n',
    '.gitmodules': `[submodule "x"]\n\tpath = mm/x\n\turl = ext::sh -c touch% ${ran}\n\tupdate = !touch ${ran}\n`,
    'hooks/post-checkout': hook,
    'hooks/pre-applypatch': hook,
    'mm/memremap.c': `${await readFile(join(rig.tree, 'mm/memremap.c'), 'utf8')}\n`,
  });
  const argv = [
    'run',
    '--tree',
    tree,
    '--accel',
    'tcg',
    '--suite',
    'core',
    '--baseline',
    'none',
    file,
  ];
  const done = await rig.pgmap(argv);
  expect(done.code, `${done.stdout}${done.stderr}`).toBe(0);
  expect(existsSync(ran)).toBe(false);
});

test('--sandbox on without bubblewrap: 255 with the line that mends it, and nothing begun', async () => {
  await using rig = await newRig();
  const bin = join(rig.dir, 'no-bwrap');
  await mkdir(bin);
  await writeFile(join(bin, 'bwrap'), '#!/bin/sh\necho "bwrap: not allowed here" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const env = { PATH: `${bin}:${process.env['PATH']}` };
  const out = join(rig.dir, 'never');
  for (const command of [['run', '--out', out], ['build']]) {
    const done = await rig.pgmap([...command, '--tree', rig.tree, '--sandbox', 'on'], { env });
    expect(done.code).toBe(255);
    expect(done.stderr).toContain('lab/no-sandbox');
    expect(done.stderr).toContain('bwrap: not allowed here');
    expect(done.stderr).toContain('apt-get install bubblewrap');
  }
  expect(existsSync(out)).toBe(false);
});
