// The command as people and scripts use it: what goes in, what comes out, with which exit code.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resultsSchema } from '../config/results.ts';
import type { Event } from '../core/event.ts';
import type { RunResult } from '../core/result.ts';
import { bootOk, type FinishedRun, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;
/** A finished run with a failure in it. */
let failed: FinishedRun;

beforeAll(async () => {
  rig = await newRig();
  const scenario = bootOk({ match: 'run-test core two ', stdout: '1..1\nnot ok 1 - x\n', code: 1 });
  failed = await rig.run(scenario, '--suite', 'core');
});
afterAll(() => rig[Symbol.asyncDispose]());

const file = (name: string, text: string): string => {
  writeFileSync(join(rig.dir, name), text);
  return join(rig.dir, name);
};
const parsed = (text: string): RunResult => {
  const result = resultsSchema.safeParse(JSON.parse(text));
  expect(result.error?.issues).toBeUndefined();
  return JSON.parse(text) as RunResult;
};

const ktap = 'KTAP version 1\n1..2\nok 1 first\nnot ok 2 second\n';

test.concurrent.each([{ CI: 'true' }, { FORCE_COLOR: '1' }])(
  'no colours in a pipe, whatever the environment is: %o',
  async (env) => {
    const shown = await rig.pgmap(['report', file('pipe.ktap', ktap)], { env });
    const refused = await rig.pgmap(['report', 'nowhere'], { env });
    expect([shown.code, refused.code]).toEqual([0, 255]);
    for (const { stdout, stderr } of [shown, refused])
      expect(stdout + stderr).not.toContain('\x1b');
  },
);

test.concurrent('report reads a bare KTAP file', async () => {
  const { code, stdout } = await rig.pgmap(['report', file('a.ktap', ktap), '--format', 'json']);
  expect(code).toBe(0);
  const result = parsed(stdout);
  expect(result.status).toBe('FAIL');
  expect(result.jobs.map((job) => job.suite)).toEqual(['a.ktap']);
  expect(result.jobs[0]?.tests.map((point) => [point.path, point.status])).toEqual([
    [['a.ktap', 'first'], 'PASS'],
    [['a.ktap', 'second'], 'FAIL'],
  ]);
});

test.concurrent('report reads standard input', async () => {
  const input = { input: ktap };
  const { code, stdout } = await rig.pgmap(['report', '-', '--format', 'json'], input);
  expect(code).toBe(0);
  expect(parsed(stdout).jobs[0]?.tests).toHaveLength(2);
});

test.concurrent.each([
  ['nothing at all', ''],
  ['bytes', '\0\x1b[2J\u00ff\n'.repeat(1000)],
  ['a stream that is cut', '1..3\nok 1 a\nok 2'],
])('report of %s is never green', async (_, input) => {
  const { code, stdout } = await rig.pgmap(['report', '-', '--format', 'json'], { input });
  expect(code).toBe(0);
  expect(parsed(stdout).status).toBe('ERROR');
});

test.concurrent('report renders a finished run again, byte for byte', async () => {
  for (const [format, name] of [
    ['json', 'results.json'],
    ['tap', 'report.tap'],
    ['junit', 'junit.xml'],
  ] as const) {
    const { code, stdout } = await rig.pgmap(['report', failed.dir, '--format', format]);
    expect(code).toBe(0);
    expect(stdout).toBe(readFileSync(join(failed.dir, name), 'utf8'));
  }
});

test.concurrent('a run in the state folder is found by its id, and listed', async () => {
  const done = await rig.pgmap([
    'run',
    '--tree',
    rig.tree,
    '--suite',
    'core',
    '--accel',
    'tcg',
    '--format',
    'json',
  ]);
  expect(done.code, done.stderr).toBe(0);
  const { id } = parsed(done.stdout);
  const again = await rig.pgmap(['report', id, '--format', 'json']);
  expect(again.stdout).toBe(done.stdout);
  const { stdout } = await rig.pgmap(['list', 'runs']);
  expect(stdout).toMatch(new RegExp(`^${id} +PASS `, 'm'));
});

test.concurrent('--format ndjson is the record, as it happens', async () => {
  const out = join(rig.dir, 'ndjson');
  const { code, stdout } = await rig.pgmap([
    'run',
    '--tree',
    rig.tree,
    '--suite',
    'core',
    '--accel',
    'tcg',
    '--out',
    out,
    '--format',
    'ndjson',
  ]);
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  expect(events[0]?.type).toBe('run-begin');
  expect(events.at(-1)).toMatchObject({ type: 'run-end', status: 'PASS' });
  const kept = events
    .filter((event) => event.type !== 'line')
    .map((event) => JSON.stringify(event));
  expect(`${kept.join('\n')}\n`).toBe(readFileSync(join(out, 'events.ndjson'), 'utf8'));
});

test.concurrent('--format tap is TAP, and nothing else is on standard output', async () => {
  const out = join(rig.dir, 'not/there/yet');
  const { code, stdout } = await rig.pgmap([
    'run',
    '--tree',
    rig.tree,
    '--suite',
    'core',
    '--accel',
    'tcg',
    '--out',
    out,
    '--format',
    'tap',
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^TAP version 1[34]\n/);
  expect(stdout).toBe(readFileSync(join(out, 'report.tap'), 'utf8'));
  // Our own reader agrees.
  const { stdout: again } = await rig.pgmap(['report', '-', '--format', 'json'], { input: stdout });
  expect(parsed(again).status).toBe('PASS');
});

test.concurrent('a reader that goes away is no failure', async () => {
  const out = join(rig.dir, 'pipe');
  const { child, done } = await rig.start([
    'run',
    '--tree',
    rig.tree,
    '--suite',
    'core',
    '--accel',
    'tcg',
    '--out',
    out,
    '--format',
    'ndjson',
  ]);
  child.stdout?.once('data', () => child.stdout?.destroy());
  const { code, stderr } = await done;
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('EPIPE');
  expect(parsed(readFileSync(join(out, 'results.json'), 'utf8')).status).toBe('PASS');
});

const splat = [
  '[    2.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008',
  '[    2.000001] #PF: supervisor read access in kernel mode',
  '[    2.000002] Oops: 0000 [#1] PREEMPT SMP NOPTI',
  '[    2.000003] RIP: 0010:memunmap_pages+0x1f/0x40',
  '[    2.000004] ---[ end trace 0000000000000000 ]---',
  '',
].join('\n');

test.concurrent('splats lists kernel reports of a file and of a pipe', async () => {
  const log = `[    1.000000] all is well\n${splat}[    3.000000] on it goes\n`;
  const plain = await rig.pgmap(['splats', file('console.log', log)]);
  expect(plain.code).toBe(0);
  expect(plain.stdout).toMatch(/^\d+\tBUG: .*memunmap_pages/);
  const { stdout } = await rig.pgmap(['splats', '-', '--format', 'json'], { input: log });
  const rows = JSON.parse(stdout) as { from: number; to: number; text: string; title: string }[];
  expect(rows).toHaveLength(1);
  expect(log.slice(rows[0]?.from, rows[0]?.to)).toContain('RIP: 0010:memunmap_pages');
  const none = await rig.pgmap(['splats', '-'], { input: 'nothing\n' });
  expect(none).toMatchObject({ code: 0, stdout: '' });
});

test.concurrent.each([
  ['suites', [], /^core +private +small +two tests/m],
  ['topologies', [], /^disk +with a disk$/m],
  ['tests', [], /^private +core > one$/m],
  ['types', ['--tree'], /^MEMORY_DEVICE_PRIVATE +core\nMEMORY_DEVICE_COHERENT +no suite/],
] as const)('list %s', async (what, options, wanted) => {
  const argv = ['list', what, ...options.flatMap((option) => [option, rig.tree])];
  const { code, stdout, stderr } = await rig.pgmap(argv);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(wanted);
});

test.concurrent('build prints where the kernel is', async () => {
  const { code, stdout } = await rig.pgmap(['build', '--tree', rig.tree]);
  expect(code).toBe(0);
  expect(stdout).toContain(failed.result.kernel?.key);
  expect(stdout).toMatch(/^cached /m);
});

test.concurrent('--dry-run prints lines for a shell, and makes nothing', async () => {
  const out = join(rig.dir, 'dry');
  const argv = ['run', '--tree', rig.tree, '--suite', 'disk', '--out', out, '--dry-run'];
  const { code, stdout, stderr } = await rig.pgmap(argv);
  expect(code, stderr).toBe(0);
  expect(readdirSync(rig.dir)).not.toContain('dry');
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines.map((line) => line.split(' ')[0])).toEqual(
    expect.arrayContaining(['git', 'make', 'truncate']),
  );
  expect(stdout).toContain('qemu-system-x86_64');
  // A shell can read every line of it.
  const check = spawnSync('sh', ['-n'], { input: stdout, encoding: 'utf8' });
  expect([check.status, check.stderr]).toEqual([0, '']);
});

const processesOf = (dir: string): string[] =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(dir) && line.includes('fake-qemu'));

