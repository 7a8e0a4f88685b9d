// A whole lab in a folder: the built tool with a small project around it, a kernel tree of a few files, a QEMU that plays a
// scenario. Tests run the command in it as a user does and look at what comes out. `tsc` comes first.
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Event } from '../core/event.ts';
import type { RunResult } from '../core/result.ts';
import { commandLine } from '../core/shell.ts';
import type { FakeAnswer, FakeScenario } from './fake-qemu.ts';
import { fakeTree } from './fakelinux/fakelinux.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FinishedRun extends Finished {
  /** The run's folder. */
  readonly dir: string;
  readonly result: RunResult;
  readonly events: readonly Event[];
  /** Kernel images of all guests that were booted, in order. */
  readonly boots: readonly string[];
}

export interface Rig extends AsyncDisposable {
  readonly dir: string;
  /** The project that the tool sees: configs/, suites/, images/. */
  readonly project: string;
  /** A kernel tree for --tree. */
  readonly tree: string;
  /** XDG_CACHE_HOME/pgmap. */
  readonly cache: string;
  /** A folder with a QEMU that plays `scenario`, to be first on PATH. */
  qemu(scenario: FakeScenario): Promise<string>;
  /** Runs the command to its end; its QEMU is healthy unless told otherwise. */
  pgmap(argv: readonly string[], options?: RigOptions): Promise<Finished>;
  /** Starts it and leaves it to the caller to stop it. */
  start(
    argv: readonly string[],
    options?: RigOptions,
  ): Promise<{ child: ChildProcess; done: Promise<Finished> }>;
  /** `run --tree TREE --accel tcg --out NEW-FOLDER …` */
  run(scenario: FakeScenario, ...more: readonly string[]): Promise<FinishedRun>;
  /** What there is below the cache and the state folder, relative to `dir`. */
  written(): Promise<string[]>;
}

export interface RigOptions {
  readonly scenario?: FakeScenario;
  /** What `qemu` made, in place of a scenario. */
  readonly bin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Standard input stays open, for the caller to write to. */
  readonly stdin?: 'open';
  /** Words before the command, e.g. of a shell script that surrounds it. */
  readonly under?: readonly string[];
}

const root = join(import.meta.dirname, '../..');

/** Files of the project by path. */
const project: Readonly<Record<string, string>> = {
  'configs/kernel/base.config': 'CONFIG_ZONE_DEVICE=y\nCONFIG_MODULES=y\n',
  'configs/kernel/debug.config': '',
  // Its dependency is not asked for.
  'configs/kernel/poison.config': 'CONFIG_MEMORY_FAILURE=y\n',
  'configs/topologies/small.yaml': 'name: small\ndescription: bare\nmemory: 64M\n',
  'configs/topologies/disk.yaml':
    'name: disk\ndescription: with a disk\nmemory: 64M\ndevices: [{ type: nvme, id: n0, size: 1M }]\nsigns: [{ path: /dev/nvme0 }]\n',
  'configs/known-failures.yaml': 'failures: []\n',
  'images/guest.yaml': 'packages: [busybox-static]\nfiles: [/bin/busybox]\n',
  'images/init': '#!/bin/busybox sh\n',
  'images/fstab': 'proc /proc proc\n',
  'images/lib/run-test': '#!/bin/busybox sh\n',
  'images/lib/tap.h': '#define TAP 1\n',
  'images/oracle/oracle.c': 'int main(void) { return 0; }\n',
  'images/probe/Kbuild': 'obj-m := pgmap_probe.o\n',
  'suites/rows/suite.yaml': `name: rows
description: whatever a test says they are
topologies: [small]
tests: [${'abcdefghijkl'
    .split('')
    .map((name) => `{ name: ${name}, run: [./run.sh], timeout: 2s }`)
    .join(', ')}]
`,
  'suites/rows/run.sh': '#!/bin/sh\n',
  'suites/core/suite.yaml': `name: core
description: two tests, and two that make no sense here
types: [MEMORY_DEVICE_PRIVATE]
topologies: [small]
config: [poison]
tests:
  - { name: one, run: [./one.sh], timeout: 2s }
  - { name: two, run: [./two.sh], timeout: 2s }
  - { name: poisoned, run: [./one.sh], needs: { config: [MEMORY_FAILURE] } }
  - { name: later, run: [./one.sh], needs: { kernel: '99.0' } }
allow:
  - { splat: WARNING in expected_here, reason: the test provokes it }
`,
  'suites/core/one.sh': '#!/bin/sh\n',
  'suites/core/two.sh': '#!/bin/sh\n',
  'suites/disk/suite.yaml': `name: disk
description: programs of our own and of the tree
types: [MEMORY_DEVICE_FS_DAX]
topologies: [disk]
programs:
  - { out: own, sources: [own.c] }
  - { out: upstream, tree: [[tools/testing/selftests/mm/hmm-tests.c]] }
  - { out: newer, tree: [[tools/testing/selftests/mm/not-in-this-tree.c]] }
tests:
  - { name: only, run: [./own], timeout: 2s }
`,
  'suites/disk/own.c':
    '#include <linux/fake.h>\n#include <tap.h>\nint main(void) { return FAKE_UAPI - TAP; }\n',
};

