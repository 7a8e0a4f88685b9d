// Which patch of the series broke it: a search over its commits, all regressions at once, so that what one patch's kernel can
// tell is asked when it is there.
import type { Change } from '../core/change.ts';
import { statusAt } from '../core/compare.ts';
import { answer, learn, next, type Outcome, search, type Search } from '../core/first-bad.ts';
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

/** The regressions among `changes` with their `patch`; the others as they are. */
export async function findCulprits(
  changes: readonly Change[],
  { patches, total, shape, run }: Trial,
): Promise<readonly Change[]> {
  const searches = new Map<Change, Search>(
    changes
      .filter(({ kind, is }) => kind === 'regression' && is === 'FAIL')
      .map((change) => [change, search(patches.length)]),
  );
  for (;;) {
    const at = [...searches.values()].map(next).find((patch) => patch !== undefined);
    const patch = patches[(at ?? 0) - 1];
    if (at === undefined || patch === undefined) break;
    const asked = [...searches].filter(([, { good, bad }]) => at > good && at < bad);
    const jobs = new Set(asked.flatMap(([change]) => shape(change) ?? []));
    const result = await run(patch, [...jobs]);
    for (const [change, state] of asked)
      searches.set(change, learn(state, at, outcomeOf(change, result)));
  }
  return changes.map((change) => {
    const state = searches.get(change);
    const found = state === undefined ? undefined : answer(state);
    const first = patches[(found?.from ?? 0) - 1];
    const last = patches[(found?.to ?? 0) - 1];
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

function outcomeOf(change: Change, result: RunResult): Outcome {
  const status = statusAt(result, change);
  return status === 'FAIL' ? 'bad' : status === 'PASS' ? 'good' : 'skip';
}