test.concurrent.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends with 130, a report of what is known, and nothing left behind',
  async (signal) => {
    const out = join(rig.dir, signal);
    const scenario = bootOk({ match: 'run-test core two ', ms: 60_000 });
    const { child, done } = await rig.start(
      ['run', '--tree', rig.tree, '--suite', 'core', '--accel', 'tcg', '--out', out],
      { scenario },
    );
    const started = (): boolean => {
      try {
        return readFileSync(join(out, 'events.ndjson'), 'utf8').includes('"path":["core","one"');
      } catch {
        return false;
      }
    };
    for (let at = 0; at < 2000 && !started(); at++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill(signal);
    const { code, stderr } = await done;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('stopping');
    const result = parsed(readFileSync(join(out, 'results.json'), 'utf8'));
    expect(result.status).toBe('MISS');
    const points = result.jobs[0]?.tests.map((point) => [point.path[1], point.status]);
    expect(points).toContainEqual(['one', 'PASS']);
    expect(points).toContainEqual(['two', 'MISS']);
    expect(processesOf(out)).toEqual([]);
  },
);

test.concurrent('help and version: 0, on standard output, with an example', async () => {
  for (const command of [[], ['run'], ['report']]) {
    const { code, stdout, stderr } = await rig.pgmap([...command, '--help']);
    expect([command, code, stderr]).toEqual([command, 0, '']);
    expect(stdout).toContain('Examples:');
  }
  const { version } = JSON.parse(readFileSync(join(rig.project, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect((await rig.pgmap(['--version'])).stdout).toBe(`${version}\n`);
});

test('clean drops what is old, only what was named, and says so', async () => {
  await using own = await newRig();
  expect((await own.pgmap(['build', '--tree', own.tree])).code).toBe(0);
  const kernels = (): string[] => readdirSync(join(own.cache, 'kernels'));
  const before = kernels();
  expect(before.length).toBeGreaterThan(0);
  expect((await own.pgmap(['clean'])).stdout).toBe('0 B freed\n');
  const dry = await own.pgmap(['clean', '--older-than', '0s', '--what', 'kernels', '--dry-run']);
  expect(dry.stdout).toContain('would drop kernels/');
  expect(kernels()).toEqual(before);
  const { code, stdout } = await own.pgmap(['clean', '--older-than', '0s', '--what', 'kernels']);
  expect(code).toBe(0);
  expect(stdout).toContain('dropping kernels/');
  expect(kernels()).toEqual([]);
  expect(readdirSync(join(own.cache, 'objects')).length).toBeGreaterThan(0);
});

test('two runs at once build the kernel once', async () => {
  await using own = await newRig();
  const argv = ['build', '--tree', own.tree];
  const [a, b] = await Promise.all([own.pgmap(argv), own.pgmap(argv)]);
  expect([a.code, b.code], a.stderr + b.stderr).toEqual([0, 0]);
  expect(readdirSync(join(own.cache, 'kernels'))).toHaveLength(1);
});

test('the pipe of a shell: report of a file that somebody is still writing', async () => {
  const reader = spawn('sh', ['-c', 'sleep 0.2; printf "1..1\\nok 1 late\\n"']);
  const { child, done } = await rig.start(['report', '-'], { stdin: 'open' });
  if (child.stdin !== null) reader.stdout.pipe(child.stdin);
  const { code, stdout } = await done;
  expect(code).toBe(0);
  expect(stdout).toContain('1 passed');
});
