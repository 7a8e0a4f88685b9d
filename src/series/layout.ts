// What a series does to `struct dev_pagemap` and `enum memory_type`, asked of the compiler.
import { objectsDir } from '../kernel/build.ts';
import { type Layout, layoutDiff, layoutSources, memremapLayout } from '../kernel/layout.ts';
import { changedBetween, extractAtCommit } from '../tree/read.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { removeTemp, tempFolder } from '../util/temp.ts';

/** Where a header can be that mm/memremap.c includes. */
const headerFolders = ['include', 'arch/x86/include'];

/**
 * Lines of a diff; none if nothing changes. Costs nothing where no header does. `objects` names the object folder in
 * which a kernel of one of the two was built; its generated headers are used for both.
 */
export async function layoutChange(
  base: Source,
  source: Source,
  objects: string,
  ctx: Context,
): Promise<string[]> {
  const changed = await changedBetween(base, source, headerFolders, ctx);
  if (!changed.some((path) => path.endsWith('.h'))) return [];
  const dir = objectsDir({ objects }, ctx);
  const needed = [...new Set([...(await layoutSources(dir)), ...changed])];
  const [before, after] = [
    await layoutAt(base, needed, dir, ctx),
    await layoutAt(source, needed, dir, ctx),
  ];
  return before === undefined || after === undefined ? [] : layoutDiff(before, after);
}

async function layoutAt(
  source: Source,
  paths: readonly string[],
  objectDir: string,
  ctx: Context,
): Promise<Layout | undefined> {
  const dir = await tempFolder('headers');
  try {
    await extractAtCommit(source, paths, dir, ctx);
    return await memremapLayout(dir, objectDir, ctx);
  } finally {
    await removeTemp(dir);
  }
}
