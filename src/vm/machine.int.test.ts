// Machines from start to end: the real spawn path, with dist/testing/fake-qemu.js in place of QEMU. `tsc` comes first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import type { Topology } from '../core/topology.ts';
import type { FakeScenario } from '../testing/fake-qemu.ts';
import { plug, resize, unplug } from './hotplug.ts';
import { diedFailure, type MachineSpec, startMachine } from './machine.ts';
import { chooseAccel, missingFor, qemuFacts } from './probe.ts';

const dist = join(import.meta.dirname, '../../dist');
const never = new AbortController().signal;
const topology: Topology = {
  name: 'small',
  description: 'one of each that has a file',
  cpus: 1,
  memory: '256M',
  slots: 2,
  maxmem: '2G',
  machine: { nvdimm: 'on' },
  nodes: [],
  append: [],
  devices: [
    { type: 'nvdimm', id: 'nv0', size: '256M', label: '128K' },
    { type: 'nvme', id: 'disk0', size: '64M' },
  ],
  hotplug: [{ type: 'virtio-mem', id: 'vmem0', size: '256M', requested: '0' }],
  config: [],
  modules: [],
  signs: [],
};

let dir: string;
let spec: MachineSpec;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-int-'));
  await mkdir(join(dir, 'tmp'));
  await writeFile(join(dir, 'bzImage'), 'kernel');
  await writeFile(
    join(dir, 'qemu-system-x86_64'),
    `#!/bin/sh\nexec ${commandLine([process.execPath, join(dist, 'testing/fake-qemu.js')])} "$@"\n`,
  );
  await chmod(join(dir, 'qemu-system-x86_64'), 0o755);
  vi.stubEnv('PATH', `${dir}:${process.env['PATH']}`);
  vi.stubEnv('TMPDIR', join(dir, 'tmp'));
  spec = {
    qemu: 'qemu-system-x86_64',
    topology,
    kernel: join(dir, 'bzImage'),
    append: ['quiet'],
    accel: 'tcg',
    dir,
    backingDir: join(dir, 'backing'),
  };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

async function scenario(value: FakeScenario): Promise<void> {
  await writeFile(join(dir, 'scenario.json'), JSON.stringify(value));
  vi.stubEnv('PGMAP_FAKE_QEMU', join(dir, 'scenario.json'));
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof FailureError) return `${error.failure.blame}/${error.failure.code}`;
    throw error;
  }
  return 'no failure';
};

const start = (qemu: string): Promise<unknown> =>
  startMachine({ ...spec, qemu }, { signal: never });

/** Nothing of a machine is left: no socket folder, no backing file. */
async function expectClean(): Promise<void> {
  expect(await readdir(join(dir, 'tmp'))).toEqual([]);
  if (existsSync(spec.backingDir)) expect(await readdir(spec.backingDir)).toEqual([]);
}

/** A zombie is gone: whoever inherits orphans may take its time to reap them. @see proc(5) stat */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function expectGone(pid: number): Promise<void> {
  for (let i = 0; i < 200 && isAlive(pid); i++) await sleep(10);
  expect(isAlive(pid)).toBe(false);
}

/** Runs one command in the fake guest; `undefined` when the connection goes before an exit status. */
function ask(port: number, command: string): Promise<{ code: number; stdout: string } | undefined> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    // Once it was there, a connection that is cut is what this wants to know.
    client.once('error', reject).on('ready', () =>
      client
        .off('error', reject)
        .on('error', () => undefined)
        .exec(command, (error, stream) => {
          if (error) return reject(error);
          let stdout = '';
          let code: number | undefined;
          stream.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
          stream.on('exit', (value: number) => (code = value));
          stream.on('close', () => {
            client.end();
            resolve(code === undefined ? undefined : { code, stdout });
          });
          stream.end();
        }),
    );
    client.connect({ host: '127.0.0.1', port, username: 'root', password: 'x' });
  });
}

test('starts, answers ssh and QMP, and leaves only its records', async () => {
  await scenario({ kind: 'boot-ok', exec: [{ match: '^uname', stdout: '6.12.117\n', code: 3 }] });
  let pid: number;
  {
    await using machine = await startMachine(spec, { signal: never });
    pid = machine.pid;
    expect(isAlive(pid)).toBe(true);
    await vi.waitFor(async () =>
      expect(await readFile(machine.consolePath, 'utf8')).toContain('Linux version'),
    );
    expect(await ask(machine.sshPort, 'uname -r')).toEqual({ code: 3, stdout: '6.12.117\n' });
    expect((await readdir(spec.backingDir)).sort()).toEqual(['disk0.img', 'nv0.img']);
    // Whoever may talk to the monitor may do what QEMU may.
    const [folder = ''] = await readdir(join(dir, 'tmp'));
    expect(machine.argv.join(' ')).toContain(join(dir, 'tmp', folder, 'qmp'));
    expect((await stat(join(dir, 'tmp', folder))).mode & 0o777).toBe(0o700);
    expect(await resize(machine.qmp, 'vmem0', 2 ** 28)).toEqual({ ok: true });
    await machine.nmi();
  }
  await expectGone(pid);
  await expectClean();
  const line = await readFile(join(dir, 'qemu.argv'), 'utf8');
  expect(line).toMatch(/^truncate [^\n]* && qemu-system-x86_64 [^\n]*\n$/);
  expect(line).toMatch(/-append '[^']* nokaslr [^']*quiet'/);
  expect(await readFile(join(dir, 'qemu.log'), 'utf8')).toBe('');
});

