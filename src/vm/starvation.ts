// How long a QEMU had to wait for a processor of this host: a guest that is starved looks like one that hangs.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stopwatch } from '../util/deadline.ts';

/** Share of the time that the thread which waited longest had to wait: above it nothing can be said of a guest's silence. */
const tooMuch = 0.5;

/**
 * Begins to look; the function that it gives says whether the process was starved since. Never rejects: what the host does
 * not tell is no starvation.
 */
export async function watchStarvation(pid: number): Promise<() => Promise<boolean>> {
  const since = stopwatch();
  const before = await waited(pid);
  return async () => {
    const after = await waited(pid);
    const delays = [...after].map(([thread, ns]) => ns - (before.get(thread) ?? ns));
    return Math.max(0, ...delays) / 1e6 > tooMuch * since();
  };
}

/** Thread → nanoseconds that it waited to run. @see Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat */
async function waited(pid: number): Promise<Map<string, number>> {
  const tasks = join('/proc', String(pid), 'task');
  const found = new Map<string, number>();
  for (const thread of await readdir(tasks).catch(() => [])) {
    const text = await readFile(join(tasks, thread, 'schedstat'), 'utf8').catch(() => '');
    found.set(thread, Number(text.split(' ')[1] ?? 0) || 0);
  }
  return found;
}
