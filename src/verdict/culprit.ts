// Which patch of the series broke it: a search over its commits, all regressions at once, so that what one patch's kernel can
// tell is asked when it is there.
import { choose } from '../core/bisect/choose.ts';
import { candidates, makeRow, members } from '../core/bisect/graph.ts';
import type { Change } from '../core/change.ts';
import { statusAt } from '../core/compare.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { RunResult } from '../core/result.ts';

export interface SeriesPatch {
  /** In the series, from 1. */
  readonly number: number;
  readonly title: string;
  readonly commit: string;
}

export interface Trial {
  /** In the order they were applied; those that the base had already are not among them. */
  readonly patches: readonly SeriesPatch[];
  /** Patches of the series as it was sent. */
  readonly total: number;
  /** The job that shows a change; undefined if building the kernel does. */
  shape(change: Change): PlannedJob | undefined;
  /** Builds the kernel of a patch and runs these jobs on it. */
  run(patch: SeriesPatch, jobs: readonly PlannedJob[]): Promise<RunResult>;
}

/** What is known of one regression, by place in the row of patches. */
interface Found {
  readonly bad: number[];
  readonly good: number[];
  readonly skip: number[];
}

/** The regressions among `changes` with their `patch`; the others as they are. */
export async function findCulprits(
  changes: readonly Change[],
  { patches, total, shape, run }: Trial,
): Promise<readonly Change[]> {
  const row = makeRow(patches.map(({ commit }) => commit));
  // The last patch is the series, which is bad; what the first builds on is the base, which is not.
  const searches = new Map(
    changes
      .filter(({ kind, is }) => kind === 'regression' && is === 'FAIL')
      .map((change): [Change, Found] => [
        change,
        { bad: [patches.length - 1], good: [], skip: [] },
      ]),
  );
  const left = ({ bad, good }: Found) => candidates(row, bad, good);
  for (;;) {
    const at = [...searches.values()]
      .map((found) => choose(row, left(found), new Set(found.skip)))
      .find((place) => place !== undefined);
    const patch = at === undefined ? undefined : patches[at];
    if (at === undefined || patch === undefined) break;
    const asked = [...searches].filter(([, found]) => left(found)[at] === 1);
    const jobs = new Set(asked.flatMap(([change]) => shape(change) ?? []));
    const result = await run(patch, [...jobs]);
    for (const [change, found] of asked) found[outcomeOf(change, result)].push(at);
  }
  return changes.map((change) => {
    const found = searches.get(change);
    const named =
      found === undefined ? [] : members(left(found)).flatMap((at) => patches[at] ?? []);
    const [first] = named;
    const last = named.at(-1);
    if (first === undefined || last === undefined) return change;
    return {
      ...change,
      patch: {
        number: first.number,
        ...(last === first ? {} : { upTo: last.number }),
        of: total,
        title: first.title,
      },
    };
  });
}

function outcomeOf(change: Change, result: RunResult): keyof Found {
  const status = statusAt(result, change);
  return status === 'FAIL' ? 'bad' : status === 'PASS' ? 'good' : 'skip';
}
