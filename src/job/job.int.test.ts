// Boots that take their time limit, with limits of a fraction: runJob itself against a QEMU that plays along.
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { EventBody } from '../core/event.ts';
import { limits } from '../core/limits.ts';
import type { PlannedJob } from '../core/plan.ts';
import { newGuestKeys } from '../guest/keys.ts';
import { keysLayer, writeInitrd } from '../image/initrd.ts';
import { runJob } from './job.ts';
import type { FakeAnswer, FakeScenario } from '../testing/fake-qemu.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
});
afterAll(() => rig[Symbol.asyncDispose]());
afterEach(() => {
  vi.unstubAllEnvs();
});

const plan = (
  id: string,
  signs: PlannedJob['topology']['signs'],
  names: readonly string[],
): PlannedJob => {
  const rest = { run: ['./x'], timeoutMs: 1000, needs: { config: [] }, leaves: {}, cases: [] };
  const resets = { reset: ['./x'] };
  const tests = names.map((name) => ({ name, ...rest, ...(name === 'resets' ? resets : {}) }));
  return {
    ...{ id, reproduce: '', tests },
    suite: {
      ...{ name: 's', description: 's', types: [], topologies: ['t'], tests },
      ...{ nightly: false, config: [], modules: [], programs: [], allow: [], append: [] },
    },
    topology: {
      ...{ name: 't', description: 't', cpus: 1, memory: '64M', machine: {}, nodes: [], signs },
      ...{ append: [], devices: [], hotplug: [], config: [], modules: [] },
    },
  };
};

async function jobOf(
  name: string,
  scenario: FakeScenario,
  timeoutScale: number,
  signs: PlannedJob['topology']['signs'] = [],
  tests: readonly string[] = ['one'],
  notes?: string,
): Promise<EventBody[]> {
  vi.stubEnv('PATH', `${await rig.qemu(scenario)}:${process.env['PATH']}`);
  const keys = newGuestKeys();
  const runDir = join(rig.dir, name);
  await mkdir(runDir);
  await writeInitrd(join(runDir, 'initrd'), [keysLayer(keys)]);
  await writeFile(join(runDir, 'bzImage'), '');
  const events: EventBody[] = [];
  await runJob(
    {
      plan: plan('s@t', signs, tests),
      qemu: 'qemu-system-x86_64',
      image: join(runDir, 'bzImage'),
      initrd: join(runDir, 'initrd'),
      accel: 'tcg',
      unmet: () => undefined,
      ...{ keys, timeoutScale, runDir },
      ...(notes === undefined ? {} : { notes }),
    },
    { signal: new AbortController().signal, emit: (event) => events.push(event) },
  );
  return events;
}

const ends = (events: readonly EventBody[]): unknown[][] =>
  events.flatMap((event) =>
    event.type === 'step-end' ? [[event.step, event.status, event.failure?.code]] : [],
  );

test('a kernel that started and then says nothing: FAIL of boot', async () => {
  const events = await jobOf('silent', { ...bootOk(), neverReady: true }, 0.02);
  expect(ends(events)).toEqual([
    ['boot', 'FAIL', 'boot-silent'],
    ['teardown', 'PASS', undefined],
  ]);
});

test('a kernel that never printed a line: MISS, for that is the lab’s job', async () => {
  const events = await jobOf('no-kernel', { kind: 'silent' }, 0.02);
  expect(ends(events)[0]).toEqual(['boot', 'MISS', 'boot-no-kernel']);
});

test('a guest without its device: MISS of probe, and no test runs', async () => {
  const absent = bootOk({
    match: '/proc/iomem',
    stdout: '00000000-0009ffff : System RAM\nyes\nno\n',
  });
  const signs = [{ path: '/dev/pmem0' }, { path: '/dev/pmem1' }];
  const events = await jobOf('absent', absent, 0.1, signs);
  expect(ends(events).slice(0, 2)).toEqual([
    ['boot', 'PASS', undefined],
    ['probe', 'MISS', 'device-absent'],
  ]);
  expect(events.filter((event) => event.type === 'test')).toEqual([]);
  const end = events.find((event) => event.type === 'step-end' && event.step === 'probe');
  expect(JSON.stringify(end)).toContain('/dev/pmem1');
  expect(JSON.stringify(end)).not.toContain('/dev/pmem0');
});

test.each([
  ['its own', 'PASS', undefined],
  ['that of another kernel', 'MISS', 'wrong-kernel'],
])('a guest whose build id is %s: %s', async (whose, status, code) => {
  const sum = 'ab'.repeat(32);
  const said = whose === 'its own' ? sum : 'cd'.repeat(32);
  const answer = { match: '^sh -c .uname -r;', stdout: `6.12.0\n${said}  -\n` };
  const events = await jobOf(`notes-${status}`, bootOk(answer), 0.1, [], ['one'], sum);
  expect(ends(events)[0]).toEqual(['boot', status, code]);
});

test('an iomem name is looked for as a whole', async () => {
  const iomem =
    '100000000-13fffffff : Persistent Memory\n  100000000-13fffffff : namespace0.0\nno\n';
  const scenario = bootOk({ match: '/proc/iomem', stdout: iomem });
  const found = await jobOf('iomem', scenario, 0.1, [{ iomem: 'Persistent Memory' }]);
  expect(ends(found)[1]).toEqual(['probe', 'PASS', undefined]);
  const missed = await jobOf('iomem-part', scenario, 0.05, [{ iomem: 'Persistent' }]);
  expect(ends(missed)[1]).toEqual(['probe', 'MISS', 'device-absent']);
});

