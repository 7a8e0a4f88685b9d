// The only place that starts programs to run to their end, and the only home of zx. No orphans: every command is its own
// process group, and a watcher in that group kills all of it as soon as our end of a pipe closes, however we died.
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { $ } from 'zx/core';
import type { Blame } from '../core/failure.ts';
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import { hasCode } from './files.ts';
import { splitLines } from './lines.ts';
import { hostShortage } from './shortage.ts';
import { tail } from './tail.ts';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the program; default: `PATH` of this process and `LC_ALL=C`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Aborting kills the process group: TERM first, KILL two seconds later. */
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Standard input; without it the program reads nothing. */
  readonly input?: string | Uint8Array | Readable;
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Reads standard output as it comes, with back-pressure, instead of it being kept. */
  readonly consume?: (stdout: Readable) => Promise<unknown>;
  /** Standard error goes where standard output goes, so that the order of lines is that of the program. */
  readonly merged?: boolean;
  /** How many bytes of the end of each stream to keep; default 32 MiB. */
  readonly keepBytes?: number;
}

export interface RunResult {
  /** Exit code, or null if a signal ended the program. */
  readonly code: number | null;
  readonly signal: string | null;
  /** What was kept; see `truncated`. */
  readonly stdout: string;
  readonly stderr: string;
  /** The beginning of a stream did not fit into `keepBytes`. */
  readonly truncated: boolean;
  /** `timeoutMs` was over and the program was killed. */
  readonly timedOut: boolean;
  readonly ms: number;
}

/** Runs a program to its end, whatever its exit code. Throws the signal's reason if aborted. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const env = options.env ?? defaultEnv();
  options.signal?.throwIfAborted();
  await mustExist(argv, env['PATH'] ?? '');

  const start = performance.now();
  const keep = options.keepBytes ?? 32 * 2 ** 20;
  const stdout = tail(keep);
  const stderr = tail(keep);
  // zx would keep everything; its store is emptied below as fast as it fills.
  const store = { stdout: [], stderr: [], stdall: [] };
  const child = $({
    quiet: true,
    nothrow: true,
    detached: true,
    shell: 'bash',
    prefix: guard,
    // zx reads standard output as fast as it can; what wants back-pressure goes through a pipe of its own.
    postfix: `${options.consume === undefined ? '' : ' >&4'}${options.merged === true ? ' 2>&1' : ''}`,
    // Without SHLVL bash takes a socket on standard input for rshd and reads ~/.bashrc.
    env: { SHLVL: '1', ...env },
    store,
    stdio: [
      options.input === undefined ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      'pipe',
      options.consume === undefined ? 'ignore' : 'pipe',
    ],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? {} : { input: asInput(options.input) }),
  })`${argv}`;
  // A program may end without reading its input: EPIPE is no error then.
  child.child?.stdin?.on('error', () => undefined);
  const lifeline = child.child?.stdio[3];
  lifeline?.on('error', () => undefined);
  child.child?.once('exit', () => lifeline?.destroy());

  const feeds = (['stdout', 'stderr'] as const).map((name) => {
    const kept = name === 'stdout' ? stdout : stderr;
    const { onLine } = options;
    const lines = onLine === undefined ? undefined : splitLines((line) => onLine(line, name));
    child.child?.[name]?.on('data', (chunk: Buffer) => {
      for (const list of Object.values(store)) list.length = 0;
      kept.push(chunk);
      lines?.push(chunk);
    });
    return lines;
  });

  const stop = stopper(child.child?.pid);
  // The first thing that went wrong on our side of a pipe; the program is killed for it.
  let fault: unknown;
  const giveUp = (error: unknown): void => {
    fault ??= error;
    stop.now();
  };
  if (options.input instanceof Readable) options.input.once('error', giveUp);
  const channel = child.child?.stdio[4];
  const consumed =
    channel instanceof Readable
      ? // Of its own, for node throws away what nobody reads of a child that has ended.
        options.consume?.(channel.pipe(new PassThrough())).catch(giveUp)
      : undefined;
  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          stop.now();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', stop.now);
  try {
    const output = await child;
    if (output.exitCode === null && output.signal === null) throw notStarted(argv, output.cause);
    for (const lines of feeds) lines?.end();
    await consumed;
    options.signal?.throwIfAborted();
    if (fault !== undefined) throw fault;
    return {
      code: output.exitCode,
      signal: output.signal,
      stdout: stdout.text(),
      stderr: stderr.text(),
      truncated: stdout.cut() || stderr.cut(),
      timedOut,
      ms: performance.now() - start,
    };
  } finally {
    clearTimeout(timer);
    stop.done();
    options.signal?.removeEventListener('abort', stop.now);
    lifeline?.destroy();
  }
}

/** How a command that must succeed is reported when it does not. */
export interface Expectation extends RunOptions {
  /** For the title: `Cannot read the tree of HEAD`. */
  readonly what: string;
  readonly blame?: Blame;
  readonly code?: string;
  readonly hint?: string;
}

