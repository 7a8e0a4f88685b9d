// A regression is repeated before anybody is blamed: with the series and on the base, only that test. What does not come out
// the same each time is flaky, and its rate is told.
import { type Change, isLost, isWorse, type Rate } from '../core/change.ts';
import { statusAt } from '../core/compare.ts';
import { hasTest, narrowJob, type PlannedJob } from '../core/plan.ts';
import type { RunResult } from '../core/result.ts';
import type { Status } from '../core/status.ts';

export interface Repeats {
  /** Runs jobs once more, on a kernel that exists. */
  series(jobs: readonly PlannedJob[]): Promise<RunResult>;
  /** Absent if the base is not at hand. */
  readonly base?: (jobs: readonly PlannedJob[]) => Promise<RunResult>;
}

export interface Confirmed {
  readonly changes: readonly Change[];
  /** How the job of a regression shows it: narrowed down to its tests, or whole if only the whole job does. */
  readonly shapes: ReadonlyMap<string, PlannedJob>;
}

/** More runs of each, at most. */
export const moreRuns = 2;

/** `changes` with those that are worse or lost confirmed, or called what they turned out to be. */
export async function confirm(
  changes: readonly Change[],
  jobs: readonly PlannedJob[],
  repeats: Repeats,
): Promise<Confirmed> {
  const suspects = suspectsOf(changes, jobs);
  for (let round = 1; round <= moreRuns; round++) {
    const open = suspects.filter((one) => one.doubts.some(isOpen));
    if (open.length === 0) break;
    note(open, await repeats.series(open.map(({ shape }) => shape)), 'is');
    // Alone it does not fail: does it in the company of the others?
    const whole = open.filter(
      (one) => round === 1 && one.shape !== one.job && one.doubts.every(({ is }) => is.bad < is.of),
    );
    if (whole.length > 0) {
      for (const one of whole) widen(one);
      note(whole, await repeats.series(whole.map(({ job }) => job)), 'is');
    }
    // Once on the base in any case, for its rate.
    const asked = open.filter((one) => round === 1 || one.doubts.some(isOpen));
    if (repeats.base !== undefined && asked.length > 0)
      note(asked, await repeats.base(asked.map(({ shape }) => shape)), 'was');
  }
  const doubts = suspects.flatMap((one) => one.doubts);
  return {
    changes: changes.map((change) => {
      const doubt = doubts.find((one) => one.change === change);
      return doubt === undefined ? change : verdict(doubt);
    }),
    shapes: new Map(suspects.map(({ job, shape }) => [job.id, shape])),
  };
}

/** A change in doubt, and how often it was seen on both sides. */
interface Doubt {
  readonly change: Change;
  is: Rate;
  was: Rate;
}

/** The doubts of one job, repeated together. */
interface Suspect {
  readonly job: PlannedJob;
  shape: PlannedJob;
  readonly doubts: readonly Doubt[];
}

function suspectsOf(changes: readonly Change[], jobs: readonly PlannedJob[]): Suspect[] {
  return jobs.flatMap((job): Suspect[] => {
    const own = changes.filter((change) => change.job === job.id);
    const worse = own.filter(isWorse);
    // Where something FAILs, what is missing besides needs no explanation of its own.
    const chosen = worse.length > 0 ? worse : own.filter(isLost);
    if (chosen.length === 0) return [];
    const doubts = chosen.map((change) => ({ change, ...startOf(change) }));
    return [{ job, shape: shapeOf(job, chosen), doubts }];
  });
}

/** The first run counts. */
const startOf = (change: Change): { is: Rate; was: Rate } => ({
  is: change.rate?.is ?? { bad: 1, of: 1 },
  was: change.rate?.was ?? {
    bad: change.was === 'FAIL' ? 1 : 0,
    of: change.was === 'FAIL' || change.was === 'PASS' ? 1 : 0,
  },
});

/** Tests by their names, kernel reports by the tests they came during; a boot that fails takes the whole job. */
function shapeOf(job: PlannedJob, changes: readonly Change[]): PlannedJob {
  const names = new Set<string>();
  for (const { path, during } of changes) {
    const tests = during?.map((test) => test.split(' > ')[1] ?? '') ?? [path[1] ?? ''];
    // Between tests, or of no test: nobody knows which one it takes.
    if (tests.length === 0 || !tests.every((test) => hasTest(job, test))) return job;
    for (const test of tests) names.add(test);
  }
  const narrow = narrowJob(job, names);
  return narrow.tests.length === job.tests.length ? job : narrow;
}

/** From now on the whole job; the first run was one. */
function widen(suspect: Suspect): void {
  suspect.shape = suspect.job;
  for (const doubt of suspect.doubts) Object.assign(doubt, startOf(doubt.change));
}

function note(suspects: readonly Suspect[], result: RunResult, side: 'is' | 'was'): void {
  for (const { doubts } of suspects)
    for (const doubt of doubts) {
      const bad = isBadFor(doubt.change, statusAt(result, doubt.change));
      if (bad === undefined) continue;
      const { bad: before, of } = doubt[side];
      doubt[side] = { bad: before + (bad ? 1 : 0), of: of + 1 };
    }
}

/** Undefined: this run cannot tell. */
function isBadFor(change: Change, status: Status | undefined): boolean | undefined {
  if (status === 'PASS') return false;
  if (status === 'FAIL') return true;
  return isLost(change) && (status === 'ERROR' || status === 'MISS') ? true : undefined;
}

/** Neither seen to come and go, nor seen on the base. */
const isOpen = ({ is, was }: Doubt): boolean => is.bad === is.of && was.bad === 0;

function verdict({ change, is, was }: Doubt): Change {
  const rate = { is, ...(was.of === 0 ? {} : { was }) };
  if (is.bad < is.of || (was.bad > 0 && was.bad < was.of))
    return { ...change, kind: 'flaky', rate };
  if (was.bad > 0)
    return { ...change, kind: 'known', was: 'FAIL', reason: 'it FAILs on the base, too', rate };
  // The base had not said anything before; now it has.
  if (change.kind === 'new' && was.of > 0)
    return { ...change, kind: 'regression', was: 'PASS', rate };
  return { ...change, rate };
}
