// The recorder in a job, against a QEMU that plays along.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { EventBody } from '../core/event.ts';
import type { PlannedJob } from '../core/plan.ts';
import { newGuestKeys } from '../guest/keys.ts';
import { keysLayer, writeInitrd } from '../image/initrd.ts';
import { runJob } from '../job/job.ts';
import { newRecorder } from './recording.ts';
import { bootOk, newRig } from '../testing/rig.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('each test is recorded by itself, the start of the modules too, and the topology’s modules wait for that', async () => {
  await using rig = await newRig();
  const one = { name: 'one', run: ['./x'], timeoutMs: 10_000, needs: { config: [] }, leaves: {} };
  const suite = { name: 's', types: [], modules: ['second'], append: [], allow: [], programs: [] };
  const topology = { name: 't', cpus: 1, memory: '64M', machine: {}, nodes: [], signs: [] };
  const plan = {
    ...{ id: 's@t', tests: [{ ...one, cases: [] }], suite },
    topology: { ...topology, append: [], devices: [], hotplug: [], modules: ['first'] },
  } as unknown as PlannedJob;
  const functions = [
    { file: 'mm/hmm.c', name: 'hmm_range_fault', place: 'ffffffff81000000' },
    { file: 'mm/hmm.c', name: 'gone', place: 'm:gone+0' },
  ];
  const { signal } = new AbortController();
  const recorder = newRecorder(plan, functions, signal);
  const scenario = bootOk(
    { match: '^sh .*modprobe.* first second$', stdout: '' },
    { match: 'run-test s one 10 sh .*echo start.* ./x$', stdout: '1..1\nok 1 - seen\n' },
    {
      match: '^cat /proc/pgmap_probe/reach$',
      stdout: 'refused mm/hmm.c:gone -22\nhit mm/hmm.c:hmm_range_fault\n# watched=2\nhit torn',
    },
  );
  vi.stubEnv('PATH', `${await rig.qemu(scenario)}:${process.env['PATH']}`);
  const [keys, runDir] = [newGuestKeys(), join(rig.dir, 'run')];
  await mkdir(runDir);
  await writeInitrd(join(runDir, 'initrd'), [keysLayer(keys)]);
  await writeFile(join(runDir, 'bzImage'), '');
  const events: EventBody[] = [];
  await runJob(
    {
      ...{ plan: recorder.plan, through: recorder.through, keys, runDir },
      ...{ qemu: 'qemu-system-x86_64', image: join(runDir, 'bzImage'), accel: 'tcg' },
      ...{ initrd: join(runDir, 'initrd'), timeoutScale: 1, unmet: () => undefined },
    },
    { signal, emit: (event) => events.push(event) },
  );
  const points = events.flatMap((event) => (event.type === 'test' ? [event.point.path] : []));
  expect(points).toContainEqual(['s', 'one', 'seen']);
  const hit = { 'mm/hmm.c': ['hmm_range_fault'] };
  const { reach, refused } = recorder.end();
  expect(reach).toEqual({ boot: hit, tests: { one: hit } });
  expect([...refused]).toEqual([['mm/hmm.c:gone', 'kprobes: -22']]);
  expect(recorder.plan.topology.modules).toEqual([]);
});
