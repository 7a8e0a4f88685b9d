// Jobs that come to their end without a guest.
import { expect, test } from 'vitest';
import type { EventBody } from '../core/event.ts';
import type { Suite } from '../core/suite.ts';
import type { Topology } from '../core/topology.ts';
import { type JobInputs, runJob } from './job.ts';

const names = ['one', 'another'];
const suite: Suite = {
  ...{ name: 'suite', description: '', types: [], topologies: ['machine'], nightly: false },
  ...{ config: [], modules: [], programs: [], allow: [], append: [] },
  tests: names.map((name) => ({
    ...{ name, run: ['./x'], timeoutMs: 1000, leaves: {}, cases: [] },
    needs: { config: [] },
  })),
};
const topology: Topology = {
  ...{ name: 'machine', description: '', cpus: 1, memory: '1G', machine: {}, nodes: [] },
  ...{ append: [], devices: [], hotplug: [], config: [], modules: [], signs: [] },
};

async function eventsOf(inputs: Pick<JobInputs, 'broken' | 'cannot'>): Promise<EventBody[]> {
  const events: EventBody[] = [];
  await runJob(
    {
      plan: { id: 'suite@machine', suite, topology, tests: suite.tests, reproduce: '' },
      ...{ qemu: '/nowhere/qemu', image: '/nowhere/bzImage', initrd: '/nowhere/initrd.cpio' },
      ...{ accel: 'tcg', timeoutScale: 1, runDir: '/nowhere' },
      keys: { clientPrivate: '', authorized: '', hostPrivate: Buffer.alloc(0), hostPublic: '' },
      unmet: () => undefined,
      ...inputs,
    } as unknown as JobInputs,
    { signal: new AbortController().signal, emit: (event) => void events.push(event) },
  );
  return events;
}

const points = (events: readonly EventBody[]) =>
  events.flatMap((event) => (event.type === 'test' ? [event.point] : []));

test('a suite whose programs do not compile is an ERROR of its tests, with the reason', async () => {
  const broken = {
    blame: 'test',
    code: 'program-does-not-build',
    title: 'access: access.c:3: no',
  } as const;
  const events = await eventsOf({ broken });
  expect(points(events)).toEqual(
    names.map((name) => ({
      ...{ path: ['suite', name], status: 'ERROR', diagnostics: ['access: access.c:3: no'] },
    })),
  );
  expect(events.find((event) => event.type === 'step-end')).toMatchObject({
    ...{ step: 'suite', status: 'ERROR', failure: broken },
  });
});

test('a topology that this host cannot make skips all tests, with the reason', async () => {
  const skipped = points(await eventsOf({ cannot: 'QEMU is too old' }));
  expect(skipped.map((point) => [point.status, point.directive?.reason])).toEqual(
    names.map(() => ['SKIP', 'QEMU is too old']),
  );
});
