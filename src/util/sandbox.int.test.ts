// What a program in the sandbox can do to its host, tried with the real bubblewrap.
import { execFileSync } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { run, type RunResult } from './proc.ts';
import { bubblewrap, inSandbox, leftRunning, type Room, type Sandbox } from './sandbox.ts';
import { chooseSandbox, trySandbox } from './sandbox-trial.ts';

const path = process.env['PATH'] ?? '/usr/bin:/bin';
const ctx = { path, signal: new AbortController().signal };
const sandbox = await trySandbox(ctx);

let dir: string;
let room: Room;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-sandbox-test-'));
  for (const name of ['source', 'objects']) await mkdir(join(dir, name));
  await writeFile(join(dir, 'secret'), 'sesame');
  await writeFile(join(dir, 'source/file'), 'text');
  await writeFile(join(dir, 'objects/mine'), 'mine');
  room = {
    reads: [join(dir, 'source')],
    writes: [join(dir, 'objects')],
    keeps: [join(dir, 'objects/mine')],
  };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const env = { PATH: path, LC_ALL: 'C' };

async function shell(script: string, options: { signal?: AbortSignal } = {}): Promise<RunResult> {
  const argv = await inSandbox(['bash', '-c', script], room, { path, sandbox: sandbox as Sandbox });
  return run(argv, { env, ...options });
}

test('there is a sandbox on this host', () => {
  expect(sandbox).toMatchObject({ name: expect.stringMatching(/^bubblewrap \d/) });
});

test('what is named is there, read or written, under its own name; nothing else is', async () => {
  const done = await shell(
    `cat ${dir}/source/file && echo new >${dir}/objects/new && ls ${dir} && ls /`,
  );
  expect(done.stderr).toBe('');
  expect(done.stdout.split(/\s+/)).toEqual(expect.arrayContaining(['usr', 'proc', 'dev', 'tmp']));
  expect(done.stdout).toMatch(/^textobjects\nsource\n/);
  for (const name of ['root', 'home', 'var', 'sys', 'run'])
    expect(done.stdout.split('\n'), name).not.toContain(name);
  // Ours afterwards, whoever it was inside.
  const made = await stat(join(dir, 'objects/new'));
  expect([made.uid, await readFile(join(dir, 'objects/new'), 'utf8')]).toEqual([
    process.getuid?.(),
    'new\n',
  ]);
});

test('what it writes to /tmp is gone with it', async () => {
  const name = `pgmap-written-${process.pid}`;
  const done = await shell(`echo x >/tmp/${name} && cat /tmp/${name}; echo x >${dir}/written`);
  expect(done.stdout).toBe('x\n');
  expect(await readdir(tmpdir())).not.toContain(name);
  expect((await readdir(dir)).sort()).toEqual(['objects', 'secret', 'source']);
});

test.each<[string, (at: string) => string]>([
  ['read the passwords', () => 'cat /etc/shadow'],
  ['read a home', () => `ls ${process.env['HOME'] ?? '/root'}`],
  ['read beside its folders', (at) => `cat ${at}/secret`],
  ['write into the sources', (at) => `echo x >${at}/source/file`],
  ['write what is kept', (at) => `echo x >${at}/objects/mine`],
  ['replace what is kept', (at) => `ln -sf /etc/passwd ${at}/objects/mine`],
  ['write to the system', () => 'echo x >/usr/bin/pgmap-was-here'],
  ['write to the root', () => 'echo x >/pgmap-was-here'],
  ['set a sysctl', () => 'echo x >/proc/sys/kernel/core_pattern'],
  ['change a device node', () => 'chmod 600 /dev/null'],
  ['make a program that runs as its owner', (at) => `chmod u+s ${at}/objects/x`],
  ['become root in a namespace of its own', () => 'unshare --user --map-root-user true'],
  ['mount', () => 'mount -t tmpfs x /tmp'],
  ['open a network socket', () => 'exec 3<>/dev/tcp/127.0.0.1/9'],
  [
    'open sockets of other kinds',
    () => `perl -MSocket -e 'socket(my $s, 16, SOCK_RAW, 0) or die "$!\\n"'`,
  ],
  [
    'reach the hypervisor, which no namespace prevents',
    () => `perl -MSocket -e 'socket(my $s, 40, SOCK_STREAM, 0) or die "$!\\n"'`,
  ],
  ['see our processes', () => `kill -0 ${process.pid}`],
])('it cannot %s', async (_, script) => {
  await writeFile(join(dir, 'objects/x'), '');
  const done = await shell(script(dir));
  expect(done.code, done.stdout).toBeGreaterThan(0);
  expect(done.code).not.toBe(leftRunning);
  expect(done.stderr).toMatch(
    /No such file|Read-only|Permission denied|not permitted|No space left|No such process|superuser|busy/,
  );
  expect((await readdir(dir)).sort()).toEqual(['objects', 'secret', 'source']);
  expect(await readFile(join(dir, 'source/file'), 'utf8')).toBe('text');
  expect(await readFile(join(dir, 'objects/mine'), 'utf8')).toBe('mine');
  expect((await stat(join(dir, 'objects/x'))).mode & 0o7777).toBe(0o644);
});

