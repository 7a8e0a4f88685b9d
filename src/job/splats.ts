// The kernel reports on a job's console, each tied to the tests that ran, and to the entry that allows it.
import { open } from 'node:fs/promises';
import { scanSplats } from '../console/splat.ts';
import { allowFor } from '../core/allow.ts';
import { readMarks, testsAt } from '../core/console-marks.ts';
import type { Splat } from '../core/event.ts';
import type { PlannedJob } from '../core/plan.ts';
import { sleep } from '../util/deadline.ts';
import type { Machine } from '../vm/machine.ts';

/** Milliseconds that a dying kernel gets for its report. */
const lastWordsMs = 3000;
/** More console than this is not searched for reports. */
const consoleLimitBytes = 64 * 2 ** 20;

/** Reports from byte `from` of a console on, in order. A file that is not there has none. */
export async function findSplats(path: string, from: number, plan: PlannedJob): Promise<Splat[]> {
  const log = await readConsole(path, from);
  const marks = readMarks(log.toString('latin1'));
  return scanSplats(log).map((splat) => {
    const during = testsAt(marks, splat.from);
    const allow = allowFor(plan.suite, splat.title, during);
    return {
      title: splat.title,
      kind: splat.kind,
      from: from + splat.from,
      to: from + splat.to,
      text: splat.text.slice(0, 16_384),
      during,
      ...(allow === undefined ? {} : { allowed: allow.reason }),
    };
  });
}

/**
 * Title of the last report of this boot that nothing allows. Waits until the machine is gone, which has then said all,
 * or else a little.
 */
export async function lastReport(
  machine: Pick<Machine, 'consolePath' | 'consoleFrom' | 'exited'>,
  plan: PlannedJob,
  signal: AbortSignal,
): Promise<string | undefined> {
  await Promise.race([machine.exited, sleep(lastWordsMs, signal)]);
  const splats = await findSplats(machine.consolePath, machine.consoleFrom, plan);
  return splats.findLast((splat) => splat.allowed === undefined)?.title;
}

async function readConsole(path: string, from: number): Promise<Buffer> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return Buffer.alloc(0);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(Math.max(size - from, 0), consoleLimitBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
