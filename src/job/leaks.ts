// After a suite, where the kernel has kmemleak: what nobody points to any more. The guest puts it into its kernel log, from where
// it becomes a report like any other; here is what the suite's point for it says.
import type { TestPoint } from '../core/event.ts';
import { asFailure } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { Guest } from '../guest/ssh.ts';
import { within } from '../util/deadline.ts';
import type { Machine } from '../vm/machine.ts';
import { findSplats } from './splats.ts';

/** The last part of the path of that point. */
export const leakPoint = 'leaks no kernel memory';

/** Milliseconds for three scans under TCG, before scaling. */
const limitMs = 120_000;

/** Undefined if the job's variant does not look for leaks. Rejects only when all is to end. */
export async function findLeaks(
  plan: PlannedJob,
  machine: Pick<Machine, 'consolePath' | 'consoleFrom'>,
  guest: Guest,
  timeoutScale: number,
  signal: AbortSignal,
): Promise<TestPoint | undefined> {
  if (plan.variant?.findsLeaks !== true) return undefined;
  const path = [plan.suite.name, leakPoint];
  const limit = within(signal, limitMs * timeoutScale);
  try {
    const { stdout, stderr } = await guest.exec(['/pgmap/lib/leaks'], { signal: limit });
    if (!/^scanned: \d+$/m.test(stdout)) {
      const why = stdout.trim() === '' ? stderr.trim() : stdout.trim();
      return { path, status: 'ERROR', diagnostics: [`nobody knows: ${why.slice(0, 500)}`] };
    }
  } catch (error) {
    signal.throwIfAborted();
    const why = limit.aborted ? 'kmemleak takes too long' : asFailure(error).title;
    return { path, status: 'ERROR', diagnostics: [`nobody knows: ${why}`] };
  }
  const splats = await findSplats(machine.consolePath, machine.consoleFrom, plan);
  const leaks = splats.filter(({ allowed, kind }) => kind === 'LEAK' && allowed === undefined);
  const diagnostics = leaks.map(({ during, title }) =>
    during.length === 0 ? title : `${title}, of memory of '${during.join("', '")}'`,
  );
  return { path, status: leaks.length > 0 ? 'FAIL' : 'PASS', diagnostics };
}
