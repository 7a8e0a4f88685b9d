// Series of patches on the fake tree, made on the spot by git.
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userGit } from './fakelinux/fakelinux.ts';

export interface FakePatch {
  readonly subject: string;
  /** Goes to the end of mm/memremap.c. */
  readonly add?: string;
  /** Text of it, and what takes its place. */
  readonly replace?: readonly [string, string];
}

/** An mbox of these patches on the tree's HEAD. `name`: of the file, without its folder, and of nothing else in `dir`. */
export async function fakeSeries(
  dir: string,
  tree: string,
  name: string,
  patches: readonly FakePatch[],
): Promise<string> {
  const work = join(dir, `${name}-tree`);
  await cp(tree, work, { recursive: true });
  const file = join(work, 'mm/memremap.c');
  const base = await userGit(work, 'rev-parse', 'HEAD');
  let text = await userGit(work, 'show', 'HEAD:mm/memremap.c');
  for (const { subject, add, replace = ['', ''] } of patches) {
    text = text.replace(replace[0], replace[1]) + (add === undefined ? '' : `\n${add}\n`);
    await writeFile(file, text);
    await userGit(work, 'commit', '--quiet', '--all', '--message', subject);
  }
  const mbox = join(dir, `${name}.mbox`);
  await writeFile(mbox, `${await userGit(work, 'format-patch', '--stdout', `${base}..HEAD`)}\n`);
  return mbox;
}

/** A line that gives the kernel image a mark, which a fake guest can answer to: `mark-NAME`. */
export const mark = (name: string): string => `const char ${name}[] = "mark-${name}";`;
