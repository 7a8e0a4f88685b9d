// Time limits as abort signals.
import { setTimeout as wait } from 'node:timers/promises';
import { FailureError } from '../core/failure.ts';

/** `signal`, or a TimeoutError after `ms` milliseconds, whichever comes first. */
export function within(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

/** True if the signal was aborted because time was up, and not because somebody stopped the run. */
export function timedOut(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason;
  return signal.aborted && reason instanceof DOMException && reason.name === 'TimeoutError';
}

/** The end of the time that somebody gave a run. */
export interface Deadline {
  /** It is over: nothing new begins, and guests are asked where they are. */
  readonly over: AbortSignal;
  /** All else ends, too; some seconds later. */
  readonly end: AbortSignal;
  clear(): void;
}

/** What a guest may take for its answers. */
const lastWordsMs = 20_000;

/** Both signals have a FailureError `usage/deadline` for a reason. `ms` undefined: never. */
export function startDeadline(ms: number | undefined, text = ''): Deadline {
  const [over, end] = [new AbortController(), new AbortController()];
  const reason = new FailureError({
    blame: 'usage',
    code: 'deadline',
    title: `the deadline of ${text} was over`,
    hint: 'Give it more time with --deadline, or less to do.',
  });
  const timers =
    ms === undefined
      ? []
      : [
          setTimeout(() => over.abort(reason), ms),
          setTimeout(() => end.abort(reason), ms + lastWordsMs),
        ];
  return {
    over: over.signal,
    end: end.signal,
    clear: () => timers.forEach((timer) => clearTimeout(timer)),
  };
}

/** Sleeps `ms` milliseconds; throws the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await wait(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** A stopwatch: call it for the milliseconds since. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}
