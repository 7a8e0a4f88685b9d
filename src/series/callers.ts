// Do those still compile that use memremap_pages() and that the tested configuration leaves out? Objects only.
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import type { Caller } from '../core/patch.ts';
import { objectsDir } from '../kernel/build.ts';
import { compileCallers, type CompileErrors } from '../kernel/callers.ts';
import type { Source } from '../tree/source.ts';
import { memremapUsers, singleTargets } from '../tree/users.ts';
import { checkOut } from '../tree/worktree.ts';
import type { Context } from '../util/context.ts';
import { exists } from '../util/files.ts';

/**
 * Compiles the users in `source` that are not among the objects of the tested kernel. What does not compile is tried on
 * `base` too: only what did there is the series' fault. `objects` names the object folder of the tested kernel.
 */
export async function checkCallers(
  base: Source,
  source: Source,
  objects: string,
  ctx: Context,
): Promise<Caller[]> {
  const users = await memremapUsers(base, source, ctx);
  const found: Caller[] = [];
  const wanted: string[] = [];
  for (const file of users) {
    const other = /^arch\/([^/]+)\//.exec(file)?.[1];
    if (other !== undefined && other !== 'x86')
      found.push({ file, status: 'SKIP', reason: `is for another architecture, ${other}` });
    else if (!(await exists(join(objectsDir({ objects }, ctx), file.replace(/\.c$/, '.o')))))
      wanted.push(file);
  }
  const compile = async (tree: Source, files: readonly string[]): Promise<CompileErrors> =>
    compileCallers(
      {
        ...{ tree: tree.tree, objects, checkOut: () => checkOut(tree, ctx) },
        targets: await singleTargets(tree, files, ctx),
      },
      ctx,
    );
  const errors = await compile(source, wanted);
  const broken = wanted.filter((file) => errors.get(file) !== undefined);
  const old = source.tree === base.tree ? [] : await memremapUsers(base, base, ctx);
  // A file that the base does not have is the series' own.
  const before = await compile(
    base,
    broken.filter((file) => old.includes(file)),
  );
  for (const file of wanted) {
    const reason = errors.get(file);
    const alone = source.tree === base.tree || before.get(file) !== undefined;
    if (reason === undefined) found.push({ file, status: 'PASS' });
    else found.push({ file, status: alone ? 'SKIP' : 'FAIL', reason });
  }
  return found.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** What breaks, as the failure of the step; undefined if nothing does. */
export function callerFailure(callers: readonly Caller[]): Failure | undefined {
  const broken = callers.filter((caller) => caller.status === 'FAIL');
  const first = broken[0];
  if (first === undefined) return undefined;
  const more = broken.length === 1 ? '' : ` (and ${broken.length - 1} more)`;
  return {
    blame: 'series',
    code: 'caller-does-not-compile',
    title: `${first.file} compiles on the base and not with the series${more}: ${first.reason ?? ''}`,
    detail: broken.map(({ file, reason }) => `${file}: ${reason ?? ''}`).join('\n'),
    hint: 'The tested configuration leaves it out; it was compiled with nearly everything configured.',
  };
}
