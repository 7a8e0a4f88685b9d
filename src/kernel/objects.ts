// The state of an object folder. make goes by file times, and takes a file that is there for one that is whole: neither holds
// when a build was killed, the power was cut, or the clock was set back. Then what cannot be trusted is made again.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { flush, readIfThere, writeAtomic } from '../util/files.ts';
import { must } from '../util/proc.ts';

/** Holds the key of what the objects are of; one of these words between two. */
const stampOf = (objectDir: string): string => join(objectDir, '.pgmap-key');
const underWay = '';
/** make has ended by itself, and has taken away what it had begun. */
const stopped = 'stopped';

/** The key of the finished build whose objects these are. */
export async function objectsKey(objectDir: string): Promise<string | undefined> {
  const key = await readIfThere(stampOf(objectDir));
  return key === underWay || key === stopped ? undefined : key;
}

/**
 * Does a build in the folder. One that was killed before is taken back first: an object of it may be half written, or
 * not be on disk after a power cut, and is newer than its source all the same.
 * Throws FailureError `lab/clock-set-back` if that happened meanwhile.
 */
export async function buildObjects(
  objectDir: string,
  key: string,
  build: () => Promise<void>,
  ctx: Context,
): Promise<void> {
  const stamp = stampOf(objectDir);
  const clear = () => find(objectDir, ['!', '-path', stamp, '-delete'], ctx);
  if ((await readIfThere(stamp)) === underWay) {
    ctx.onProgress('taking back a build that was killed');
    await find(objectDir, ['-newer', stamp, '!', '-path', stamp, '-delete'], ctx);
  }
  // Between two states the objects are at none.
  await writeAtomic(stamp, underWay);
  const future = await find(objectDir, ['-newer', stamp, '-print', '-quit'], ctx);
  if (future !== '') {
    ctx.onProgress('the clock was set back: building everything anew');
    await clear();
  }
  try {
    await build();
  } catch (error) {
    if (error instanceof FailureError && error.failure.code === 'build-failed')
      await writeAtomic(stamp, stopped);
    throw error;
  }
  // What the stamp says must be true after a power cut, too.
  await flush(objectDir);
  const { mtimeMs: begun } = await stat(stamp);
  await writeAtomic(stamp, key);
  if ((await stat(stamp)).mtimeMs >= begun) return;
  await writeAtomic(stamp, underWay);
  await clear();
  throw new FailureError({
    blame: 'lab',
    code: 'clock-set-back',
    title: "the host's clock was set back while the kernel was built",
    hint: 'make cannot tell then what is up to date. Run it again: everything is built anew.',
  });
}

/** Of files only: a folder is no older or newer than what it is for. */
async function find(dir: string, wanted: readonly string[], ctx: Context): Promise<string> {
  const argv = ['find', dir, '-type', 'f', ...wanted];
  const { stdout } = await must(argv, {
    what: `Cannot look through ${dir}`,
    env: { PATH: ctx.path, LC_ALL: 'C' },
    signal: ctx.signal,
  });
  return stdout;
}