test('two machines at once do not meet', async () => {
  const other = { ...spec, dir: join(dir, 'b'), backingDir: join(dir, 'b') };
  await mkdir(other.dir);
  await using a = await startMachine(spec, { signal: never });
  await using b = await startMachine(other, { signal: never });
  expect(a.sshPort).not.toBe(b.sshPort);
  await a.kill();
  expect(await ask(b.sshPort, 'true')).toEqual({ code: 0, stdout: '' });
});

test('disposing twice, and disposing of a dead machine, is fine', async () => {
  const machine = await startMachine(spec, { signal: never });
  await machine.kill();
  expect(await machine.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await Promise.all([machine[Symbol.asyncDispose](), machine[Symbol.asyncDispose]()]);
  await expectClean();
});

test('no orphan when node is killed', async () => {
  const program = `
    import { startMachine } from ${JSON.stringify(join(dist, 'vm/machine.js'))};
    const machine = await startMachine(${JSON.stringify(spec)}, { signal: new AbortController().signal });
    console.log(machine.pid);
    await machine.exited;`;
  const node = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = await once(node.stdout, 'data');
  const pid = Number(chunk);
  expect(isAlive(pid)).toBe(true);
  node.kill('SIGKILL');
  await expectGone(pid);
});

test('a panic is an event, and QEMU ends by itself', async () => {
  await scenario({ kind: 'panic-in-boot' });
  await using machine = await startMachine(spec, { signal: never });
  const events: string[] = [];
  machine.onEvent(({ event }) => events.push(event));
  expect(await machine.exited).toEqual({ code: 0, signal: null });
  expect(await readFile(machine.consolePath, 'utf8')).toContain('Kernel panic');
  const failure = await diedFailure(await machine.exited, machine.logPath);
  expect(failure.failure.title).toBe('QEMU ended with exit code 0');
});

test('a silent machine is a machine', async () => {
  await scenario({ kind: 'silent' });
  await using machine = await startMachine(spec, { signal: never });
  expect(await readFile(machine.consolePath, 'utf8')).toBe('');
  expect(isAlive(machine.pid)).toBe(true);
});

test('arguments that QEMU refuses: its own words in the title', async () => {
  await scenario({ kind: 'exit-1' });
  await expect(startMachine(spec, { signal: never })).rejects.toThrow(
    "qemu-refused: QEMU refuses topology 'small': -device fake: exit-1 was asked for",
  );
  await expectClean();
});

test('a kernel that is not there', async () => {
  const kernel = join(dir, 'nope');
  expect(await codeOf(startMachine({ ...spec, kernel }, { signal: never }))).toBe(
    'lab/qemu-refused',
  );
});

test('no QEMU, and no setpriv', async () => {
  expect(await codeOf(start('qemu-nope'))).toBe('lab/qemu-missing');
  expect(await codeOf(start(join(dir, 'nope')))).toBe('lab/qemu-missing');
  vi.stubEnv('PATH', dir);
  expect(await codeOf(start('qemu-system-x86_64'))).toBe('lab/qemu-missing');
  await expectClean();
});

test('QEMU that ends before it answers', async () => {
  await writeFile(join(dir, 'dies'), '#!/bin/sh\necho something odd >&2\nkill -SEGV $$\n');
  await chmod(join(dir, 'dies'), 0o755);
  await expect(
    startMachine({ ...spec, qemu: join(dir, 'dies') }, { signal: never }),
  ).rejects.toMatchObject({
    failure: { code: 'qemu-died', title: 'QEMU ended by SIGSEGV', detail: 'something odd' },
  });
  await expectClean();
});

test('not enough memory, before and after asking QEMU', async () => {
  const huge = { ...topology, memory: '4096T' };
  expect(await codeOf(startMachine({ ...spec, topology: huge }, { signal: never }))).toBe(
    'lab/host-memory',
  );
  const words = "qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory";
  await writeFile(join(dir, 'fat'), `#!/bin/sh\necho "${words}" >&2\nexit 1\n`);
  await chmod(join(dir, 'fat'), 0o755);
  const fat = startMachine({ ...spec, qemu: join(dir, 'fat') }, { signal: never });
  expect(await codeOf(fat)).toBe('lab/host-memory');
});

test('a port that somebody takes first leads to another one, not for ever', async () => {
  // Stands between: takes the port that was chosen, the given number of times, then lets the fake have it.
  const thief = async (times: number): Promise<string> => {
    const path = join(dir, `thief-${times}`);
    await writeFile(join(dir, 'count'), '0');
    await writeFile(
      path,
      `#!/bin/sh
n=$(cat ${dir}/count); echo $((n + 1)) >${dir}/count
if [ "$n" -lt ${times} ]; then
  echo "qemu-system-x86_64: -netdev user: Could not set up host forwarding rule 'tcp::1-:22'" >&2
  exit 1
fi
exec ${dir}/qemu-system-x86_64 "$@"
`,
    );
    await chmod(path, 0o755);
    return path;
  };
  {
    await using machine = await startMachine({ ...spec, qemu: await thief(3) }, { signal: never });
    expect(isAlive(machine.pid)).toBe(true);
  }
  expect(await readFile(join(dir, 'count'), 'utf8')).toBe('4\n');
  const stubborn = startMachine({ ...spec, qemu: await thief(99) }, { signal: never });
  expect(await codeOf(stubborn)).toBe('lab/no-port');
  await expectClean();
});

test('a stop during the start and after it', async () => {
  const reason = new Error('stop');
  await writeFile(join(dir, 'deaf'), '#!/bin/sh\nexec sleep 60\n');
  await chmod(join(dir, 'deaf'), 0o755);
  const early = new AbortController();
  setTimeout(() => early.abort(reason), 100);
  await expect(
    startMachine({ ...spec, qemu: join(dir, 'deaf') }, { signal: early.signal }),
  ).rejects.toBe(reason);
  await expectClean();

  const late = new AbortController();
  await using machine = await startMachine(spec, { signal: late.signal });
  late.abort(reason);
  expect(await machine.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a QEMU that does not hear quit is ended all the same', async () => {
  await scenario({ kind: 'boot-ok', refuse: { quit: 'no' } });
  const machine = await startMachine(spec, { signal: never });
  await machine[Symbol.asyncDispose]();
  await expectGone(machine.pid);
  await expectClean();
});

test('hotplug: what QEMU refuses comes back as data', async () => {
  const why = 'nvdimm device hot unplug is not supported yet.';
  await scenario({ kind: 'boot-ok', refuse: { device_del: why } });
  await using machine = await startMachine(spec, { signal: never });
  const device = { type: 'pc-dimm', id: 'dimm0', size: '128M' } as const;
  expect(await plug(machine.qmp, device, machine.backingDir)).toEqual({ ok: true });
  expect(await unplug(machine.qmp, 'nv0')).toEqual({ ok: false, error: why });
});

test('drop-ssh-after and splat-during', async () => {
  await scenario({ kind: 'drop-ssh-after', after: 1 });
  {
    await using machine = await startMachine(spec, { signal: never });
    expect(await ask(machine.sshPort, 'one')).toEqual({ code: 0, stdout: '' });
    expect(await ask(machine.sshPort, 'two')).toBeUndefined();
  }
  await scenario({ kind: 'splat-during', during: 'hmm', splat: 'WARNING: here\n' });
  await using machine = await startMachine(spec, { signal: never });
  await ask(machine.sshPort, 'ls');
  expect(await readFile(machine.consolePath, 'utf8')).not.toContain('WARNING: here');
  await ask(machine.sshPort, './hmm-tests');
  expect(await readFile(machine.consolePath, 'utf8')).toContain('WARNING: here');
});

test('probe: version, devices, and a trial of KVM that is remembered', async () => {
  const facts = await qemuFacts('qemu-system-x86_64', never);
  expect(facts.version).toBe('7.2.22');
  expect(missingFor(topology, facts)).toBeUndefined();
  const { kernel, qemu } = spec;
  const host = {
    qemu,
    version: facts.version,
    kernel,
    memory: join(dir, 'accel.json'),
    trialMs: 1000,
  };
  await writeFile(
    join(dir, 'kvm-yes'),
    '#!/bin/sh\necho "[0.0] Linux version 6.12"\nexec sleep 60\n',
  );
  await writeFile(join(dir, 'kvm-refused'), '#!/bin/sh\necho "qemu: no KVM" >&2\nexit 1\n');
  await chmod(join(dir, 'kvm-yes'), 0o755);
  await chmod(join(dir, 'kvm-refused'), 0o755);

  const refused = { ...host, qemu: join(dir, 'kvm-refused') };
  expect(await chooseAccel('auto', refused, never)).toEqual({
    accel: 'tcg',
    note: 'QEMU cannot use KVM (qemu: no KVM): using TCG, which is much slower',
  });
  expect(existsSync(host.memory)).toBe(false);

  const yes = { ...host, qemu: join(dir, 'kvm-yes') };
  expect(await chooseAccel('auto', yes, never)).toEqual({ accel: 'kvm' });
  expect(await chooseAccel('auto', { ...yes, qemu: 'never-run' }, never)).toEqual({ accel: 'kvm' });
  await writeFile(host.memory, 'garbage');
  const silent = await chooseAccel('auto', host, never);
  expect(silent).toMatchObject({ accel: 'tcg', note: expect.stringContaining('no kernel starts') });
  expect(await chooseAccel('auto', { ...host, qemu: 'never-run' }, never)).toEqual(silent);
  expect(await chooseAccel('kvm', host, never)).toEqual({ accel: 'kvm' });
});

test('a port is free for others once the machine is gone', async () => {
  let port: number;
  {
    await using machine = await startMachine(spec, { signal: never });
    port = machine.sshPort;
  }
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(server.listening).toBe(true);
  server.close();
});
