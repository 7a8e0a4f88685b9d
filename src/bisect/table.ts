// What a bisection chooses from: the commits of a tree, the patches of a series, or the settings between two configurations.
import type { Settings } from '../core/bisect/step.ts';
import { FailureError } from '../core/failure.ts';
import type { Predicate } from '../core/predicate.ts';
import { commitShelf, configRow, firstConfig, type Shelf } from './specimen.ts';
import type { RunRequest } from '../run/request.ts';
import { openSource } from '../run/tested-kernel.ts';
import { commitsBetween, mergeBases } from '../tree/history.ts';
import { applySeries } from '../tree/series.ts';
import { resolveCommit, type Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

/** What the user wants; plain data, it is part of the log. */
export interface BisectRequest {
  /** `source` is the tree; its series, if there is one, is what is bisected. */
  readonly request: RunRequest;
  /** Revisions of the tree. */
  readonly good?: string;
  readonly bad?: string;
  readonly predicate: Predicate;
  readonly settings: Settings;
  readonly firstParent: boolean;
  /** Patches for every commit, to get over known breakages. */
  readonly fixes: readonly string[];
  /** Bisect the difference of two configurations, not the code. */
  readonly configs?: { readonly good: string; readonly bad: string };
}

export interface Table {
  /** Without the series. */
  readonly request: RunRequest;
  /** The bad end. */
  readonly source: Source;
  /** Whose test programs of upstream's are used. */
  readonly base: Source;
  readonly shelf: Shelf;
  readonly bad: string;
  /** Undefined: to be found. */
  goodEnds(ctx: Context): Promise<readonly string[] | undefined>;
  /** What `bad` has and none of `good`: children first, each with its parents behind it. */
  list(good: readonly string[], bad: string, ctx: Context): Promise<readonly (readonly string[])[]>;
}

/**
 * `dir`: where configurations are written. Throws FailureError `usage/no-history`, `usage/same-config`, and what opening a tree
 * and applying a series throw.
 */
export async function layTable(wanted: BisectRequest, dir: string, ctx: Context): Promise<Table> {
  if (wanted.configs !== undefined) return configTable(wanted, wanted.configs, dir, ctx);
  return wanted.request.series.length > 0 ? seriesTable(wanted, ctx) : treeTable(wanted, ctx);
}

async function treeTable(wanted: BisectRequest, ctx: Context): Promise<Table> {
  const { bad, fixes, good } = wanted;
  const request = withoutSeries(wanted);
  if (request.source.kind !== 'tree')
    throw new FailureError({
      blame: 'usage',
      code: 'no-history',
      title: 'a distribution kernel has no history to search',
      hint: 'Give --tree DIR, or a series to be searched.',
    });
  // The commit: what has not been committed has no history.
  const source = await openSource({ ...request.source, base: bad ?? 'HEAD' }, ctx);
  return {
    ...{ request, source, base: source, bad: source.commit },
    shelf: commitShelf(source, request, fixes),
    goodEnds: (inner) => goodEndsOf(source, good, inner),
    list: lister(source, wanted),
  };
}

async function seriesTable(wanted: BisectRequest, ctx: Context): Promise<Table> {
  const { series, source: from } = wanted.request;
  const request = withoutSeries(wanted);
  const applied = await applySeries(await openSource(from, ctx), series, ctx);
  const { source } = applied;
  return {
    ...{ request, source, base: applied.baseSource, bad: source.commit },
    shelf: commitShelf(source, request, wanted.fixes),
    goodEnds: () => Promise.resolve([applied.base]),
    list: lister(source, wanted),
  };
}

async function configTable(
  wanted: BisectRequest,
  files: NonNullable<BisectRequest['configs']>,
  dir: string,
  ctx: Context,
): Promise<Table> {
  const request = withoutSeries(wanted);
  const source = await openSource(request.source, ctx);
  const { names, shelf } = await configRow(files, source, request, dir);
  const rows = names.map((name, at) => [name, at === 0 ? firstConfig : (names[at - 1] ?? '')]);
  return {
    ...{ request, source, base: source, shelf, bad: names.at(-1) ?? '' },
    goodEnds: () => Promise.resolve([firstConfig]),
    list: () => Promise.resolve(rows.toReversed()),
  };
}

const withoutSeries = ({ request }: BisectRequest): RunRequest => ({ ...request, series: [] });

const lister =
  (source: Source, { firstParent }: BisectRequest): Table['list'] =>
  (good, bad, ctx) =>
    commitsBetween(source, good, bad, { firstParent }, ctx);

/** A good commit on another branch says nothing but of where the branches part. */
async function goodEndsOf(
  source: Source,
  good: string | undefined,
  ctx: Context,
): Promise<readonly string[] | undefined> {
  if (good === undefined) return undefined;
  const commit = await resolveCommit(source, good, ctx);
  const meet = await mergeBases(source, commit, source.commit, ctx);
  if (meet.length > 0 && !meet.includes(source.commit)) return meet;
  throw new FailureError({
    blame: 'usage',
    code: 'ends-apart',
    title:
      meet.length === 0
        ? `'${good}' and the bad end have no history in common`
        : `'${good}' has all that the bad end has: nothing is in between`,
    hint: 'The good end must be older than the bad end. To find a fix, ask for the opposite with --cmd.',
  });
}
