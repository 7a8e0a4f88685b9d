// What is tried in a bisection: a commit of a source, with fix-ups on top, or a configuration on the way from one to another.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asFailure, FailureError } from '../core/failure.ts';
import { formatConfig, parseConfig } from '../kernel/kconfig.ts';
import type { RunRequest } from '../run/request.ts';
import { reverseDiff } from '../tree/history.ts';
import { applySeries } from '../tree/series.ts';
import { atCommit, type Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import { writeAtomic } from '../util/files.ts';

export interface Specimen {
  readonly source: Source;
  readonly request: RunRequest;
  /** In one line, for its record. */
  readonly subject: string;
}

/** The kernels that a bisection chooses from, by the names that its log knows them by. */
export interface Shelf {
  take(name: string, ctx: Context): Promise<Specimen>;
}

/** Commits of a source; `fixes`: patches that go onto each of them where they apply. */
export const commitShelf = (
  source: Source,
  request: RunRequest,
  fixes: readonly string[],
): Shelf => ({
  async take(name, ctx) {
    const { uncommitted: _, ...plain } = await atCommit(source, name, ctx);
    const subject = `commit ${name.slice(0, 12)}`;
    const bare = { source: { ...plain, subject, baseGiven: true as const }, request, subject };
    if (fixes.length === 0) return bare;
    try {
      const applied = await applySeries(bare.source, fixes, ctx);
      return { ...bare, source: applied.source, subject: `${subject} with fix-ups` };
    } catch (error) {
      // Before what it mends, and after it was mended, a fix-up need not apply.
      if (asFailure(error).code !== 'patch-conflict') throw error;
      return bare;
    }
  },
});

/** Settings in which two configurations differ, as lines; B's. */
export interface ConfigRow {
  readonly names: readonly string[];
  readonly shelf: Shelf;
}

/** The name of the configuration to begin with. */
export const firstConfig = 'A';

/**
 * From A to B, one setting after another in the order of their names; each is named by its line in B. Throws FailureError
 * `usage/unreadable|same-config`.
 */
export async function configRow(
  files: { readonly good: string; readonly bad: string },
  source: Source,
  request: RunRequest,
  dir: string,
): Promise<ConfigRow> {
  const [good, bad] = await Promise.all([readConfig(files.good), readConfig(files.bad)]);
  const symbols = [...new Set([...good.keys(), ...bad.keys()])].sort();
  const differ = symbols.filter((one) => (good.get(one) ?? 'n') !== (bad.get(one) ?? 'n'));
  if (differ.length === 0)
    throw new FailureError({
      blame: 'usage',
      code: 'same-config',
      title: `${files.good} and ${files.bad} set the same`,
    });
  const lineOf = (symbol: string): string =>
    formatConfig(new Map([[symbol, bad.get(symbol) ?? 'n']])).trimEnd();
  const names = differ.map(lineOf);
  const take = async (name: string): Promise<Specimen> => {
    const switched = new Set(differ.slice(0, names.indexOf(name) + 1));
    const values = symbols.map((symbol): [string, string] => [
      symbol,
      (switched.has(symbol) ? bad : good).get(symbol) ?? 'n',
    ]);
    // One file name, for one object folder.
    const folder = join(dir, 'configs', String(switched.size));
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'bisect.config');
    await writeAtomic(file, formatConfig(new Map(values)));
    const subject = `${source.subject}, ${switched.size} of ${differ.length} settings as in B`;
    return {
      source,
      request: { ...request, configFiles: [...request.configFiles, file] },
      subject,
    };
  };
  return { names, shelf: { take } };
}

async function readConfig(file: string): Promise<Map<string, string>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FailureError(
      { blame: 'usage', code: 'unreadable', title: `cannot read the configuration ${file}` },
      { cause },
    );
  });
  return parseConfig(text);
}

/** The head with a commit taken back, as a commit; or why that cannot be. */
export async function revertOn(
  head: Source,
  commit: string,
  dir: string,
  ctx: Context,
): Promise<{ readonly commit: string } | { readonly why: string }> {
  const diff = await reverseDiff(head, commit, ctx);
  if (diff === undefined) return { why: 'it is the first commit of all' };
  if (diff.trim() === '') return { why: 'it changes nothing' };
  const file = join(dir, 'revert.diff');
  await writeAtomic(file, diff);
  try {
    const { source } = await applySeries({ ...head, baseGiven: true }, [file], ctx);
    return { commit: source.commit };
  } catch (error) {
    const failure = asFailure(error);
    if (failure.blame !== 'series') throw error;
    return { why: failure.title };
  }
}
