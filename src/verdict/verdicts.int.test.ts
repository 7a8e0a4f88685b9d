// The verdict table of the design, end to end: the real command, a tree of a few files, a QEMU that plays each row.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resultsSchema } from '../config/results.ts';
import type { JobResult } from '../core/job-result.ts';
import type { RunResult } from '../core/result.ts';
import { fakeTree, patch, userGit } from '../testing/fakelinux/fakelinux.ts';
import type { FakeScenario } from '../testing/fake-qemu.ts';
import { bootOk, healthy, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const splat = (where: string): string =>
  [
    '[    2.000000] ------------[ cut here ]------------',
    `[    2.000001] WARNING: CPU: 0 PID: 77 at mm/memremap.c:123 ${where}+0x1f/0x40`,
    '[    2.000002] Modules linked in: test_hmm',
    '[    2.000003] Call Trace:',
    '[    2.000004]  <TASK>',
    `[    2.000005]  ${where}+0x1f/0x40`,
    '[    2.000006]  </TASK>',
    '[    2.000007] ---[ end trace 0000000000000000 ]---',
    '',
  ].join('\n');

const only = (jobs: readonly JobResult[]): JobResult => {
  expect(jobs).toHaveLength(1);
  return jobs[0] as JobResult;
};

/** `suite > test > case` → status, of one job. */
const statuses = (job: JobResult): Record<string, string> =>
  Object.fromEntries(job.tests.map((point) => [point.path.slice(1).join(' > '), point.status]));

const steps = (job: JobResult): Record<string, string> =>
  Object.fromEntries(job.steps.map((step) => [step.step, step.status]));

test('all pass: 0, with every file of the contract and SKIPs that say why', async () => {
  const scenario: FakeScenario = bootOk();
  const { code, stderr, stdout, result, dir } = await rig.run(scenario);
  expect(code, stderr).toBe(0);
  expect(resultsSchema.safeParse(result).error?.issues).toBeUndefined();
  expect(result).toMatchObject({ status: 'PASS', kernel: { release: '6.12.0-fake' } });
  expect(result.jobs.map((job) => [job.id, job.status])).toEqual(
    expect.arrayContaining([
      ['core@small', 'PASS'],
      ['disk@disk', 'PASS'],
      ['rows@small', 'PASS'],
    ]),
  );
  expect(result.types['MEMORY_DEVICE_FS_DAX']).toMatchObject({ covered: true, status: 'PASS' });

  const core = result.jobs.find((job) => job.id === 'core@small');
  const skips = core?.tests.filter((point) => point.status === 'SKIP');
  expect(skips?.map((point) => [point.path[1], point.directive?.reason])).toEqual([
    ['poisoned', 'needs CONFIG_MEMORY_FAILURE: unmet dependency: X86_MCE (=n)'],
    ['later', 'needs Linux 99.0, this is 6.12.0-fake'],
  ]);
  expect(stdout).toContain('CONFIG_MEMORY_FAILURE');

  const files = readdirSync(dir);
  for (const name of ['events.ndjson', 'results.json', 'junit.xml', 'report.tap', 'kernel', 'jobs'])
    expect(files).toContain(name);
  for (const name of ['console.log', 'qemu.log', 'qemu.argv', 'tap.log'])
    expect(existsSync(join(dir, 'jobs/core@small', name)), name).toBe(true);
  const log = await readFile(join(dir, 'jobs/core@small/tap.log'), 'utf8');
  const one = 'TAP version 13\n1..2\nok 1 - first\nok 2 - second\n\n# pgmap: oracle done\n';
  expect(log).toBe(one.repeat(2));
  expect(spawnSync('xmllint', ['--noout', join(dir, 'junit.xml')]).status).toBe(0);
});

test('the same again builds nothing', async () => {
  const { code, result } = await rig.run(bootOk(), '--suite', 'core');
  expect(code).toBe(0);
  expect(result.steps.find((step) => step.step === 'build')?.note).toBe('cached');
});

test.concurrent('every way in which one program can end', async () => {
  const rows: [name: string, stdout: string, code: number, wanted: Record<string, string>][] = [
    ['a', '1..2\nok 1 - x\nnot ok 2 - y\n', 1, { 'a > x': 'PASS', 'a > y': 'FAIL' }],
    ['b', '1..1\nok 1 - x # SKIP no device\n', 0, { 'b > x': 'SKIP' }],
    ['c', '1..0 # SKIP no device at all\n', 4, { c: 'SKIP' }],
    ['d', '1..1\nnot ok 1 - x # XFAIL known\n', 0, { 'd > x': 'PASS' }],
    ['e', '1..1\nok 1 - x\n', 124, { 'e > x': 'PASS', e: 'ERROR' }],
    ['f', '', 125, { f: 'FAIL' }],
    ['g', '', 0, { g: 'ERROR' }],
    ['h', 'Segmentation fault\n', 139, { h: 'ERROR' }],
    ['i', '1..3\nok 1 - x\n', 0, { 'i > x': 'PASS', i: 'ERROR' }],
    ['j', '1..1\nok 1 - x\n', 1, { 'j > x': 'PASS', j: 'ERROR' }],
    ['k', '1..2\nok 1 - x\nBail out! no memory\n', 1, { 'k > x': 'PASS', k: 'ERROR' }],
    ['l', 'KTAP version 1\n1..1\n  1..1\n  not ok 1 y\nok 1 x\n', 0, { 'l > x > y': 'FAIL' }],
  ];
  const scenario: FakeScenario = bootOk(
    ...rows.map(([name, stdout, exit]) => ({
      match: `run-test rows ${name} `,
      stdout,
      code: exit,
    })),
  );
  const { code, result } = await rig.run(scenario, '--suite', 'rows');
  expect(code).toBe(1);
  const job = only(result.jobs);
  expect(job.status).toBe('FAIL');
  const found = statuses(job);
  for (const [name, , , wanted] of rows) expect(found, name).toMatchObject(wanted);
  // The points that a plan promised and that never came.
  const missing = job.tests.filter((point) => point.path[1] === 'i' && point.status === 'MISS');
  expect(missing).toHaveLength(2);
});

test.concurrent(
  'a test of which nobody knows what it left is an ERROR, however green it was',
  async () => {
    const silent = {
      match: 'run-test core two ',
      stdout: '1..1\nok 1 - x\n',
      oracle: 'silent',
    } as const;
    const { result } = await rig.run(bootOk(silent), '--suite', 'core');
    const job = only(result.jobs);
    expect(job.status).toBe('ERROR');
    expect(statuses(job)).toMatchObject({
      'one > leaves nothing behind': 'PASS',
      'two > x': 'PASS',
      'two > leaves nothing behind': 'ERROR',
    });
  },
);

test.concurrent('not ok: 1, and the command that repeats just that job does', async () => {
  const scenario: FakeScenario = bootOk({
    match: 'run-test core two ',
    stdout: '1..1\nnot ok 1 - x\n',
    code: 1,
  });
  const { code, result, stdout } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(1);
  const { reproduce, status } = only(result.jobs);
  expect(status).toBe('FAIL');
  expect(stdout).toContain(reproduce);
  const words = reproduce.split(' ');
  // Without --out, which that folder has been used for.
  const argv = words
    .slice(words.indexOf('pgmap') + 1)
    .filter((word, at, all) => [word, all[at - 1]].every((one) => one !== '--out'));
  const again = await rig.pgmap(argv, { scenario });
  expect(again.code).toBe(1);
});

test.concurrent('a kernel report while every test passes: 1', async () => {
  const scenario: FakeScenario = {
    ...bootOk(),
    kind: 'splat-during',
    during: 'run-test core two ',
    splat: splat('memremap_pages'),
  };
  const { code, result, stdout } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(1);
  const job = only(result.jobs);
  expect(job.status).toBe('FAIL');
  expect(job.tests.every((point) => point.status === 'PASS' || point.status === 'SKIP')).toBe(true);
  expect(job.splats.map((one) => one.title)).toEqual(['WARNING in memremap_pages']);
  expect(stdout).toContain('WARNING in memremap_pages');
});

test.concurrent('a report that the suite allows: 0, and it is told all the same', async () => {
  const scenario: FakeScenario = {
    ...bootOk(),
    kind: 'splat-during',
    during: 'run-test core one ',
    splat: splat('expected_here'),
  };
  const { code, result } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(0);
  expect(only(result.jobs).splats[0]).toMatchObject({
    title: 'WARNING in expected_here',
    allowed: 'the test provokes it',
  });
});

test.concurrent('a panic in boot: 1, blamed on the kernel, with what it said', async () => {
  const scenario: FakeScenario = { kind: 'panic-in-boot' };
  const { code, result, stdout } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(1);
  const job = only(result.jobs);
  expect(steps(job)['boot']).toBe('FAIL');
  expect(job.failure).toMatchObject({ blame: 'series', code: 'boot-panic' });
  expect(stdout).toContain('Unable to mount root fs');
  expect(statuses(job)).toMatchObject({ one: 'MISS', two: 'MISS' });
});

test.concurrent('a reset in boot: 1', async () => {
  const console = '[    0.000000] Linux version 6.12.0\n';
  const scenario: FakeScenario = { kind: 'panic-in-boot', console };
  const { code, result } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(1);
  expect(only(result.jobs).failure).toMatchObject({ blame: 'series', code: 'boot-reset' });
});

test.concurrent(
  'another kernel in the guest than the one that was built is our own fault',
  async () => {
    const scenario: FakeScenario = bootOk({ match: 'uname -r', stdout: '5.10.0\n' });
    const { code, result } = await rig.run(scenario, '--suite', 'core');
    expect(code).not.toBe(0);
    expect(code).not.toBe(1);
    expect(only(result.jobs)).toMatchObject({
      status: 'MISS',
      failure: { blame: 'tool', code: 'wrong-kernel' },
    });
  },
);

test.concurrent.each([
  ['QEMU refuses the machine', 'exit-1', 'qemu-refused'],
  ['QEMU dies before the kernel speaks', 'die-in-firmware', 'qemu-died'],
] as const)('%s: MISS, 255', async (_, kind, failure) => {
  const scenario: FakeScenario = { kind };
  const { code, result, stdout } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(255);
  expect(result.status).toBe('MISS');
  expect(only(result.jobs)).toMatchObject({
    status: 'MISS',
    failure: { blame: 'lab', code: failure },
  });
  expect(stdout).toContain(failure);
});

test.concurrent('a QEMU without the device: the suite SKIPs, loudly', async () => {
  const scenario: FakeScenario = { ...bootOk(), models: ['pc-dimm', 'virtio-net-pci'] };
  const { result, stdout, code } = await rig.run(scenario, '--suite', 'disk');
  expect(result.status).toBe('SKIP');
  const job = only(result.jobs);
  expect(statuses(job)).toEqual({ only: 'SKIP' });
  expect(job.tests[0]?.directive?.reason).toMatch(/^QEMU 7\.2\.22 has no device nvme/);
  expect(stdout).toContain('has no device nvme');
  expect(code).toBe(125);
});

test.concurrent('a type that its suites passed without ever mapping it is not green', async () => {
  const scenario: FakeScenario = bootOk({ match: 'pgmap_probe/coverage', stdout: '' });
  const { result, stdout } = await rig.run(scenario, '--suite', 'core');
  expect(result.status).toBe('MISS');
  expect(result.types['MEMORY_DEVICE_PRIVATE']).toMatchObject({ covered: false, status: 'MISS' });
  expect(stdout).toContain('NOT COVERED');
});

test.concurrent(
  'a connection that drops for no reason: ERROR, and the rest goes on in a fresh machine',
  async () => {
    const scenario: FakeScenario = { kind: 'drop-ssh-after', after: 3, exec: healthy };
    const { result } = await rig.run(scenario, '--suite', 'core');
    const job = only(result.jobs);
    expect(job).toMatchObject({ status: 'ERROR', failure: { code: 'connection-lost' } });
    expect(statuses(job)).toMatchObject({ 'one > first': 'PASS', two: 'ERROR', later: 'SKIP' });
    expect(result.notes.join()).toContain("a fresh machine after 'two'");
  },
);

test.concurrent('a connection that drops because the kernel crashed: FAIL, 1', async () => {
  const scenario: FakeScenario = {
    kind: 'drop-ssh-after',
    after: 3,
    exec: healthy,
    splat: splat('free_zone_device_folio'),
  };
  const { code, result } = await rig.run(scenario, '--suite', 'core');
  expect(code).toBe(1);
  const job = only(result.jobs);
  expect(job).toMatchObject({
    status: 'FAIL',
    failure: { blame: 'series', code: 'guest-crashed', title: 'WARNING in free_zone_device_folio' },
  });
  expect(statuses(job)).toMatchObject({ 'one > first': 'PASS', two: 'FAIL', later: 'SKIP' });
});

test.concurrent('a series that applies is built and named', async () => {
  const scenario: FakeScenario = bootOk();
  const { code, result, stderr } = await rig.run(scenario, '--suite', 'core', patch.applies);
  expect(code, stderr).toBe(0);
  expect(result.series).toMatchObject({ title: 'mm/memremap: count in words', patches: 1 });
  expect(result.steps.find((step) => step.step === 'build')?.note).toBeUndefined();
});

test.concurrent('a series that does not apply: 1, naming patch, file and hunk', async () => {
  const { code, result, stdout } = await rig.run(bootOk(), '--suite', 'core', patch.conflicts);
  expect(code).toBe(1);
  expect(result.steps.map((step) => [step.step, step.status])).toEqual([['apply', 'FAIL']]);
  const failure = result.steps[0]?.failure;
  expect(failure).toMatchObject({ blame: 'series', code: 'patch-conflict' });
  for (const part of ['made on another base', 'mm/memremap.c'])
    expect(failure?.title).toContain(part);
  expect(failure?.detail).toContain('conflicts.patch');
  expect(stdout).toContain('mm/memremap.c');
});

test.concurrent('a series that does not build: 1, naming file and line', async () => {
  const { code, result, stdout } = await rig.run(
    bootOk(),
    ...['--suite', 'core', patch.applies, patch.breaksBuild],
  );
  expect(code).toBe(1);
  const failure = result.steps.find((step) => step.step === 'build')?.failure;
  expect(failure).toMatchObject({ blame: 'series', code: 'build-failed' });
  expect(failure?.title).toMatch(/^mm\/memremap\.c:10.*one/);
  expect(stdout).toContain('mm/memremap.c:10');
});

test.concurrent('a plain tree that does not build cannot be judged: 125', async () => {
  const tree = await fakeTree(join(rig.dir, 'broken'));
  await writeFile(join(tree, 'FAIL'), 'modules\n');
  const out = join(rig.dir, 'broken-run');
  const { code, stdout } = await rig.pgmap([
    'run',
    '--tree',
    tree,
    '--suite',
    'core',
    '--out',
    out,
    '--format',
    'json',
  ]);
  expect(code).toBe(125);
  const result = JSON.parse(stdout) as RunResult;
  expect(result.steps.at(-1)).toMatchObject({ step: 'build', status: 'FAIL' });
  expect(result.subject).toContain('uncommitted changes');
});

test('the user’s tree is never written to', async () => {
  expect(await userGit(rig.tree, 'status', '--porcelain', '--ignored')).toBe('');
  expect(await userGit(rig.tree, 'worktree', 'list')).not.toContain('\n');
});
