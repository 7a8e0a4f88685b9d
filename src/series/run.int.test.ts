// What a series changed, end to end: the base is run too or known from before, regressions are confirmed, and the patch is named.
import { readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resultsSchema } from '../config/results.ts';
import type { Change } from '../core/change.ts';
import type { RunResult } from '../core/result.ts';
import type { FakeAnswer } from '../testing/fake-qemu.ts';
import { bootOk, newRig, type Rig } from '../testing/rig.ts';
import { fakeSeries, mark } from '../testing/series.ts';

// Each of these is several runs of the command.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

let rig: Rig;
/** Three patches; the second one gives the kernel the mark `slip`. */
let three: string;
beforeAll(async () => {
  rig = await newRig();
  three = await fakeSeries(rig.dir, rig.tree, 'three', [
    { subject: 'mm/memremap: say what is counted', add: '/* mappings */' },
    { subject: 'mm/memremap: put the page earlier', add: mark('slip') },
    { subject: 'mm/memremap: say it again', add: '/* of all types */' },
  ]);
});
afterAll(() => rig[Symbol.asyncDispose]());

/** A test of core fails on kernels with the mark. */
const fails = (name: string, kernel?: string, boots?: readonly number[]): FakeAnswer => ({
  match: `run-test core ${name} `,
  stdout: '1..2\nok 1 - first\nnot ok 2 - second\n',
  code: 1,
  ...(kernel === undefined ? {} : { kernel }),
  ...(boots === undefined ? {} : { boots }),
});
const brief = ({ changes }: RunResult) =>
  changes.map(({ kind, path, was, is }) => [kind, path.join(' > '), was, is]);
const stepsOf = ({ steps }: RunResult) =>
  Object.fromEntries(steps.map(({ step, note, status }) => [step, note ?? status]));
const kernels = (): number => readdirSync(join(rig.cache, 'kernels')).length;
const only = ['--suite', 'core'];

test('a harmless series: 0, nothing changed; the second time the base takes no build and no boot', async () => {
  const harmless = await fakeSeries(rig.dir, rig.tree, 'harmless', [
    { subject: 'mm/memremap: a comment', add: '/* harmless */' },
  ]);
  const first = await rig.run(bootOk(), ...only, harmless);
  expect(first.code, first.stderr).toBe(0);
  expect(first.result).toMatchObject({
    changes: [],
    baseline: { kind: 'base', jobs: 1, cached: 0 },
  });
  expect(first.boots).toHaveLength(2);
  expect(readdirSync(join(first.dir, 'base'))).toContain('events.ndjson');
  expect(first.stdout.trimEnd().split('\n').at(-1)).toContain('nothing is worse than the base');
  expect(resultsSchema.safeParse(first.result).error?.issues).toBeUndefined();

  // Not even the base's kernel is needed any more.
  const base = JSON.parse(
    await readFile(join(first.dir, 'base/events.ndjson'), 'utf8').then(
      (text) => text.split('\n').find((line) => line.includes('"type":"kernel"')) ?? '',
    ),
  ) as { kernel: { key: string } };
  await rm(join(rig.cache, 'kernels', base.kernel.key), { recursive: true });
  const before = kernels();
  const second = await rig.run(bootOk(), ...only, harmless);
  expect(second.code).toBe(0);
  expect(second.result).toMatchObject({ changes: [], baseline: { jobs: 1, cached: 1 } });
  expect(stepsOf(second.result)).toMatchObject({ build: 'cached', baseline: 'cached' });
  expect(kernels()).toBe(before);
  // The series itself is run again: that is what was asked for.
  expect(second.boots).toHaveLength(1);

  // What was known before the suite was changed is not known any more.
  await writeFile(join(rig.project, 'suites/core/two.sh'), '#!/bin/sh\n# another one\n');
  const third = await rig.run(bootOk(), ...only, harmless);
  expect(third.result).toMatchObject({ changes: [], baseline: { jobs: 1, cached: 0 } });
  expect(third.boots).toHaveLength(2);
});

test('pgmap clean drops results of jobs', async () => {
  const folder = join(rig.cache, 'results');
  expect(readdirSync(folder).length).toBeGreaterThan(0);
  const { code, stdout } = await rig.pgmap(['clean', '--what', 'results', '--older-than', '0s']);
  expect([code, stdout.includes('dropping results/')]).toEqual([0, true]);
  expect(readdirSync(folder)).toEqual([]);
});

