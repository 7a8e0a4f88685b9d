// Work trees of our own: one folder per source and slot, moved from commit to commit by git, so that only the files that
// differ get new times and make rebuilds only what depends on them.
import { mkdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { asFailure } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { exists, readIfThere, writeAtomic } from '../util/files.ts';
import { lock } from '../util/lock.ts';
import type { Place } from './git.ts';
import { git, gitOutput } from './git.ts';
import type { Source } from './source.ts';

/** Ours until disposed of. */
export interface Worktree extends AsyncDisposable {
  /** The kernel tree. */
  readonly dir: string;
  /** For what is built from it: stays with the work tree, survives from commit to commit. */
  readonly objectsDir: string;
  readonly commit: string;
}

/**
 * Checks the source's commit out into the work tree of `slot`, and holds that work tree. Slots are for building at the
 * same time; one after the other, the same slot is quicker.
 */
export async function checkOut(source: Source, ctx: Context, slot = '0'): Promise<Worktree> {
  const folder = join(ctx.cacheDir, 'worktrees', `${source.id}-${slot}`);
  const held = await lock(`${folder}.lock`, `working on ${source.subject}`, ctx);
  try {
    const dir = join(folder, 'src');
    const now = new Date();
    await moveTo(source, dir, ctx);
    // For `pgmap clean`, which goes by age.
    await utimes(folder, now, now);
    const dispose = (): PromiseLike<void> => held[Symbol.asyncDispose]();
    return {
      dir,
      objectsDir: join(folder, 'objects'),
      commit: source.commit,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

/** An ordinary repository whose objects are those of `source`; without files yet. */
export async function borrowingRepository(
  source: Source,
  dir: string,
  ctx: Context,
): Promise<Place> {
  const place: Place = { cwd: dir, gitDir: join(dir, '.git'), workTree: dir };
  await mkdir(dir, { recursive: true });
  const what = `Cannot make a work tree in ${dir}`;
  const format = await gitOutput(
    ['rev-parse', '--show-object-format'],
    { gitDir: source.gitDir },
    ctx,
    { what },
  );
  const init = ['init', '--quiet', '--template=', `--object-format=${format}`, dir];
  await git(init, {}, ctx, { what });
  const shallow = await readIfThere(join(source.gitDir, 'shallow'));
  if (shallow !== undefined) await writeAtomic(join(dir, '.git', 'shallow'), shallow);
  // Comes last: where it is, all is.
  const alternates = join(dir, '.git', 'objects', 'info', 'alternates');
  await writeAtomic(alternates, `${join(source.gitDir, 'objects')}\n`);
  return place;
}

async function moveTo(source: Source, dir: string, ctx: Context): Promise<void> {
  const place: Place = { cwd: dir, gitDir: join(dir, '.git'), workTree: dir };
  const what = `Cannot check out ${source.subject}`;
  const alternates = join(dir, '.git', 'objects', 'info', 'alternates');
  const fresh = !(await exists(alternates));
  if (fresh) await borrowingRepository(source, dir, ctx);
  ctx.onProgress(`checking out ${source.subject}`);
  // A killed git leaves its lock behind; ours is the flock above it.
  for (const name of ['index.lock', 'HEAD.lock'])
    await rm(join(dir, '.git', name), { force: true });
  try {
    const argv = ['checkout', '--quiet', '--force', '--detach', source.commit];
    await git(argv, place, ctx, { what });
    if (!fresh) await git(['clean', '-ffdxq'], place, ctx, { what });
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (fresh || asFailure(error).code !== 'command-failed') throw error;
    // A power cut may leave an index of nothing but zeros: git cannot go on from that, but it can begin anew.
    await rm(dir, { recursive: true, force: true });
    await moveTo(source, dir, ctx);
  }
}
