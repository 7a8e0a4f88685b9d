// pgmap run --resume: runs of a tree, of a series with its base, patch by patch and repeated, killed and gone on with; and what
// is refused.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunResult } from './core/result.ts';
import type { FakeAnswer } from './testing/fake-qemu.ts';
import { heldRun, processesOf, readEvents, recordsBelow, until } from './testing/held.ts';
import { bootOk, type FinishedRun, newRig, type Rig } from './testing/rig.ts';
import { fakeSeries, mark } from './testing/series.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

let rig: Rig;
/** Two patches, the second of which breaks a test. */
let series: string;
/** What it comes to when nothing happens on the way. */
let whole: FinishedRun;

const only = ['--jobs', '1', '--suite', 'core'];
const fails: FakeAnswer = {
  match: 'run-test core two ',
  stdout: '1..2\nok 1 - first\nnot ok 2 - second\n',
  code: 1,
  kernel: 'mark-slip',
};

beforeAll(async () => {
  rig = await newRig();
  series = await fakeSeries(rig.dir, rig.tree, 'two', [
    { subject: 'mm/memremap: say what is counted', add: mark('count') },
    { subject: 'mm/memremap: put the page earlier', add: mark('slip') },
  ]);
  whole = await rig.run(bootOk(fails), ...only, '--each', series);
});
afterAll(() => rig[Symbol.asyncDispose]());

/** A run whose guest stands still in its boot number `boot`, killed there. */
async function killedAt(boot: number, name: string, argv: readonly string[]): Promise<string> {
  const dir = join(rig.dir, name);
  const answer = { match: 'run-test core two ', ms: 600_000, boots: [boot] };
  const run = await heldRun(rig, dir, { answer }, argv, [fails]);
  run.kill('SIGKILL');
  await run.done;
  await until(() => processesOf(rig).length === 0);
  return dir;
}
const resume = (dir: string, ...more: readonly string[]) =>
  rig.pgmap(['run', '--resume', dir, ...more], { scenario: bootOk(fails) });
const resultOf = (dir: string): RunResult =>
  JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')) as RunResult;
/** What does not hang on time. */
const essence = ({ status, jobs, changes, patches, types }: RunResult): unknown => ({
  status,
  jobs: jobs.map(({ id, status: is, tests, rounds }) => [
    ...[id, is, rounds],
    tests.map(({ path, status: one, rate }) => [path, one, rate]),
  ]),
  changes: changes.map((change) => ({ ...change, reproduce: '' })),
  patches: patches?.map(({ number, build, tests }) => [number, build, tests?.status, tests?.worse]),
  types: Object.entries(types).map(([name, { covered, pages }]) => [name, covered, pages]),
});
/** Boots in all records of a run. */
const boots = (dir: string): number =>
  recordsBelow(dir)
    .flatMap(readEvents)
    .filter((event) => event.type === 'step-begin' && event.step === 'boot').length;

test('a series with its base, repetitions, culprit and every patch: killed in any boot, the same comes out', async () => {
  const all = boots(whole.dir);
  expect(all).toBeGreaterThan(6);
  // The run, its base, a repetition, the last boot of all.
  for (const at of [1, 2, 4, all]) {
    // What is kept of the base from before would hide whether the run's own record was gone on with.
    await rig.pgmap(['clean', '--what', 'results', '--older-than', '0s']);
    const dir = await killedAt(at, `series-${at}`, [...only, '--each', series]);
    const end = await resume(dir);
    expect(end.code, end.stderr).toBe(1);
    expect(essence(resultOf(dir)), `boot ${at}`).toEqual(essence(whole.result));
    // One boot was lost, and no other was done again.
    expect(boots(dir), `boot ${at}`).toBe(all + 1);
  }
});

test('a repeated run goes on in the round in which it was killed', async () => {
  const dir = await killedAt(2, 'repeat', [...only, '--repeat', '3']);
  const end = await resume(dir, '--format', 'json', '--jobs', '2');
  expect(end.code, end.stderr).toBe(0);
  const result = JSON.parse(end.stdout) as RunResult;
  expect(result.jobs.map(({ id, rounds }) => [id, rounds])).toEqual([
    ['core@small', { bad: 0, of: 3 }],
  ]);
  expect(boots(dir)).toBe(4);
  expect(end.stdout).toBe(readFileSync(join(dir, 'results.json'), 'utf8'));
});

test('an interrupted run goes on, too; a torn last line, and reports that are not there, do not matter', async () => {
  const dir = join(rig.dir, 'stopped');
  const answer = { match: 'run-test core two ', ms: 600_000, boots: [1] };
  const run = await heldRun(rig, dir, { answer }, only);
  run.kill('SIGINT');
  const stopped = await run.done;
  expect(stopped.code, stopped.stderr).toBe(130);
  expect(stopped.stderr).toContain(`to go on: npx pgmap run --resume ${dir}`);
  expect(resultOf(dir).status).toBe('MISS');
  appendFileSync(join(dir, 'events.ndjson'), '{"at":99999,"type":"te');
  const end = await resume(dir);
  expect(end.code, end.stderr).toBe(0);
  expect(resultOf(dir).status).toBe('PASS');
  // Killed while it wrote the reports.
  const copy = join(rig.dir, 'reports');
  await cp(dir, copy, { recursive: true, filter: (path) => !path.endsWith('results.json') });
  const reported = await resume(copy);
  expect([reported.code, reported.stdout]).toEqual([0, end.stdout]);
  expect(resultOf(copy)).toEqual(resultOf(dir));
});

test('what cannot be gone on with is refused: 255, and why', async () => {
  const refused = async (code: string, text: string, ...argv: readonly string[]): Promise<void> => {
    const end = await rig.pgmap(['run', '--resume', ...argv]);
    expect(end.code, end.stderr).toBe(255);
    expect(end.stderr).toContain(`[usage/${code}]`);
    expect(end.stderr).toContain(text);
  };
  await refused('run-ended', `npx pgmap report ${whole.dir}`, whole.dir);
  await refused('no-run', 'pgmap list runs', 'never-there');
  const answer = { match: 'run-test core two ', ms: 600_000 };
  const run = await heldRun(rig, join(rig.dir, 'running'), { answer }, only);
  await refused('run-running', 'still going on', run.dir);
  run.kill('SIGKILL');
  await run.done;
  await until(() => processesOf(rig).length === 0);
  await refused('resume-options', 'it takes no --suite', run.dir, '--suite', 'core');
  await refused('resume-options', 'fix.patch', run.dir, 'fix.patch');

  const before = readFileSync(join(run.dir, 'events.ndjson'), 'utf8');
  const script = join(rig.project, 'suites/core/two.sh');
  const was = readFileSync(script, 'utf8');
  writeFileSync(script, `${was}# other\n`);
  await refused('run-changed', 'suite core', run.dir);
  writeFileSync(script, was);
  const source = join(rig.tree, 'mm/memremap.c');
  const text = readFileSync(source, 'utf8');
  writeFileSync(source, `${text}/* other */\n`);
  await refused('run-changed', 'the kernel tree', run.dir);
  writeFileSync(source, text);
  // None of that has left a trace.
  expect(readFileSync(join(run.dir, 'events.ndjson'), 'utf8')).toBe(before);

  const { run: info, ...begin } = JSON.parse(before.split('\n')[0] ?? '');
  const { origin: _, ...old } = info;
  writeFileSync(join(run.dir, 'events.ndjson'), `${JSON.stringify({ ...begin, run: old })}\n`);
  await refused('not-resumable', 'run it again from the beginning', run.dir);
});
