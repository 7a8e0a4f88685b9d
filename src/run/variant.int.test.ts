// Debug variants from the command line to the report, on a kernel of a few files: what is built, booted, allowed and left out.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventBody, TestPoint } from '../core/event.ts';
import type { FakeScenario } from '../testing/fake-qemu.ts';
import { bootOk, type FinishedRun, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
  const dir = join(rig.project, 'configs/variants');
  await mkdir(dir);
  await writeFile(
    join(dir, 'checked.yaml'),
    `name: checked
description: with machine checks
required: [X86_MCE]
slower: 3
append: [checker=on]
findsLeaks: true
config: |
  CONFIG_X86_MCE=y
allow:
  - { splat: '^memory leak in known_leak$', reason: the stock kernel leaks it }
skip:
  - { test: core > two, reason: too slow with it }
`,
  );
  await writeFile(
    join(dir, 'never.yaml'),
    'name: never\ndescription: not of this tree\nrequired: [KASAN]\nconfig: |\n  CONFIG_KASAN=y\n',
  );
});
afterAll(() => rig[Symbol.asyncDispose]());

const scanned = { match: 'lib/leaks', stdout: 'scanned: 0\n' };

/** A guest whose kernel log gets a leak of 30 s ago when kmemleak scans. */
const leaking = (name: string): FakeScenario => ({
  ...bootOk(scanned),
  ...{ kind: 'splat-during', during: 'lib/leaks' },
  splat: [
    '[    5.000000] pgmap: begin core > one',
    '[    8.000000] pgmap: end core > one',
    '[   10.000000] pgmap: begin core > poisoned',
    '[   20.000000] pgmap: end core > poisoned',
    '[   36.000000] pgmap: clock jiffies=4294907500 hz=250',
    '[   36.000001] BUG: memory leak',
    '[   36.000002] unreferenced object 0xffff888104a1c000 (size 64):',
    '[   36.000003]   comm "hmm-tests", pid 90, jiffies 4294900000',
    '[   36.000004]   backtrace (crc 0):',
    '[   36.000005]     __kmalloc_cache_noprof+0x2b0/0x340',
    `[   36.000006]     ${name}+0x20/0x40`,
    '[   36.000007] pgmap: 1 leaks',
    '',
  ].join('\n'),
});

const checked = (scenario: FakeScenario): Promise<FinishedRun> =>
  rig.run(scenario, '--variant', 'checked', '--suite', 'core');

const point = ({ result }: FinishedRun, name: string): TestPoint | undefined =>
  result.jobs.flatMap(({ tests }) => tests).find(({ path }) => path[1] === name);

const endOf = ({ events }: FinishedRun, step: string) =>
  events.find(
    (event): event is Extract<EventBody, { type: 'step-end' }> & { at: number } =>
      event.type === 'step-end' && event.step === step,
  );

test('a variant is a kernel of its own, with its words, limits and exceptions', async () => {
  const plain = await rig.run(bootOk(), '--suite', 'core');
  // Two seconds, three times as patient.
  const patient = { match: 'run-test core one 6 ', stdout: '1..1\nok 1 - patient\n' };
  const run = await checked(bootOk(scanned, patient));
  expect(run.code, run.stderr).toBe(0);
  expect(run.result.kernel?.variant).toBe('checked');
  expect(plain.result.kernel).not.toHaveProperty('variant');
  expect(run.result.kernel?.key).not.toBe(plain.result.kernel?.key);
  expect(run.stdout).toContain(', variant checked');

  // Its fragment has taken: what the plain kernel lacks is tested.
  expect(point(plain, 'poisoned')?.status).toBe('SKIP');
  expect(point(run, 'poisoned')?.status).toBe('PASS');
  expect(point(run, 'two')?.directive?.reason).toBe('not with --variant checked: too slow with it');
  expect(point(run, 'leaks no kernel memory')?.status).toBe('PASS');
  expect(point(plain, 'leaks no kernel memory')).toBeUndefined();

  const [job] = run.result.jobs;
  expect(job?.reproduce).toContain(' --variant checked');
  const argv = await readFile(join(run.dir, 'jobs', job?.id ?? '', 'qemu.argv'), 'utf8');
  expect(argv).toMatch(/watchdog_thresh=30 .*checker=on/);
  expect(job?.tests.map(({ path }) => path)).toContainEqual(['core', 'one', 'patient']);
  expect(await rig.written()).toEqual(
    expect.arrayContaining([expect.stringMatching(/^cache\/pgmap\/objects\/[^/]+-checked$/)]),
  );
});

test('the plain kernel is found in the cache again after a variant was built', async () => {
  const run = await rig.run(bootOk(), '--suite', 'core');
  expect(endOf(run, 'build')?.note).toBe('cached');
});

test('leaked memory FAILs the job, and the test whose memory it is is named', async () => {
  const run = await checked(leaking('dmirror_alloc'));
  expect(run.code).toBe(1);
  const [job] = run.result.jobs;
  expect(job?.status).toBe('FAIL');
  expect(job?.splats.map(({ title, during }) => [title, during])).toEqual([
    ['memory leak in dmirror_alloc', ['core > one']],
  ]);
  expect(point(run, 'leaks no kernel memory')).toMatchObject({
    status: 'FAIL',
    diagnostics: ["memory leak in dmirror_alloc, of memory of 'core > one'"],
  });
});

test('a leak that the variant allows passes, and is shown with its reason', async () => {
  const run = await checked(leaking('known_leak'));
  expect(run.code, run.stdout).toBe(0);
  expect(point(run, 'leaks no kernel memory')?.status).toBe('PASS');
  expect(run.result.jobs[0]?.splats[0]?.allowed).toBe('the stock kernel leaks it');
});

test.each([
  ['has turned itself off', { match: 'lib/leaks', stdout: 'error: kmemleak is off\n', code: 1 }],
  ['says nothing', { match: 'lib/leaks' }],
])('a kmemleak that %s: ERROR, for nobody knows', async (_what, answer) => {
  const run = await checked(bootOk(answer));
  expect(point(run, 'leaks no kernel memory')?.status).toBe('ERROR');
  expect(run.result.jobs[0]?.status).toBe('ERROR');
});

test('a variant whose checker does not take is a MISS, and nothing is built or booted', async () => {
  const run = await rig.run(bootOk(), '--variant', 'never', '--suite', 'core');
  // The host's or the user's business: git bisect run must stop, and blame nobody.
  expect(run.code).toBe(255);
  expect(endOf(run, 'build')).toMatchObject({
    status: 'MISS',
    failure: { code: 'option-not-taken' },
  });
  expect(run.stdout).toContain('CONFIG_KASAN did not take: unknown in this tree');
  expect(run.boots).toEqual([]);
});

test('list variants, and one that is not there', async () => {
  const { stdout } = await rig.pgmap(['list', 'variants']);
  expect(stdout).toMatch(/checked +with machine checks +limits x 3 +1 reports allowed/);
  expect(stdout).toMatch(/never +not of this tree +limits x 1 +no exceptions/);
  const argv = ['run', '--tree', rig.tree, '--variant', 'cheked', '--accel', 'tcg'];
  const { code, stderr } = await rig.pgmap(argv);
  expect(code).toBe(255);
  expect(stderr).toContain("there is no variant 'cheked'");
});

test('a dry run shows what it would do', async () => {
  const argv = ['run', '--tree', rig.tree, '--variant', 'checked', '--suite', 'core', '--dry-run'];
  const { code, stdout } = await rig.pgmap([...argv, '--accel', 'tcg']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/O=\S+-checked /);
  expect(stdout).toContain('checker=on');
});