/** Runs a program that must exit with 0; throws a FailureError if it does not. */
export async function must(argv: readonly string[], expect: Expectation): Promise<RunResult> {
  const result = await run(argv, expect);
  if (result.code !== 0) throw failed(argv, result, expect);
  return result;
}

/** The whole standard output of a program that must exit with 0. */
export async function outputOf(argv: readonly string[], expect: Expectation): Promise<string> {
  const result = await must(argv, expect);
  if (result.truncated)
    throw new FailureError({
      blame: 'tool',
      code: 'output-too-long',
      title: `${expect.what}: too much output`,
      detail: `$ ${commandLine(argv)}`,
    });
  return result.stdout;
}

/** The failure for a command that ended badly: what failed, the command to repeat it, the last lines, one hint. */
export function failed(
  argv: readonly string[],
  result: RunResult,
  expect: Expectation,
): FailureError {
  const said = result.stderr.trim() === '' ? result.stdout : result.stderr;
  const dirs = ['GIT_DIR', 'GIT_OBJECT_DIRECTORY'].map((name) => expect.env?.[name]);
  const shortage = hostShortage(said.slice(-65_536), expect.what, [expect.cwd, ...dirs]);
  if (shortage !== undefined) return shortage;
  const ending = result.timedOut
    ? `killed after ${Math.round(result.ms / 1000)} s`
    : result.signal === null
      ? `exit code ${result.code}`
      : `killed by ${result.signal}`;
  const where = changeFolder(expect.cwd);
  return new FailureError({
    blame: expect.blame ?? 'lab',
    code: expect.code ?? (result.timedOut ? 'timed-out' : 'command-failed'),
    title: `${expect.what} (${ending})`,
    detail: [`$ ${where}${commandLine(argv)}`, ...lastLines(said, 12)].join('\n'),
    ...(expect.hint === undefined ? {} : { hint: expect.hint }),
  });
}

/** The last lines of an output, without blank ones at its end. */
export function lastLines(text: string, count: number): string[] {
  return text.trimEnd().split('\n').slice(-count);
}

/**
 * Runs in bash, in the child's own process group ($$ is its id): waits for the end of file on descriptor 3, then kills
 * the group, itself included. It ignores what merely asks, so that it outlives a program that does too.
 */
export const guard =
  "{ trap '' HUP INT TERM; read -r _ <&3; kill -KILL -- -$$; } </dev/null >/dev/null 2>&1 & exec 3<&-; exec ";

function changeFolder(cwd: string | undefined): string {
  return cwd === undefined ? '' : `cd ${commandLine([cwd])} && `;
}

function defaultEnv(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
}

function asInput(input: string | Uint8Array | Readable): Buffer | Readable {
  // Never an empty string: zx takes that for no input at all, and the program would wait for its end.
  return input instanceof Readable ? input : Buffer.from(input);
}

function stopper(pid: number | undefined): { now: () => void; done: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const send = (signal: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  };
  return {
    now: () => {
      send('SIGTERM');
      timer ??= setTimeout(() => send('SIGKILL'), 2000);
    },
    done: () => clearTimeout(timer),
  };
}

async function mustExist(argv: readonly string[], path: string): Promise<void> {
  const program = argv[0];
  if (program === undefined) throw new Error('run() needs a program');
  const candidates = program.includes('/')
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return;
    } catch {
      // Not in this folder: the next one.
    }
  }
  throw programMissing(program);
}

// Debian's packages for programs whose package has another name.
const packages: Readonly<Record<string, string>> = {
  ld: 'binutils',
  depmod: 'kmod',
  flock: 'util-linux',
  setpriv: 'util-linux',
  'dpkg-query': 'dpkg',
  xz: 'xz-utils',
  cpio: 'cpio',
  b4: 'b4',
};

/** The failure for a program that is not installed. */
export function programMissing(program: string): FailureError {
  return new FailureError({
    blame: 'lab',
    code: 'program-missing',
    title: `${program} is not installed`,
    hint: `apt install ${packages[program] ?? program}`,
  });
}

function notStarted(argv: readonly string[], cause: unknown): FailureError {
  return new FailureError(
    {
      blame: 'lab',
      code: 'cannot-start',
      title: `Cannot start ${argv[0] ?? ''}`,
      detail: `$ ${commandLine(argv)}\n${cause instanceof Error ? cause.message : String(cause)}`,
    },
    { cause },
  );
}
