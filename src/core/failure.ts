// A failure knows whose fault it is. Steps return it; low-level code throws it wrapped in FailureError.
import type { Status } from './status.ts';

/** series: the code under test · test: a suite of ours · lab: host or QEMU · usage: the command line · tool: a bug here. */
export type Blame = 'series' | 'test' | 'lab' | 'usage' | 'tool';

export interface Failure {
  readonly blame: Blame;
  /** Short and stable, e.g. `boot-silent`: what tests and scripts match. */
  readonly code: string;
  /** One line: what failed. */
  readonly title: string;
  /** The command that failed and the lines of its output that matter. */
  readonly detail?: string;
  /** One line: what to do about it. */
  readonly hint?: string;
  /** A file with more, relative to the run folder when it lies inside. */
  readonly artifact?: string;
}

/** Carries a Failure up to the one place that turns it into an event or an exit code. */
export class FailureError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(`${failure.code}: ${failure.title}`, options);
    this.name = 'FailureError';
    this.failure = failure;
  }
}

/** What ended by it came to: the code under test FAILs, a broken test is an ERROR, all else tells nothing. */
export const statusOf = ({ blame }: Pick<Failure, 'blame'>): Status =>
  blame === 'series' ? 'FAIL' : blame === 'test' ? 'ERROR' : 'MISS';

/** Any thrown value as a Failure: a FailureError keeps its blame, everything else is a bug of this tool. */
export function asFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  const host = error instanceof Error && 'code' in error && hostErrors[String(error.code)];
  if (host !== undefined && host !== false)
    return { blame: 'lab', code: host[0], title: (error as Error).message, hint: host[1] };
  const title = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    blame: 'tool',
    code: 'bug',
    title,
    ...(stack === undefined ? {} : { detail: stack }),
    hint: 'This is a bug in pgmap: please report it with events.ndjson.',
  };
}

const freeDisk = 'Free some space, or drop cached kernels and old runs with: pgmap clean';
const fewer = 'Run fewer jobs at once (--jobs 1), or less beside it.';

/** System errors that say that the host runs short, and no more. @see errno(3) */
const hostErrors: Readonly<Record<string, readonly [code: string, hint: string] | undefined>> = {
  ENOSPC: ['disk-full', freeDisk],
  EDQUOT: ['disk-full', freeDisk],
  ENOMEM: ['host-memory', fewer],
  EMFILE: ['host-files', 'Raise the limit on open files: ulimit -n'],
  ENFILE: ['host-files', fewer],
  EAGAIN: ['host-processes', 'Raise the limit on processes (ulimit -u), or run less beside it.'],
  EIO: ['host-disk', 'The disk cannot be read or written: see dmesg.'],
  EROFS: ['host-disk', 'The file system is read-only: see dmesg.'],
};