test('a regression is confirmed, and the patch that brings it is named', async () => {
  const { code, result, stdout, stderr } = await rig.run(
    bootOk(fails('two', 'mark-slip')),
    ...only,
    three,
  );
  expect(code, stderr).toBe(1);
  expect(brief(result)).toEqual([['regression', 'core > two > second', 'PASS', 'FAIL']]);
  expect(result.changes[0]).toMatchObject({
    job: 'core@small',
    rate: { is: { bad: 3, of: 3 }, was: { bad: 0, of: 3 } },
    patch: { number: 2, of: 3, title: 'mm/memremap: put the page earlier' },
  });
  expect(result.changes[0]?.reproduce).toMatch(
    /--suite core --topology small --test 'core > two'$/,
  );
  expect(stdout).toContain("first bad patch: 2/3 'mm/memremap: put the page earlier'");
  expect(stdout.trimEnd().split('\n').at(-1)).toContain(
    "regression in patch 2/3 'mm/memremap: put the page earlier': core > two > second",
  );
  expect(stepsOf(result)).toMatchObject({ confirm: 'up to 2 more runs of each', culprit: 'PASS' });
  expect(resultsSchema.safeParse(result).error?.issues).toBeUndefined();
});

test('a test that fails on the base, too, does not blame the series', async () => {
  const { code, result, stdout } = await rig.run(
    bootOk(fails('two')),
    ...only,
    three,
    '--config',
    await fragment('a'),
  );
  expect([code, result.status]).toEqual([0, 'FAIL']);
  expect(brief(result)).toEqual([['known', 'core > two > second', 'FAIL', 'FAIL']]);
  expect(stdout.trimEnd().split('\n').at(-1)).toContain('nothing is worse than the base (1 known)');
});

test('a fix is told, and a test that is lost leaves the kernel unjudged', async () => {
  const fix = await rig.run(
    bootOk({ match: 'run-test core two ', kernel: 'mark-slip', stdout: passes }, fails('two')),
    ...[...only, three, '--config', await fragment('b')],
  );
  expect([fix.code, fix.result.status]).toEqual([0, 'PASS']);
  expect(brief(fix.result)).toEqual([['fix', 'core > two > second', 'FAIL', 'PASS']]);

  const lost = await rig.run(
    bootOk({
      match: 'run-test core two ',
      kernel: 'mark-slip',
      stdout: 'Segmentation fault\n',
      code: 139,
    }),
    ...[...only, three, '--config', await fragment('c')],
  );
  expect(brief(lost.result)).toEqual([['gone', 'core > two', 'PASS', 'ERROR']]);
  expect(lost.result.changes[0]?.rate).toEqual({ is: { bad: 3, of: 3 }, was: { bad: 0, of: 3 } });
  expect(lost.code).toBe(125);
});

test('what comes and goes is flaky, with its rate, and blames nobody', async () => {
  // Boots: 1 series, 2 base, 3 series again.
  const { code, result, stdout } = await rig.run(
    bootOk(fails('two', 'mark-slip', [1])),
    ...[...only, three, '--config', await fragment('d')],
  );
  expect(brief(result)).toEqual([['flaky', 'core > two > second', 'PASS', 'FAIL']]);
  const [change] = result.changes as [Change];
  expect(change.rate?.is.bad).toBe(1);
  expect(change.patch).toBeUndefined();
  expect(stdout).toContain(`bad in 1 of ${change.rate?.is.of} runs`);
  expect(code).toBe(0);
});

test('a kernel report and a boot that fails are regressions like others', async () => {
  const report = {
    kind: 'splat-during',
    during: 'run-test core two ',
    kernel: 'mark-slip',
  } as const;
  const splat = [
    '[    2.000000] ------------[ cut here ]------------',
    '[    2.000001] WARNING: CPU: 0 PID: 77 at mm/memremap.c:123 memremap_pages+0x1f/0x40',
    '[    2.000003] Call Trace:',
    '[    2.000005]  memremap_pages+0x1f/0x40',
    '[    2.000007] ---[ end trace 0000000000000000 ]---',
    '',
  ].join('\n');
  const { code, result } = await rig.run(
    { ...bootOk(), ...report, splat },
    ...[...only, three, '--config', await fragment('e')],
  );
  expect(code).toBe(1);
  expect(result.changes).toMatchObject([
    {
      kind: 'regression',
      path: ['core', 'kernel reports', 'WARNING in memremap_pages'],
      patch: { number: 2, of: 3 },
    },
  ]);
});

test('a series that does not build where its base does: 1; where neither does: 125', async () => {
  const breaks = await fakeSeries(rig.dir, rig.tree, 'breaks', [
    { subject: 'mm/memremap: fine', add: '/* fine */' },
    { subject: 'mm/memremap: not C', add: 'int broken = ;' },
    { subject: 'mm/memremap: fine again', add: '/* again */' },
  ]);
  const bad = await rig.run(bootOk(), ...only, breaks);
  expect(bad.code).toBe(1);
  expect(bad.result.changes).toMatchObject([
    {
      kind: 'regression',
      path: ['run', 'step build'],
      patch: { number: 2, of: 3, title: 'mm/memremap: not C' },
    },
  ]);
  expect(bad.boots).toEqual([]);

  await writeFile(join(rig.tree, 'FAIL'), 'modules\n');
  try {
    const neither = await rig.run(bootOk(), ...only, three);
    expect([neither.code, neither.result.baseline?.built]).toEqual([125, false]);
  } finally {
    await writeFile(join(rig.tree, 'FAIL'), '');
  }
});

