// The tool killed with SIGKILL in each step of a run: nothing lives on, nothing is in the way, and the run goes on from its last
// finished job.
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { resultsSchema } from './config/results.ts';
import type { Event } from './core/event.ts';
import type { RunResult } from './core/result.ts';
import type { FakeAnswer } from './testing/fake-qemu.ts';
import { heldRun, leftoversOf, processesOf, readEvents, type Stop, until } from './testing/held.ts';
import { bootOk, newRig, type Rig } from './testing/rig.ts';
import { fakeSeries, mark } from './testing/series.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

let rig: Rig;
let series: string;
beforeAll(async () => {
  rig = await newRig();
  series = await fakeSeries(rig.dir, rig.tree, 'two', [
    { subject: 'mm/memremap: say what is counted', add: '/* mappings */' },
    { subject: 'mm/memremap: put the page earlier', add: mark('slip') },
  ]);
});
afterAll(() => rig[Symbol.asyncDispose]());

const two = ['--jobs', '1', '--suite', 'core', '--suite', 'disk'];

const resultOf = (dir: string): RunResult => {
  const value: unknown = JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8'));
  expect(resultsSchema.safeParse(value).error?.issues).toBeUndefined();
  return value as RunResult;
};
const eventsOf = (dir: string): Event[] => readEvents(join(dir, 'events.ndjson'));
/** How often each job of a record was booted. */
const bootsOf = (dir: string): Record<string, number> => {
  const boots: Record<string, number> = {};
  for (const event of eventsOf(dir))
    if (event.type === 'step-begin' && event.step === 'boot' && event.job !== undefined)
      boots[event.job] = (boots[event.job] ?? 0) + 1;
  return boots;
};
const gone = (): Promise<void> => until(() => processesOf(rig).length === 0);
const resume = (dir: string, ...answers: readonly FakeAnswer[]) =>
  rig.pgmap(['run', '--resume', dir], { scenario: bootOk(...answers) });

test.each<Stop>(['apply', 'checkout', 'configure', 'build', 'install', 'image', 'boot', 'suite'])(
  'killed in %s: nothing is left running, and the run goes on',
  async (stop) => {
    // Nothing is known from before, so that each step has something to do.
    await rm(rig.cache, { recursive: true, force: true });
    const dir = join(rig.dir, `killed-${stop}`);
    const run = await heldRun(rig, dir, stop, [...two, '--baseline', 'none', series]);
    run.kill('SIGKILL');
    await run.done;
    await gone();
    const end = await resume(dir);
    expect(end.code, end.stderr).toBe(0);
    const result = resultOf(dir);
    expect([result.status, result.interrupted]).toEqual(['PASS', undefined]);
    expect(result.jobs.map(({ id, status }) => [id, status])).toEqual([
      ['core@small', 'PASS'],
      ['disk@disk', 'PASS'],
    ]);
    expect(result.notes[0]).toMatch(/^The run was cut short after 0 of 2 jobs, and went on at /);
    expect(leftoversOf(rig)).toEqual([]);
    expect(await gone()).toBeUndefined();
  },
);

test('what is finished is not run again, and what is half counts for nothing', async () => {
  const dir = join(rig.dir, 'half');
  // The longest job runs first; the second one is cut, in its second test.
  const hold = { answer: { match: 'run-test (core two|disk only) ', ms: 600_000, boots: [2] } };
  const run = await heldRun(rig, dir, hold, two);
  const told = eventsOf(dir).length;
  run.kill('SIGKILL');
  await run.done;
  await gone();
  const before = bootsOf(dir);
  const end = await resume(dir);
  expect(end.code, end.stderr).toBe(0);
  const ids = Object.keys(before);
  expect(ids).toHaveLength(2);
  expect(bootsOf(dir)).toEqual({ [ids[0] ?? '']: 1, [ids[1] ?? '']: 2 });
  expect(resultOf(dir).notes[0]).toContain('after 1 of 2 jobs');
  expect(resultOf(dir).jobs.flatMap((job) => job.tests.map((point) => point.path))).toEqual(
    (await rig.run(bootOk(), ...two)).result.jobs.flatMap((job) =>
      job.tests.map(({ path }) => path),
    ),
  );
  // The record was only added to.
  expect(eventsOf(dir).length).toBeGreaterThan(told);
  expect(eventsOf(dir)[told]?.type).toBe('resume');
  expect(leftoversOf(rig)).toEqual([]);
});
