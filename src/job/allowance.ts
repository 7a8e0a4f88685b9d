// What the tests of a job may still say before they are stopped. @see core/limits.ts
import type { TestPoint } from '../core/event.ts';
import { flood, type Flood, limits } from '../core/limits.ts';
import { sizeOf } from '../vm/console-file.ts';
import type { Machine } from '../vm/machine.ts';

/** Of one job: counts through all of its boots. */
export interface Allowance {
  /** Another test begins. The signal is aborted with the FailureError of what it has too much of. */
  begin(): AbortSignal;
  /** Whether a result may be told. */
  point(point: TestPoint): boolean;
  /** Whether so many bytes may be kept. */
  output(bytes: number): boolean;
  /** For what is seen by others. */
  stop(code: Flood): void;
  /** The job has nothing left: further tests could not be told. */
  spent(): boolean;
}

export function newAllowance(): Allowance {
  const job = { results: 0, resultBytes: 0, outputBytes: 0 };
  let test = { ...job };
  let over = new AbortController();
  let spent = false;
  const stop = (code: Flood): void => over.abort(flood(code));
  const take = (what: keyof typeof job, amount: number, code: Flood): boolean => {
    job[what] += amount;
    test[what] += amount;
    spent ||= job[what] > limits[what].job;
    if (!spent && test[what] <= limits[what].test) return true;
    stop(code);
    return false;
  };
  return {
    begin() {
      test = { results: 0, resultBytes: 0, outputBytes: 0 };
      over = new AbortController();
      return over.signal;
    },
    point: (point) =>
      take('results', 1, 'too-many-results') &&
      take('resultBytes', JSON.stringify(point).length, 'too-many-results'),
    output: (bytes) => take('outputBytes', bytes, 'too-much-output'),
    stop,
    spent: () => spent,
  };
}

/** How often the files that QEMU writes are looked at. */
const lookMs = 500;

/** Stops the test when the console of this boot, or QEMU's own log, grows beyond its limit; to be called to end that. */
export function watchLogs(
  { consolePath, consoleFrom, logPath }: Pick<Machine, 'consolePath' | 'consoleFrom' | 'logPath'>,
  stop: (code: Flood) => void,
): () => void {
  const look = async (): Promise<void> => {
    if ((await sizeOf(consolePath)) - consoleFrom > limits.consoleBytesPerBoot)
      stop('console-flood');
    if ((await sizeOf(logPath)) > limits.qemuLogBytesPerJob) stop('qemu-log-flood');
  };
  const timer = setInterval(() => void look(), lookMs);
  return () => clearInterval(timer);
}
