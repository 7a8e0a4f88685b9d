// One process at a time, through flock(1): the kernel frees the lock when its holder dies, however it dies.
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Context } from './context.ts';
import { readIfThere } from './files.ts';
import { failed, programMissing, run } from './proc.ts';

/** Held until disposed of. */
export type Lock = AsyncDisposable;

/**
 * Takes the exclusive lock on `file`, waiting as long as it takes. `what` says for whom, for those who wait:
 * `building 6.12.117`. While waiting, `ctx.onProgress` is told who holds it.
 */
export async function lock(
  file: string,
  what: string,
  ctx: Pick<Context, 'signal' | 'path' | 'onProgress'>,
): Promise<Lock> {
  await mkdir(dirname(file), { recursive: true });
  // `cat` holds the lock, and ends when our end of its standard input closes.
  const argv = ['flock', '--exclusive', file, 'sh', '-c', 'echo held && exec cat'];
  const input = new PassThrough();
  let onHeld: (word: 'held') => void = () => undefined;
  const isHeld = new Promise<'held'>((resolve) => {
    onHeld = resolve;
  });
  const env = { PATH: ctx.path, LC_ALL: 'C' };
  // Once held, only we let go: an abort must not free the lock under work that is still being stopped.
  const waiting = new AbortController();
  const giveUp = (): void => waiting.abort(ctx.signal.reason);
  ctx.signal.throwIfAborted();
  ctx.signal.addEventListener('abort', giveUp);
  const ended = run(argv, { env, signal: waiting.signal, input, onLine: () => onHeld('held') });

  const tellWho = setInterval(() => {
    void readIfThere(file).then((holder) =>
      ctx.onProgress(`waiting for ${holder?.trim() ?? 'another pgmap'} (${file})`),
    );
  }, 1000);
  try {
    const first = await Promise.race([isHeld, ended]);
    if (first !== 'held') throw failed(argv, first, { what: `Cannot lock ${file}` });
  } catch (error) {
    input.end();
    throw error;
  } finally {
    clearInterval(tellWho);
    ctx.signal.removeEventListener('abort', giveUp);
  }
  await writeFile(file, `process ${process.pid}, ${what}\n`);
  return {
    [Symbol.asyncDispose]: async () => {
      input.end();
      await ended;
    },
  };
}

/**
 * Takes the exclusive lock on an open file, or says at once that somebody has it. It is ours until the file is closed,
 * or we die: flock(2) locks belong to the open file, which flock(1) only borrows. Throws FailureError `lab/program-missing`.
 */
export function lockOpenFile(file: number): boolean {
  const argv = ['--exclusive', '--nonblock', '3'];
  const { status, error } = spawnSync('flock', argv, {
    stdio: ['ignore', 'ignore', 'ignore', file],
  });
  if (error !== undefined) throw programMissing('flock');
  return status === 0;
}
