// Bisections end to end: the real command, histories of a small tree, a QEMU in which kernels with a mark fail.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bisectSchema } from '../config/bisect-results.ts';
import type { Step } from '../core/bisect/step.ts';
import type { FakeAnswer } from '../testing/fake-qemu.ts';
import { fakeTree, userGit } from '../testing/fakelinux/fakelinux.ts';
import { randomFrom } from '../testing/bisect-play.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';
import { fakeSeries, mark } from '../testing/series.ts';

// Another place for the fault each time; PGMAP_SEED=N repeats one.
const seed = Number(process.env['PGMAP_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

// Dozens of boots each.
vi.setConfig({ testTimeout: 300_000 });

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const failing: FakeAnswer = {
  match: 'run-test core one ',
  stdout: '1..1\nnot ok 1 - held\n',
  code: 1,
  kernel: 'PLANTED',
};
const ask = ['--topology', 'small', '--accel', 'tcg', '--test', 'core > one'];

interface History {
  readonly tree: string;
  /** Oldest first. */
  readonly commits: string[];
  readonly culprit: string;
  readonly broken: ReadonlySet<string>;
}

const breakage = 'int broken = ;';

/** Far enough from each other that each line can be taken back alone. */
const slots = Array.from({ length: 16 }, (_, at) => `/* slot ${at} */\n${'//\n'.repeat(7)}`).join(
  '',
);

/** Sixteen commits: comments, code, a side branch, a stretch of three that do not build, and the fault at `fault`. */
async function newHistory(name: string, fault: number): Promise<History> {
  const tree = await fakeTree(join(rig.dir, name));
  const file = join(tree, 'mm/memremap.c');
  await writeFile(file, `${await readFile(file, 'utf8')}\n${slots}`);
  await userGit(tree, 'commit', '--quiet', '--all', '--amend', '--no-edit');
  const commits: string[] = [];
  const broken = new Set<string>();
  let culprit = '';
  for (let at = 0; at < 16; at++) {
    if (at === 5) await userGit(tree, 'checkout', '--quiet', '-b', 'side', 'HEAD~2');
    const kind = at === fault ? 'fault' : at === 9 ? 'break' : at % 3 === 0 ? 'comment' : 'code';
    const lines = {
      fault: mark('PLANTED'),
      break: breakage,
      comment: `/* step ${at} */`,
      code: `int step_${at} = ${at};`,
    };
    const text = await readFile(file, 'utf8');
    const mended = at === 12 ? text.replace(breakage, '') : text;
    await writeFile(file, mended.replace(`/* slot ${at} */`, lines[kind]));
    await userGit(tree, 'commit', '--quiet', '--all', '-m', `${kind} ${at}`);
    const id = await userGit(tree, 'rev-parse', 'HEAD');
    commits.push(id);
    if (at >= 9 && at < 12) broken.add(id);
    if (at === fault) culprit = id;
    if (at === 6) {
      await userGit(tree, 'checkout', '--quiet', '-');
      await userGit(tree, 'merge', '--quiet', '--no-ff', '-m', 'merge the side branch', 'side');
    }
  }
  return { tree, commits, culprit, broken };
}

const stepsIn = (dir: string): Step[] =>
  readFileSync(join(dir, 'bisect.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Step);
const ran = (dir: string, ...purposes: string[]): string[] =>
  stepsIn(dir).flatMap((step) =>
    step.type === 'observe' && purposes.includes(step.purpose) ? [step.commit] : [],
  );

test(`the commit among sixteen with a merge and a stretch that does not build; seed ${seed}`, async () => {
  const random = randomFrom(seed);
  const places = [0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15];
  const fault = places[Math.floor(random() * places.length)] ?? 0;
  const { broken, commits, culprit, tree } = await newHistory('history', fault);
  const out = join(rig.dir, 'bisected');
  const base = await userGit(tree, 'rev-parse', `${commits[0]}~1`);
  const argv = ['bisect', '--tree', tree, '--good', base, '--rate', '1', '--out', out, ...ask];
  const { code, stderr, stdout } = await rig.pgmap(argv, { scenario: bootOk(failing) });
  const report = bisectSchema.parse(JSON.parse(await readFile(join(out, 'bisect.json'), 'utf8')));
  expect(code, stderr).toBe(0);
  expect(report.answer).toMatchObject({ kind: 'culprit', commit: culprit, confidence: 1 });
  expect(stdout).toContain(`first bad commit: ${culprit.slice(0, 12)} ("fault ${fault}")`);
  expect(stdout).toContain('the bad end with it reverted was good');
  expect(stdout).toContain('failed again in 3 of 3');
  // Comments make the same kernel, and what does not build is tried at most twice.
  expect(new Set(ran(out, 'search')).size).toBeLessThanOrEqual(6);
  expect(ran(out, 'search').filter((id) => broken.has(id)).length).toBeLessThanOrEqual(2);

  const mail = await readFile(join(out, 'report.mail'), 'utf8');
  expect(mail).toMatch(/^To: Ann Author <ann@example\.org>\n/);
  expect(mail).toContain(`#regzbot introduced: ${culprit}\n`);
  expect(mail).toContain('--test');

  // By hand from here: git comes to the same, and asks nothing.
  const said = execFileSync('git', ['bisect', 'replay', join(out, 'bisect.log')], {
    cwd: tree,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = await userGit(tree, 'bisect', 'log');
  expect(`${said}${log}`).toMatch(
    new RegExp(`${culprit} is the first bad commit|first bad commit: \\[${culprit}\\]`),
  );
  await userGit(tree, 'bisect', 'reset');

  const replay = await rig.pgmap(['bisect', '--replay', out]);
  expect(replay.stdout).toBe(stdout);
});

test('a culprit that does not build is one of a range, and a fix-up tells which', async () => {
  const { broken, commits, culprit, tree } = await newHistory('fix-up', 10);
  expect(broken).toContain(culprit);
  const argv = ['bisect', '--tree', tree, '--good', commits[7] ?? '', '--bad', commits[13] ?? ''];
  const more = ['--rate', '1', '--no-proof', '--format', 'json', ...ask];
  const options = { scenario: bootOk(failing) };
  const plain = await rig.pgmap([...argv, ...more], options);
  expect(plain.code, plain.stderr).toBe(125);
  expect(JSON.parse(plain.stdout)).toMatchObject({
    answer: { kind: 'range', commits: commits.slice(9, 13) },
  });
  const fix = join(rig.dir, 'fix.diff');
  const file = join(tree, 'mm/memremap.c');
  await userGit(tree, 'checkout', '--quiet', commits[9] ?? '');
  await writeFile(file, (await readFile(file, 'utf8')).replace(breakage, ''));
  await writeFile(fix, `${await userGit(tree, 'diff')}\n`);
  await userGit(tree, 'checkout', '--quiet', '--force', 'master');
  const mended = await rig.pgmap([...argv, ...more, '--with-patch', fix], options);
  expect(mended.code, mended.stderr).toBe(0);
  expect(JSON.parse(mended.stdout)).toMatchObject({ answer: { kind: 'culprit', commit: culprit } });
});

test('by hand: git bisect run, with pgmap run for each commit', async () => {
  const { commits, culprit, tree } = await newHistory('by-hand', 14);
  const bin = await rig.qemu(bootOk(failing));
  const command = [
    process.execPath,
    join(rig.project, 'dist/cli.js'),
    'run',
    '--tree',
    '.',
    ...ask,
  ];
  await userGit(tree, 'bisect', 'start', 'HEAD', `${commits[0]}~1`);
  const env = {
    ...{ HOME: rig.dir, XDG_CACHE_HOME: join(rig.dir, 'cache'), LC_ALL: 'C' },
    ...{ XDG_STATE_HOME: join(rig.dir, 'state'), PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  };
  const child = spawn('git', ['bisect', 'run', ...command], { cwd: tree, env });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code, said).toBe(0);
  // Commits that do not build are skipped, by exit code 125.
  expect(said).toContain(`${culprit} is the first bad commit`);
  expect(await userGit(tree, 'bisect', 'log')).toContain('# first bad commit');
});

test('a dry run says what is searched, and does nothing', async () => {
  const { commits, tree } = await newHistory('dry', 3);
  const before = await rig.written();
  const argv = ['bisect', '--tree', tree, '--good', `${commits[0]}~1`, '--dry-run', ...ask];
  const { code, stderr, stdout } = await rig.pgmap(argv);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("# bad is: 'core > one' is FAIL");
  expect(stdout).toContain('# 17 commits to search, 5 kernels if all of them build and boot');
  expect(stdout).toContain('# core@small: one\n');
  expect(stdout).toMatch(/^qemu-system-x86_64 /m);
  const kernels = (paths: string[]) =>
    paths.filter((path) => /^(?:cache.pgmap.(?:kernels|objects)|state.pgmap.runs)./.test(path));
  expect(kernels(await rig.written())).toEqual(kernels(before));
  const series = await fakeSeries(rig.dir, rig.tree, 'dry-series', [
    { subject: 'mm/memremap: one', add: mark('harmless') },
  ]);
  const other = await rig.pgmap(['bisect', '--tree', rig.tree, series, '--boot', '--dry-run']);
  expect(other.stdout).toContain(`# the first bad patch of ${series} on what they are for`);
});

test('killed in the middle, it goes on where it was', async () => {
  const { commits, culprit, tree } = await newHistory('killed', 13);
  const out = join(rig.dir, 'killed-run');
  const argv = ['bisect', '--tree', tree, '--good', `${commits[0]}~1`, '--rate', '1', '--no-proof'];
  const { child, done } = await rig.start([...argv, '--out', out, ...ask], {
    scenario: bootOk(failing),
  });
  while (!existsSync(join(out, 'bisect.ndjson')) || ran(out, 'search').length < 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGKILL');
  await done;
  const before = stepsIn(out);
  // A line that was cut off, as a full disk leaves it.
  await writeFile(join(out, 'bisect.ndjson'), '{"type":"obse', { flag: 'a' });
  const again = await rig.pgmap(['bisect', '--resume', out], { scenario: bootOk(failing) });
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain(`first bad commit: ${culprit.slice(0, 12)}`);
  const after = stepsIn(out);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after[before.length]).toEqual({ type: 'resume' });
  // Nothing that was known is asked again.
  expect(new Set(ran(out, 'search')).size).toBe(ran(out, 'search').length);
});

test('a fault that shows in every other run is found, with a rate', async () => {
  const series = await fakeSeries(rig.dir, rig.tree, 'flaky', [
    { subject: 'mm/memremap: one', add: mark('harmless') },
    { subject: 'mm/memremap: two', add: mark('PLANTED') },
    { subject: 'mm/memremap: three', add: mark('more') },
  ]);
  const odd = Array.from({ length: 500 }, (_, at) => 2 * at + 1);
  const out = join(rig.dir, 'flaky-run');
  const argv = ['bisect', '--tree', rig.tree, '--confidence', '70', '--no-proof', '--jobs', '1'];
  const { code, stderr, stdout } = await rig.pgmap([...argv, '--out', out, ...ask, series], {
    scenario: bootOk({ ...failing, boots: odd }),
  });
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('("mm/memremap: two")');
  expect(stdout).toMatch(/shows +in 8 of 1\d runs at the bad end/);
  expect(stdout).toMatch(/sure +(?:7\d|8\d)/);
  expect(await readFile(join(out, 'report.mail'), 'utf8')).not.toContain('regzbot');
});

test('a kernel report: only the test that it comes during is run', async () => {
  const series = await fakeSeries(rig.dir, rig.tree, 'splat', [
    { subject: 'mm/memremap: one', add: mark('harmless') },
    { subject: 'mm/memremap: two', add: mark('PLANTED') },
  ]);
  const splat = [
    '[    2.000000] ------------[ cut here ]------------',
    '[    2.000001] WARNING: CPU: 0 PID: 77 at mm/memremap.c:123 pagemap_range+0x1f/0x40',
    '[    2.000002] Modules linked in:',
    '[    2.000003] ---[ end trace 0000000000000000 ]---',
    '',
  ].join('\n');
  const out = join(rig.dir, 'splat-run');
  const begun = '[    1.900000] pgmap: begin core > two\n';
  const ended = await rig.pgmap(
    [
      ...['bisect', '--tree', rig.tree, '--splat', 'WARNING in pagemap_range', '--suite', 'core'],
      ...['--accel', 'tcg', '--rate', '1', '--no-proof', '--out', out, series],
    ],
    {
      scenario: {
        ...bootOk(),
        kind: 'splat-during',
        during: 'run-test core two ',
        kernel: 'PLANTED',
        splat: begun + splat,
      },
    },
  );
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout).toContain('("mm/memremap: two")');
  expect(stepsIn(out)[0]).toMatchObject({ type: 'begin', job: 'core@small', tests: ['two'] });
});

test.each([
  ['it did not show at the bad end in 2 runs', [], 'bad-end-good'],
  ['it shows at the good end, too', [{ ...failing, kernel: 'memremap' }], 'good-end-bad'],
] as [string, FakeAnswer[], string][])(
  '%s: 255',
  async (words, answers, code) => {
    const { commits, tree } = await newHistory(code, 3);
    const argv = ['bisect', '--tree', tree, '--good', commits[0] ?? '', '--bad', commits[3] ?? ''];
    const options = ['--patience', '2', '--out', join(rig.dir, `${code}-run`)];
    const ended = await rig.pgmap([...argv, ...options, ...ask], { scenario: bootOk(...answers) });
    expect(ended.code).toBe(255);
    expect(ended.stdout).toContain(words);
    expect(ended.stdout).toContain(`[${code}]`);
  },
  60_000,
);

test('without --good, back in doubling steps; a command of the user says what bad is', async () => {
  const { culprit, tree } = await newHistory('walk', 8);
  const out = join(rig.dir, 'walk-run');
  const command = 'test ! -e /proc/planted';
  const answer = { ...failing, match: 'run-test core .*planted' };
  const argv = ['bisect', '--tree', tree, '--cmd', command, '--suite', 'core', '--rate', '1'];
  const { code, stderr, stdout } = await rig.pgmap(
    [...argv, '--accel', 'tcg', '--no-proof', '--out', out],
    { scenario: bootOk(answer) },
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toContain(`first bad commit: ${culprit.slice(0, 12)}`);
  const walks = stepsIn(out).flatMap((step) => (step.type === 'walk' ? [step.distance] : []));
  expect(walks).toEqual([1, 2, 4, 8]);
});

test('the setting, not the commit', async () => {
  const tree = await fakeTree(join(rig.dir, 'settings'));
  const makefile = join(tree, 'Makefile');
  const text = await readFile(makefile, 'utf8');
  const flag = `$$(sed -n 's/^CONFIG_X86_MCE=y/-DPLANT/p' $(O)/.config)`;
  await writeFile(
    makefile,
    text
      .replace('$(CC) -Wall', () => `$(CC) ${flag} -Wall`)
      .replace('include/linux/memremap.h\n', 'include/linux/memremap.h $(O)/.config\n'),
  );
  const source = join(tree, 'mm/memremap.c');
  const code = await readFile(source, 'utf8');
  await writeFile(source, `${code}#ifdef PLANT\n${mark('PLANTED')}\n#endif\n`);
  await userGit(tree, 'commit', '--quiet', '--all', '-m', 'settings matter');
  const good = join(rig.dir, 'good.config');
  const bad = join(rig.dir, 'bad.config');
  await writeFile(good, 'CONFIG_MODULES=y\n');
  await writeFile(bad, 'CONFIG_MEMORY_FAILURE=y\nCONFIG_MODULES=y\nCONFIG_X86_MCE=y\n');
  const out = join(rig.dir, 'settings-run');
  const argv = ['bisect', '--tree', tree, '--config-bisect', good, bad, '--rate', '1'];
  const ended = await rig.pgmap([...argv, '--out', out, ...ask], { scenario: bootOk(failing) });
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout).toContain('first bad setting: CONFIG_X86_MCE=y');
  expect(existsSync(join(out, 'report.mail'))).toBe(false);
});

test.each([
  ['nothing that is bad', [], 'what-is-bad'],
  ['two things that are', ['--boot', '--splat', 'BUG'], 'what-is-bad'],
  ['no guests at all', ['--boot', '--jobs', '0'], 'bad-jobs'],
  ['a test that is none', ['--test', 'core > oen'], 'unknown-test'],
  [
    'a good end that is no commit',
    ['--test', 'core > one', '--good', 'no-such'],
    'unknown-revision',
  ],
  ['a good end that is the bad one', ['--test', 'core > one', '--good', 'HEAD'], 'ends-apart'],
  ['no folder of a bisection', ['--resume', 'nowhere'], 'no-bisect-log'],
  [
    'a series that has its own ends',
    ['--test', 'core > one', '--bad', 'HEAD', 'x.mbox'],
    'two-ranges',
  ],
])('%s: 255, and nothing is left', async (_, argv, code) => {
  const bisections = async (): Promise<string[]> =>
    (await rig.written()).filter((path) => path.startsWith('state/pgmap/runs/'));
  const before = await bisections();
  const ended = await rig.pgmap(['bisect', '--tree', rig.tree, ...argv]);
  expect(ended.code).toBe(255);
  expect(ended.stderr).toContain(`usage/${code}`);
  expect(await bisections()).toEqual(before);
});
