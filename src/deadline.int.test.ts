// A run whose time is over, as a whole: with dist/testing/fake-qemu.js in place of QEMU. `tsc` comes first.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootOk, newRig, type Rig } from './testing/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await newRig();
  // Builds the kernel, so that the deadline comes when the guest is up.
  await rig.run(bootOk(), '--suite', 'core');
});
afterAll(() => rig[Symbol.asyncDispose]());

test('the guest is asked where it is, nothing is green, and --resume goes on', async () => {
  const scenario = bootOk({ match: 'run-test.* two ', ms: 600_000 });
  const more = ['--suite', 'core', '--deadline', '8s'];
  const { code, dir, result, stderr } = await rig.run(scenario, ...more);
  expect(code, stderr).toBe(130);
  expect(result.status).toBe('MISS');
  expect(result.notes.join()).toContain('the deadline of 8.0 s was over');
  const [job] = result.jobs;
  expect(job).toMatchObject({ status: 'MISS', failure: { blame: 'usage', code: 'deadline' } });
  expect(job?.failure?.detail).toContain('CPU 0: halted');
  const point = job?.tests.find(({ path }) => path[1] === 'two');
  expect(point).toMatchObject({ status: 'MISS' });
  const again = await rig.pgmap(['run', '--resume', dir]);
  expect(again.code, again.stderr).toBe(0);
}, 60_000);

test('what is no duration is refused before anything is done', async () => {
  const { code, stderr } = await rig.pgmap(['run', '--tree', rig.tree, '--deadline', 'soon']);
  expect(code).toBe(255);
  expect(stderr).toContain("'soon' is no duration");
});
