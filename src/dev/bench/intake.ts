// How long a series takes from an mbox to a work tree that can be built.
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceRequest } from '../../run/request.ts';
import { places } from '../../store/places.ts';
import { openSource } from '../../run/tested-kernel.ts';
import { longSeries } from '../../testing/series/make.ts';
import { applySeries } from '../../tree/series.ts';
import { checkOut } from '../../tree/worktree.ts';
import type { Context } from '../../util/context.ts';

/** Milliseconds for `count` patches, nothing known of them before, with the base checked out; `times` over. */
export async function measureIntake(
  request: SourceRequest,
  count: number,
  times: number,
): Promise<number[]> {
  const ctx: Context = {
    signal: new AbortController().signal,
    cacheDir: places().cacheDir,
    cpus: 2,
    path: process.env['PATH'] ?? '/usr/bin:/bin',
    onProgress: () => undefined,
  };
  const source = await openSource(request, ctx);
  const measured: number[] = [];
  for (let time = 0; time < times; time++) {
    await (await checkOut(source, ctx))[Symbol.asyncDispose]();
    const mark = randomUUID();
    const file = join(tmpdir(), `pgmap-bench-${mark}.mbox`);
    await writeFile(file, await longSeries(source.gitDir, source.commit, count, mark));
    const start = performance.now();
    const applied = await applySeries(source, [file], ctx);
    const tree = await checkOut(applied.source, ctx);
    measured.push(performance.now() - start);
    await tree[Symbol.asyncDispose]();
    await rm(file);
  }
  await (await checkOut(source, ctx))[Symbol.asyncDispose]();
  return measured;
}