test('a patch that does not build is skipped in the search, and the answer is a range', async () => {
  const series = await fakeSeries(rig.dir, rig.tree, 'gap', [
    { subject: 'mm/memremap: one', add: '/* 1 */' },
    { subject: 'mm/memremap: two, half done', add: `${mark('slip')}\nint half = whole;` },
    { subject: 'mm/memremap: three', replace: ['int half = whole;', 'int half;'] },
  ]);
  const { result, code, stdout } = await rig.run(
    bootOk(fails('two', 'mark-slip')),
    ...only,
    series,
  );
  expect(code).toBe(1);
  expect(result.changes).toMatchObject([
    {
      kind: 'regression',
      patch: { number: 2, upTo: 3, of: 3, title: 'mm/memremap: two, half done' },
    },
  ]);
  expect(stdout).toContain("one of 2/3 'mm/memremap: two, half done' to 3/3");
});

test('known failures: told with reason and link, until they expire', async () => {
  const file = join(rig.project, 'configs/known-failures.yaml');
  const entry = (expires: string): string =>
    `failures:\n  - { test: core > two, reason: fixed in 7.1, link: 'https://example.org/x', expires: ${expires} }\n`;
  try {
    await writeFile(file, entry('2999-01-01'));
    const known = await rig.run(bootOk(fails('two')), ...only);
    expect(known.code).toBe(0);
    expect(known.result.changes).toMatchObject([
      { kind: 'known', reason: 'fixed in 7.1', link: 'https://example.org/x', is: 'FAIL' },
    ]);
    const unseen = await rig.run(bootOk(), ...only);
    expect(unseen.result.notes.join()).toContain("Known failure 'core > two' was not seen");
    await writeFile(file, entry('2020-01-01'));
    const old = await rig.run(bootOk(fails('two')), ...only);
    expect(old.code).toBe(1);
    expect(old.result.notes.join()).toContain('expired on 2020-01-01');
  } finally {
    await writeFile(file, 'failures: []\n');
  }
});

test('--baseline RUN and pgmap compare see the same', async () => {
  const good = await rig.run(bootOk(), ...only);
  const bad = await rig.run(bootOk(fails('one')), ...only, '--baseline', good.dir);
  expect(bad.code).toBe(1);
  expect(brief(bad.result)).toEqual([['regression', 'core > one > second', 'PASS', 'FAIL']]);
  expect(bad.result.changes[0]?.rate).toEqual({ is: { bad: 3, of: 3 }, was: { bad: 0, of: 1 } });
  for (const format of ['plain', 'json', 'markdown']) {
    const compared = await rig.pgmap(['compare', good.dir, bad.dir, '--format', format]);
    expect([compared.code, compared.stdout.includes('regression')]).toEqual([1, true]);
    const back = await rig.pgmap(['compare', bad.dir, good.dir, '--format', format]);
    expect([back.code, back.stdout.includes('fix')]).toEqual([0, true]);
  }
  const none = await rig.pgmap(['compare', good.dir, join(rig.dir, 'nowhere')]);
  expect([none.code, none.stdout]).toEqual([255, '']);
  const missing = await rig.pgmap(['run', '--tree', rig.tree, '--baseline', 'nowhere']);
  expect([missing.code, missing.stderr.includes('usage/no-run')]).toEqual([255, true]);
});

test('--repeat: the worst round counts, and how many there were', async () => {
  const { code, result, stdout, boots } = await rig.run(
    bootOk(fails('two', undefined, [2, 4])),
    ...[...only, '--repeat', '5', '--jobs', '1'],
  );
  expect([code, boots.length]).toEqual([1, 5]);
  const [job] = result.jobs;
  expect(result.jobs).toHaveLength(1);
  expect(job?.rounds).toEqual({ bad: 2, of: 5 });
  const point = job?.tests.find(({ path }) => path.join() === 'core,two,second');
  expect(point).toMatchObject({ status: 'FAIL', rate: { bad: 2, of: 5 } });
  expect(stdout).toContain('2/5');
  expect(resultsSchema.safeParse(result).error?.issues).toBeUndefined();
});

test('--until-fail stops at the first FAIL, or after --repeat rounds', async () => {
  const found = await rig.run(bootOk(fails('two', undefined, [3])), ...only, '--until-fail');
  expect([found.code, found.boots.length]).toEqual([1, 3]);
  const never = await rig.run(bootOk(), ...only, '--until-fail', '--repeat', '2');
  expect([never.code, never.boots.length]).toEqual([0, 2]);
});

const passes = 'TAP version 13\n1..2\nok 1 - first\nok 2 - second\n';

/** A configuration of its own, so that no result of another test is known. */
async function fragment(name: string): Promise<string> {
  const file = join(rig.dir, `${name}.config`);
  await writeFile(
    file,
    `CONFIG_ZONE_DEVICE=y\n# ${name}\nCONFIG_MODULES=y\nCONFIG_${name.toUpperCase()}=y\n`,
  );
  return file;
}