test('each test that takes the machine down has its answer, and the next one a fresh machine', async () => {
  // Two commands, for the release and for the signs: the third is a test.
  const scenario: FakeScenario = {
    ...bootOk(),
    ...{ kind: 'drop-ssh-after', after: 2, splat: '[    9.000000] kernel BUG at mm/x.c:1!\n' },
  };
  const events = await jobOf('crashes', scenario, 1, [], ['one', 'two', 'three']);
  const answers = events.flatMap((event) =>
    event.type === 'test' ? [[event.point.path[1], event.point.status]] : [],
  );
  expect(answers).toEqual([
    ['one', 'FAIL'],
    ['two', 'FAIL'],
    ['three', 'FAIL'],
  ]);
  const steps = ends(events);
  expect(steps.filter(([step]) => step === 'boot').length).toBe(3);
  expect(steps.filter(([, , code]) => code === 'guest-crashed').length).toBe(3);
  const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
  expect(notes).toEqual([
    "s@t got a fresh machine after 'one': 2 tests were left",
    "s@t got a fresh machine after 'two': 1 test was left",
  ]);
  const splats = events.flatMap((event) => (event.type === 'splat' ? [event.splat] : []));
  expect(splats.length).toBe(3);
});

const floods = (answer: Omit<FakeAnswer, 'match'>): Parameters<typeof jobOf>[1] =>
  bootOk({ match: 'run-test.* two ', boots: [1], ...answer });

// The second of three tests floods us; what came before it stands, and what comes after it runs in a fresh machine.
test.each<[string, Omit<FakeAnswer, 'match'>, string]>([
  [
    '10^6 results',
    { stdout: 'TAP version 13\n1..1000000\n', endless: 'ok - x\n' },
    'too-many-results',
  ],
  [
    'results with long diagnostics',
    { endless: `# ${'w'.repeat(4000)}\nnot ok - x\n` },
    'too-many-results',
  ],
  ['plans of a thousand results', { endless: '1..1000\nok 1 - x\n' }, 'too-many-results'],
  [
    'a stream without an end',
    { stdout: '1..1\nok 1 - x\n', endless: 'chatter\n' },
    'too-much-output',
  ],
  ['a line without an end', { stdout: '1..1\n', endless: 'x' }, 'too-much-output'],
  ['requests to the machine', { endless: '# pgmap: lab plug nothing\n' }, 'too-much-output'],
  [
    'a console flood',
    { consoleBytes: limits.consoleBytesPerBoot + 100, ms: 20_000 },
    'console-flood',
  ],
])('%s: an ERROR of that test, and bounded', async (name, answer, code) => {
  const before = process.memoryUsage().rss;
  const events = await jobOf(`flood-${name}`, floods(answer), 30, [], ['one', 'two', 'three']);
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
  const points = events.flatMap((event) => (event.type === 'test' ? [event.point] : []));
  const whole = points.filter(({ path, status }) => path.length === 2 && status !== 'PASS');
  expect(whole.map(({ path, status }) => [path[1], status])).toEqual([['two', 'ERROR']]);
  expect(ends(events).filter(([step]) => step === 'suite')).toEqual([
    ['suite', 'ERROR', code],
    ['suite', 'PASS', undefined],
  ]);
  for (const other of ['one', 'three'])
    expect(points.some(({ path, status }) => path[1] === other && status === 'PASS')).toBe(true);
  expect(points.length).toBeLessThanOrEqual(limits.results.test + 20);
  const { size } = await stat(join(rig.dir, `flood-${name}`, 'jobs/s@t/tap.log'));
  expect(size).toBeLessThanOrEqual(limits.outputBytes.test + 2 ** 17);
});

test('a machine that cannot be reset is no fault of the test, and those after it run', async () => {
  const scenario = { ...bootOk(), refuse: { system_reset: 'not now' } };
  const events = await jobOf('no-reset', scenario, 30, [], ['resets', 'after']);
  expect(ends(events).filter(([step]) => step === 'suite')).toEqual([
    ['suite', 'MISS', 'qemu-reset'],
    ['suite', 'PASS', undefined],
  ]);
  const points = events.flatMap((event) => (event.type === 'test' ? [event.point] : []));
  const whole = points.filter(({ path }) => path.length === 2);
  expect(whole.map(({ path, status }) => [path[1], status])).toEqual([['resets', 'MISS']]);
  expect(points.some(({ path, status }) => path[1] === 'after' && status === 'PASS')).toBe(true);
});

test('a console that is flooded while the kernel boots: FAIL of boot', async () => {
  const line = `[    1.000000] ${'once more '.repeat(800)}\n`;
  const console = `[    0.000000] Linux version 6.12\n${line.repeat(limits.consoleBytesPerBoot / line.length + 10)}`;
  const events = await jobOf('flood-boot', { ...bootOk(), console, neverReady: true }, 1);
  expect(ends(events)[0]).toEqual(['boot', 'FAIL', 'console-flood']);
});

test('more kernel reports than anybody reads: the first ones, and an ERROR', async () => {
  const report =
    '[    9.000000] WARNING: CPU: 0 PID: 1 at mm/x.c:1 some_function+0x1/0x2\n[    9.000000] ---[ end trace 0000000000000000 ]---\n';
  const scenario: FakeScenario = {
    ...bootOk(),
    kind: 'splat-during',
    during: 'run-test',
    splat: report.repeat(limits.reportsPerJob + 50),
  };
  const events = await jobOf('flood-reports', scenario, 1);
  expect(events.filter((event) => event.type === 'splat').length).toBe(limits.reportsPerJob);
  expect(ends(events).at(-1)).toEqual(['teardown', 'ERROR', 'too-many-reports']);
});
