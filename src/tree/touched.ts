// Which files and functions a series changes. git says which function a hunk is in; a change of anything else at the top
// level of a file (a structure, a macro, an include) is a change of the whole file.
import { join } from 'node:path';
import type { Touched } from '../core/reach.ts';
import type { Context } from '../util/context.ts';
import { writeAtomic } from '../util/files.ts';
import { git, gitOutput, tryGit } from './git.ts';
import type { Source } from './source.ts';

/** What lies between two commits of a source's repository. */
export async function touchedBetween(
  before: Source,
  after: Source,
  ctx: Context,
): Promise<Touched[]> {
  const place = { gitDir: after.gitDir };
  // A bare repository does not read the tree's own .gitattributes, which say the same.
  const attributes = join(after.gitDir, 'pgmap', 'attributes');
  await writeAtomic(attributes, '*.c diff=cpp\n*.h diff=cpp\n');
  const c = ['-c', `core.attributesFile=${attributes}`];
  const range = [before.commit, after.commit];
  const what = 'Cannot compare the series with its base';
  const options = ['--no-renames', '--no-ext-diff', '--no-textconv', '--no-color'];
  const names = await gitOutput(['diff', ...options, '--name-only', '-z', ...range], place, ctx, {
    what,
  });
  const diff = await git([...c, 'diff', ...options, '-U0', ...range], place, ctx, { what });
  // Of more than was kept the beginning is missing.
  const changed = diff.truncated ? new Map<string, string[]>() : changedFunctions(diff.stdout);
  const touched: Touched[] = [];
  for (const file of names.split('\0').filter((name) => name !== '')) {
    const functions = changed.get(file);
    if (functions === undefined) {
      touched.push({ file });
      continue;
    }
    const words = functions.flatMap((name) => ['-e', name]);
    const uses = await tryGit(
      [...c, 'grep', '-n', '-h', '-w', '-F', '-p', ...words, before.commit, '--', file],
      place,
      ctx,
    );
    const callers = usersIn(uses.stdout).filter((name) => !functions.includes(name));
    touched.push({ file, functions, callers });
  }
  return touched;
}

/** Of a `git grep -n -h -p`, the functions in which something was found: `7=int foo(int a)`, then `9:  found();`. */
function usersIn(found: string): string[] {
  const users = new Set<string>();
  let where: string | undefined;
  for (const [, kind, line = ''] of found.matchAll(/^\d+([=:])(.*)$/gm)) {
    const isTopLevel = /^[A-Za-z_]/.test(line);
    if (isTopLevel && !isLabel(line)) where = definedName(line);
    if (kind === ':' && !isTopLevel && where !== undefined) users.add(where);
  }
  return [...users].sort();
}

/**
 * Of a `git diff -U0`, the changed functions of each file; a file in which more than functions changes is not there.
 * The function before a changed definition may be among them.
 */
export function changedFunctions(patch: string): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  const whole = new Set<string>();
  let file: string | undefined;
  let left = { '-': 0, '+': 0 };
  let where: string | undefined;
  for (const line of patch.split('\n')) {
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@ ?(.*)$/.exec(line);
    const [sign] = line;
    if ((sign === '-' || sign === '+') && left[sign] > 0) {
      left[sign]--;
      if (file === undefined) continue;
      const isTopLevel = /^[A-Za-z_#]/.test(line.slice(1)) && !isLabel(line.slice(1));
      const name = isTopLevel ? definedName(line.slice(1)) : where;
      if (name === undefined) whole.add(file);
      else found.set(file, (found.get(file) ?? new Set()).add(name));
    } else if (hunk !== null) {
      left = { '-': Number(hunk[1] ?? 1), '+': Number(hunk[2] ?? 1) };
      where = definedName(hunk[3] ?? '');
    } else if (line.startsWith('diff --git ')) file = undefined;
    // A new or deleted file has /dev/null for one of its names.
    else file = /^(?:---|\+\+\+) [ab]\/([^\t]+)/.exec(line)?.[1] ?? file;
  }
  return new Map(
    [...found]
      .filter(([name]) => !whole.has(name))
      .map(([name, functions]) => [name, [...functions].sort()]),
  );
}

/** `static int foo(struct page *page)` → `foo`; undefined for what defines no function. */
const definedName = (line: string): string | undefined =>
  /;\s*$/.test(line) ? undefined : /^(?=[A-Za-z_])[^=;(#]*?\b(\w+)\s*\(/.exec(line)?.[1];

const isLabel = (line: string): boolean => /^\w+\s*:(?!:)/.test(line);
