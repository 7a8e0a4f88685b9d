// Upstream's own tests as the series has them: compiled a second time where the series changes them, beside those of
// the base tree.
import { asFailure } from '../core/failure.ts';
import type { Program, Suite } from '../core/suite.ts';
import { ensurePrograms, filesOfTree, type ProgramSources } from '../kernel/programs.ts';
import { changedBetween, extractAtCommit } from '../tree/read.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { removeTemp, tempFolder } from '../util/temp.ts';

/** What the selftests of mm include, relative to their own places. */
export const selftestPaths: readonly string[] = [
  'tools/testing/selftests/mm',
  'tools/testing/selftests/vm',
  'tools/testing/selftests/kselftest.h',
  'tools/testing/selftests/kselftest_harness.h',
  'tools/include',
  'lib/test_hmm_uapi.h',
  'mm/gup_test.h',
];

/** Of one suite. */
export interface SeriesPrograms {
  /** Folder of what was compiled; absent if nothing of it does. */
  readonly dir?: string;
  /** `out` of each program that the series changes → why it does not compile, undefined if it does. */
  readonly changed: ReadonlyMap<string, string | undefined>;
}

/**
 * A folder with the selftests of a commit, made when first asked for.
 */
export function selftestsOf(
  source: Source,
  ctx: Context,
): { dir(): Promise<string> } & AsyncDisposable {
  let made: Promise<string> | undefined;
  return {
    dir() {
      made ??= tempFolder('selftests').then(async (folder) => {
        await extractAtCommit(source, selftestPaths, folder, ctx);
        return folder;
      });
      return made;
    },
    async [Symbol.asyncDispose]() {
      const folder = await made?.catch(() => undefined);
      if (folder !== undefined) await removeTemp(folder);
    },
  };
}

/** Selftest files that differ between base and series; of these alone it depends whether there is anything to do. */
export const changedSelftests = (base: Source, source: Source, ctx: Context): Promise<string[]> =>
  changedBetween(base, source, selftestPaths, ctx);

/** The programs of a suite that `changed` files of the tree make different, compiled from `from`, the series' tree. */
export async function seriesPrograms(
  suite: Suite,
  changed: readonly string[],
  from: ProgramSources,
  ctx: Context,
): Promise<SeriesPrograms> {
  const told = new Set(changed);
  const programs: Program[] = [];
  for (const program of suite.programs) {
    if (program.tree.length === 0 || told.size === 0) continue;
    const files = await filesOfTree(program, from, ctx);
    if (files?.some((file) => told.has(file)) === true) programs.push(program);
  }
  if (programs.length === 0) return { changed: new Map() };
  const outcome = (why?: string) => new Map(programs.map(({ out }) => [out, why] as const));
  try {
    const built = await ensurePrograms({ name: suite.name, programs }, from, ctx);
    return { ...(built === undefined ? {} : { dir: built.dir }), changed: outcome() };
  } catch (error) {
    const failure = asFailure(error);
    if (failure.blame !== 'test') throw error;
    // A selftest may want a library that this host does not have: nothing is known of the kernel by that.
    return { changed: outcome(`the series' version does not compile: ${failure.title}`) };
  }
}
