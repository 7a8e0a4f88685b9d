import { expect, test } from 'vitest';
import { runLocally } from './local.ts';

const host = { cpus: 4, memoryBytes: 8, jobs: 3 };

/** Tasks that note how much of everything was in use at each moment. */
function rig(needs: readonly { cpus: number; memoryBytes: number }[]) {
  const use = { cpus: 0, memoryBytes: 0, jobs: 0 };
  const peak = { ...use };
  const order: number[] = [];
  const tasks = needs.map((need, index) => ({
    needs: need,
    async run() {
      order.push(index);
      use.cpus += need.cpus;
      use.memoryBytes += need.memoryBytes;
      use.jobs++;
      for (const key of ['cpus', 'memoryBytes', 'jobs'] as const)
        peak[key] = Math.max(peak[key], use[key]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      use.cpus -= need.cpus;
      use.memoryBytes -= need.memoryBytes;
      use.jobs--;
    },
  }));
  return { tasks, peak, order };
}

test('never more processors, memory or jobs than the host has, and all run in order', async () => {
  const { tasks, peak, order } = rig(
    Array.from({ length: 9 }, (_, i) => ({ cpus: 1, memoryBytes: 1 + (i % 4) })),
  );
  await runLocally(tasks, host);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(peak.jobs).toBe(3);
  expect(peak.memoryBytes).toBeLessThanOrEqual(8);
});

test('a task larger than the host runs, alone', async () => {
  const { tasks, peak } = rig([
    { cpus: 1, memoryBytes: 1 },
    { cpus: 9, memoryBytes: 1 },
    { cpus: 1, memoryBytes: 1 },
  ]);
  await runLocally(tasks, host);
  expect(peak).toEqual({ cpus: 9, memoryBytes: 1, jobs: 1 });
});

test('a rejection is passed on after the others have ended', async () => {
  const { tasks, order } = rig([{ cpus: 1, memoryBytes: 1 }]);
  const broken = {
    needs: { cpus: 1, memoryBytes: 1 },
    run: () => Promise.reject(new Error('bug')),
  };
  await expect(runLocally([broken, ...tasks], host)).rejects.toThrow('bug');
  expect(order).toEqual([0]);
});