/** The release of fakelinux. */
export const release = '6.12.0-fake';

/** What a healthy guest says; answers put before these win. */
export const healthy: readonly FakeAnswer[] = [
  { match: '^sh -c .uname -r;', stdout: `${release}\n` },
  { match: '/proc/iomem', stdout: 'yes\n' },
  { match: 'run-test', stdout: 'TAP version 13\n1..2\nok 1 - first\nok 2 - second\n' },
  {
    match: 'pgmap_probe/coverage',
    stdout:
      'MEMORY_DEVICE_PRIVATE mappings=1 pages=512 unmapped=1\nMEMORY_DEVICE_FS_DAX mappings=2 pages=1024 unmapped=2\n',
  },
];

/** A healthy guest but for these answers. */
export const bootOk = (...answers: readonly FakeAnswer[]): FakeScenario => ({
  kind: 'boot-ok',
  exec: [...answers, ...healthy],
});

export async function newRig(): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-rig-'));
  const tool = join(dir, 'project');
  await cp(join(root, 'dist'), join(tool, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(tool, 'package.json'));
  await symlink(join(root, 'node_modules'), join(tool, 'node_modules'));
  for (const [path, text] of Object.entries(project)) {
    await mkdir(dirname(join(tool, path)), { recursive: true });
    await writeFile(join(tool, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  // Fragments that every run takes are there, and ask for nothing.
  for (const name of await readdir(join(root, 'configs/kernel')))
    await writeFile(join(tool, 'configs/kernel', name), '', { flag: 'a' });
  const tree = join(dir, 'linux');
  await mkdir(tree);
  await fakeTree(tree);

  let folders = 0;
  const qemu = async (scenario: FakeScenario): Promise<string> => {
    const bin = join(dir, `bin-${++folders}`);
    await mkdir(bin);
    await writeFile(join(bin, 'scenario.json'), JSON.stringify(scenario));
    const fake = commandLine([process.execPath, join(tool, 'dist/testing/fake-qemu.js')]);
    const told = commandLine([join(bin, 'scenario.json')]);
    // Every run asks four times what this QEMU is; a shell answers sooner than node.
    const models = (scenario.models ?? ['nvme']).map((name) => `name "${name}", bus PCI`);
    const script = [
      '#!/bin/sh',
      'case "$*" in',
      "-version) exec echo 'QEMU emulator version 7.2.22 (fake)' ;;",
      `*help) exec echo ${commandLine([models.join('\n')])} ;;`,
      'esac',
      `PGMAP_FAKE_QEMU=${told} exec ${fake} "$@"`,
      '',
    ].join('\n');
    await writeFile(join(bin, 'qemu-system-x86_64'), script, { mode: 0o755 });
    return bin;
  };

  const env = {
    HOME: join(dir, 'home'),
    TMPDIR: join(dir, 'tmp'),
    XDG_CACHE_HOME: join(dir, 'cache'),
    XDG_STATE_HOME: join(dir, 'state'),
    LC_ALL: 'C',
  };
  await mkdir(env.TMPDIR);
  let runs = 0;

  const start: Rig['start'] = async (argv, options = {}) => {
    const bin = options.bin ?? (await qemu(options.scenario ?? bootOk()));
    const path = `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}`;
    const command = [process.execPath, join(tool, 'dist/cli.js'), ...argv];
    const [program = '', ...words] = [...(options.under ?? []), ...command];
    const child = spawn(program, words, {
      cwd: dir,
      env: { ...env, PATH: path, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    if (options.stdin !== 'open') child.stdin.end(options.input ?? '');
    const done = new Promise<Finished>((resolve) =>
      child.on('close', (code) => resolve({ code, stdout, stderr })),
    );
    return { child, done };
  };
  const pgmap: Rig['pgmap'] = async (argv, options) => (await start(argv, options)).done;

  return {
    ...{ dir, project: tool, tree, cache: join(env.XDG_CACHE_HOME, 'pgmap') },
    ...{ qemu, pgmap, start },
    async run(scenario, ...more) {
      const runDir = join(dir, `run-${++runs}`);
      const argv = ['run', '--tree', tree, '--accel', 'tcg', '--out', runDir, ...more];
      const bin = await qemu(scenario);
      const finished = await pgmap(argv, { bin });
      const boots = await readFile(join(bin, 'scenario.json.boots'), 'utf8').catch(() => '');
      const read = async (name: string): Promise<string> => {
        try {
          return await readFile(join(runDir, name), 'utf8');
        } catch {
          throw new Error(`no ${name}; exit code ${finished.code}\n${finished.stderr}`);
        }
      };
      const events = (await read('events.ndjson')).trimEnd().split('\n');
      return {
        ...finished,
        dir: runDir,
        boots: boots.split('\n').filter((image) => image !== ''),
        result: JSON.parse(await read('results.json')) as RunResult,
        events: events.map((line) => JSON.parse(line) as Event),
      };
    },
    async written() {
      const found: string[] = [];
      for (const top of ['cache', 'state'])
        for (const name of await readdir(join(dir, top), { recursive: true }).catch(() => []))
          found.push(join(top, name));
      return found.sort();
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}
