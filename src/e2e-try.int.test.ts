import { expect, test } from 'vitest';
import { newRig } from './testing/rig.ts';
test('try', async () => {
  const t0 = performance.now();
  await using rig = await newRig();
  const t1 = performance.now();
  const one = await rig.run();
  const t2 = performance.now();
  console.log(t1 - t0, t2 - t1, one.code, one.stdout, one.stderr, one.events.filter(e => e.type.startsWith('step')).map(e => `${e.at} ${e.type} ${e.step} ${e.status}`));
  console.log((await rig.pgmap(['build', '--tree', rig.tree])).stdout, performance.now() - t2);
});
