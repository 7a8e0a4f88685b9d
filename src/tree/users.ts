// Who uses memremap_pages() and its types in a tree, and as which object kbuild makes a file: found in the commit's text.
import { basename, dirname, join, relative } from 'node:path';
import type { Context } from '../util/context.ts';
import { readIfThere, writeAtomic } from '../util/files.ts';
import { failed } from '../util/proc.ts';
import { tryGit } from './git.ts';
import { changedBetween } from './read.ts';
import type { Source } from './source.ts';

/**
 * C files of `after` that name memremap_pages(), `struct dev_pagemap`, `enum memory_type` or one of its enumerators. The
 * whole tree is only searched for `before`, once: that takes seconds.
 */
export async function memremapUsers(
  before: Source,
  after: Source,
  ctx: Context,
): Promise<string[]> {
  const note = join(before.gitDir, 'pgmap', 'users', `${before.tree}.json`);
  const known = await readIfThere(note);
  const old =
    known === undefined ? await search(before, everywhere, ctx) : (JSON.parse(known) as string[]);
  if (known === undefined) await writeAtomic(note, JSON.stringify(old));
  const changed = (await changedBetween(before, after, [], ctx)).filter(
    (file) => file.endsWith('.c') && !/^(?:tools|Documentation|samples)\//.test(file),
  );
  const found = changed.length === 0 ? [] : await search(after, changed, ctx);
  return [...old.filter((file) => !changed.includes(file)), ...found].sort();
}

const everywhere = ['*.c', ':(exclude)tools', ':(exclude)Documentation', ':(exclude)samples'];

function search(source: Source, paths: readonly string[], ctx: Context): Promise<string[]> {
  const pattern =
    '\\<(devm_)?memremap_pages\\>|\\<dev_pagemap\\>|\\<enum memory_type\\>|\\<MEMORY_DEVICE_[A-Z]';
  return grep(source, ['-l', '-E', pattern], paths, ctx);
}

/**
 * The single targets that make builds the files as, e.g. `fs/fuse/virtio_fs.o`. Where another folder's Makefile includes
 * that of a file and builds it from there, it is `drivers/gpu/drm/amd/amdgpu/../amdkfd/kfd_migrate.o`.
 */
export async function singleTargets(
  source: Source,
  files: readonly string[],
  ctx: Context,
): Promise<Map<string, string>> {
  const targets = new Map<string, string>();
  for (const file of files) {
    const object = file.replace(/\.c$/, '.o');
    targets.set(file, object);
    const folder = dirname(file);
    const makefiles = [join(folder, 'Makefile'), join(folder, 'Kbuild')];
    // `AMDKFD_FILES := … $(AMDKFD_PATH)/kfd_migrate.o`: a list for somebody else.
    const named = `\\)/${escape(basename(object))}`;
    if ((await grep(source, ['-l', '-E', named], makefiles, ctx)).length === 0) continue;
    const included = `^-?include .*/${escape(basename(folder))}/(Makefile|Kbuild)`;
    const by = await grep(source, ['-l', '-E', included], ['*Makefile', '*Kbuild'], ctx);
    const near = by.toSorted(
      (a, b) => relative(folder, dirname(a)).length - relative(folder, dirname(b)).length,
    )[0];
    if (near === undefined) continue;
    const from = dirname(near);
    targets.set(file, `${from}/${relative(from, folder)}/${basename(object)}`);
  }
  return targets;
}

const escape = (text: string): string => text.replaceAll(/[^\w]/g, '\\$&');

/** Paths, without the commit that git puts before them. */
async function grep(
  source: Source,
  options: readonly string[],
  paths: readonly string[],
  ctx: Context,
): Promise<string[]> {
  const argv = ['grep', '-z', '-I', ...options, source.commit, '--', ...paths];
  const result = await tryGit(argv, { gitDir: source.gitDir }, ctx);
  // 1 is grep's way to say that there is none.
  if (result.code !== 0 && result.code !== 1)
    throw failed(['git', ...argv], result, { what: `Cannot search ${source.subject}` });
  return result.stdout
    .split('\0')
    .filter((name) => name !== '')
    .map((name) => name.slice(source.commit.length + 1));
}