test('no listener of the host is reached, neither by port nor by path', async () => {
  const heard: string[] = [];
  const servers = [createServer(() => heard.push('port')), createServer(() => heard.push('path'))];
  const listen = (at: number, where: number | string): Promise<void> =>
    new Promise((resolve) => servers[at]?.listen(where, resolve));
  await listen(0, 0);
  await listen(1, join(dir, 'door'));
  const address = servers[0]?.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const done = await shell(`exec 3<>/dev/tcp/127.0.0.1/${port}; perl -MIO::Socket::UNIX -e \
    'IO::Socket::UNIX->new("${dir}/door") or die "$!\\n"'`);
  expect(done.code).not.toBe(0);
  expect(heard).toEqual([]);
  for (const server of servers) server.close();
});

test.skipIf(process.getuid?.() !== 0)('an ordinary user gets as much and no more', async () => {
  for (const folder of [dir, join(dir, 'objects')]) await chown(folder, 65_534, 65_534);
  const script = `id -u; cat ${dir}/source/file; touch ${dir}/objects/new; cat ${dir}/secret;
    echo x >${dir}/source/file; exec 3<>/dev/tcp/127.0.0.1/9`;
  const argv = await bubblewrap(['bash', '-c', script], room, { root: false }, '/usr/bin:/bin');
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--', ...argv];
  const done = await run(user, { env: { PATH: '/usr/sbin:/usr/bin:/bin', LC_ALL: 'C' }, cwd: '/' });
  expect(done.stdout).toBe('1000\ntext');
  expect(done.stderr).toMatch(/secret: No such file[^]*source\/file: Read-only[^]*not permitted/);
  expect((await stat(join(dir, 'objects/new'))).uid).toBe(65_534);
});

test('what it leaves running is told, and gone', async () => {
  const mark = `pgmap-left-${process.pid}`;
  const done = await shell(`setsid bash -c 'exec -a ${mark} sleep 300' </dev/null >/dev/null 2>&1 &
    while ! grep -q ${mark} /proc/[0-9]*/cmdline; do sleep 0.01; done`);
  expect(done.code).toBe(leftRunning);
  expect(done.stderr).toBe('pgmap: left running: sleep\n');
  expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(mark);
});

test('exit codes and signals come out', async () => {
  expect((await shell('exit 7')).code).toBe(7);
  expect((await shell('kill -SEGV $$')).code).toBe(128 + 11);
});

test('on a stop the program may tidy up, and then everything is gone', async () => {
  const stop = new AbortController();
  const mark = `pgmap-stop-${process.pid}`;
  const script = `trap 'echo tidy >${dir}/objects/tidy; exit 1' TERM
    bash -c 'trap "" TERM; exec -a ${mark} sleep 300' & echo up >${dir}/objects/up; wait`;
  const running = shell(script, { signal: stop.signal });
  const isUp = async (): Promise<boolean> => (await readdir(room.writes[0] ?? '')).includes('up');
  while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 10));
  stop.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(await readFile(join(dir, 'objects/tidy'), 'utf8')).toBe('tidy\n');
  expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(mark);
});

test('without it, on is refused with the line that mends it, and auto says why', async () => {
  const without = { ...ctx, path: join(dir, 'objects') };
  expect(await chooseSandbox('auto', without)).toEqual({
    info: {
      on: false,
      text: 'not sandboxed: bubblewrap is not installed (apt-get install bubblewrap)',
    },
  });
  await expect(chooseSandbox('on', without)).rejects.toMatchObject({
    failure: {
      blame: 'lab',
      code: 'no-sandbox',
      hint: expect.stringContaining('apt-get install bubblewrap'),
    },
  });
  expect((await chooseSandbox('off', ctx)).sandbox).toBeUndefined();
});

test('a bubblewrap that may not work is as good as none, and its words are the reason', async () => {
  const bin = join(dir, 'objects');
  const words = 'bwrap: No permissions to create a new namespace';
  await writeFile(join(bin, 'bwrap'), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, { mode: 0o755 });
  const { info } = await chooseSandbox('auto', { ...ctx, path: `${bin}:${path}` });
  expect(info).toEqual({
    on: false,
    text: `not sandboxed: bubblewrap does not work here (${words})`,
  });
  await expect(chooseSandbox('on', { ...ctx, path: `${bin}:${path}` })).rejects.toThrow(
    FailureError,
  );
});
