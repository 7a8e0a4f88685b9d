// Ctrl-C in each step: the first one ends with a report of what is known, the second one at once, and neither leaves anything.
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resultsSchema } from './config/results.ts';
import type { RunResult } from './core/result.ts';
import type { FakeAnswer } from './testing/fake-qemu.ts';
import { heldRun, leftoversOf, processesOf, type Stop, until } from './testing/held.ts';
import { newRig, type Rig } from './testing/rig.ts';
import { fakeSeries, mark } from './testing/series.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let rig: Rig;
let series: string;
beforeAll(async () => {
  rig = await newRig();
  series = await fakeSeries(rig.dir, rig.tree, 'two', [
    { subject: 'mm/memremap: say what is counted', add: mark('count') },
    { subject: 'mm/memremap: put the page earlier', add: mark('slip') },
  ]);
});
afterAll(() => rig[Symbol.asyncDispose]());

const only = ['--jobs', '1', '--suite', 'core'];
const resultOf = (dir: string): RunResult => {
  const value: unknown = JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8'));
  expect(resultsSchema.safeParse(value).error?.issues).toBeUndefined();
  return value as RunResult;
};
const nothingLeft = async (): Promise<void> => {
  await until(() => processesOf(rig).length === 0);
  expect(leftoversOf(rig)).toEqual([]);
};

test.each<Stop>(['apply', 'checkout', 'configure', 'build', 'image', 'boot', 'suite'])(
  'Ctrl-C in %s: 130, a report of what is known, and how to go on',
  async (stop) => {
    await rm(rig.cache, { recursive: true, force: true });
    const dir = join(rig.dir, `stopped-${stop}`);
    const run = await heldRun(rig, dir, stop, [...only, '--baseline', 'none', series]);
    run.kill('SIGINT');
    const { code, stdout, stderr } = await run.done;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain(`--resume ${dir}`);
    const result = resultOf(dir);
    expect(result.status).toBe('MISS');
    expect(result.jobs.flatMap(({ tests }) => tests.map(({ status }) => status))).not.toContain(
      'FAIL',
    );
    expect(stdout).toContain('MISS');
    for (const name of ['report.txt', 'report.tap', 'junit.xml'])
      expect(existsSync(join(dir, name)), name).toBe(true);
    await nothingLeft();
  },
);

const fails: FakeAnswer = {
  match: 'run-test core two ',
  stdout: '1..2\nok 1 - first\nnot ok 2 - second\n',
  code: 1,
  kernel: 'mark-slip',
};

// Boots: the run, its base, a repetition of either, the culprit, the patches.
test.each([
  ['baseline', 2],
  ['confirm', 3],
  ['culprit', 7],
  ['each', 8],
] as const)('Ctrl-C in %s: what the series does is known by then', async (step, boot) => {
  await rig.pgmap(['clean', '--what', 'results', '--older-than', '0s']);
  const dir = join(rig.dir, `stopped-${step}`);
  const answer = { match: 'run-test core two ', ms: 600_000, boots: [boot] };
  const run = await heldRun(rig, dir, { answer }, [...only, '--each', series], [fails]);
  run.kill('SIGTERM');
  const { code, stderr } = await run.done;
  expect(code, stderr).toBe(130);
  const result = resultOf(dir);
  expect(result.steps.find((one) => one.failure?.code === 'interrupted')?.step).toBe(step);
  expect(result.jobs.map(({ id, status }) => [id, status])).toEqual([['core@small', 'FAIL']]);
  expect(stderr).toContain(`--resume ${dir}`);
  await nothingLeft();
});

test('a second Ctrl-C does not wait for anything', async () => {
  await rm(rig.cache, { recursive: true, force: true });
  const dir = join(rig.dir, 'twice');
  const held = { program: ['make', 'bzImage'], stubborn: true } as const;
  const run = await heldRun(rig, dir, held, only);
  run.kill('SIGINT');
  await until(() => run.stderr().includes('stopping'));
  run.kill('SIGINT');
  const { code, stderr } = await run.done;
  expect(code, stderr).toBe(130);
  expect(stderr).not.toContain('run folder:');
  expect(existsSync(join(dir, 'results.json'))).toBe(false);
  await nothingLeft();

  const other = await heldRun(rig, join(rig.dir, 'twice-guest'), 'suite', only);
  other.kill('SIGINT');
  other.kill('SIGINT');
  expect((await other.done).code).toBe(130);
  await nothingLeft();
});
