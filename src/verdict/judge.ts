// What the series changed: its results held against those of its base, regressions confirmed, and the patch found that is to
// blame. It all becomes events of the run.
import { join } from 'node:path';
import { type Baseline, readBaseline, runBase } from './baseline.ts';
import { loadKnownFailures } from '../config/known.ts';
import { type Change, isLost, isWorse } from '../core/change.ts';
import { compare } from '../core/compare.ts';
import type { PlannedJob } from '../core/plan.ts';
import type { RunResult } from '../core/result.ts';
import { confirm, type Confirmed, moreRuns } from './confirm.ts';
import { findCulprits, type SeriesPatch } from './culprit.ts';
import { runAt, type Workshop } from '../run/run-at.ts';
import type { Emit } from '../run/run-jobs.ts';
import type { RunStep } from '../run/steps.ts';
import type { AppliedSeries } from '../tree/series.ts';
import { atCommit, type Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import type { AccelChoice } from '../vm/probe.ts';

export interface Case extends Workshop {
  readonly base: Source;
  /** Absent for a plain tree. */
  readonly applied?: AppliedSeries;
  readonly jobs: readonly PlannedJob[];
  /** What the run came to. */
  readonly result: RunResult;
  /** What the run chose; absent if it came to no guest. */
  readonly accel?: AccelChoice;
}

/** Emits `baseline`, a `change` for each, and notes. Throws StepFailed. */
export async function judge(
  one: Case,
  to: { readonly step: RunStep; readonly emit: Emit },
  ctx: Context,
): Promise<void> {
  const { request, lab, place, result } = one;
  const known = await loadKnownFailures(lab.projectDir);
  const baseline = await baselineOf(one, to, ctx);
  if (baseline !== undefined) to.emit({ type: 'baseline', baseline: baseline.info });
  // A base that does not build is nothing to compare with.
  const old = baseline?.info.built === true ? baseline.result : undefined;
  const today = place.startedAt.slice(0, 10);
  const { changes, notes } = compare(old, result, { known, today, onlyPlanned: true });
  for (const text of notes) to.emit({ type: 'note', text });
  const rated = changes.map((change) => withRate(change, result));
  const sure = old === undefined ? unconfirmed(rated) : await confirmed(rated, one, to, ctx);
  const { applied } = one;
  const blamed =
    request.baseline !== 'base' || applied === undefined || old === undefined
      ? sure.changes
      : await culprits(sure, { ...one, applied }, to, ctx);
  for (const change of blamed) to.emit({ type: 'change', change });
}

async function baselineOf(
  one: Case,
  { step }: { readonly step: RunStep },
  ctx: Context,
): Promise<Baseline | undefined> {
  const { request, base, jobs, accel } = one;
  const { baseline } = request;
  if (baseline === undefined) return undefined;
  if (baseline !== 'base') return readBaseline(baseline.run);
  if (one.applied === undefined) return undefined;
  return step('baseline', async () => {
    // Where the series made no kernel, all there is to know of the base is whether it makes one.
    const value = await runBase(base, accel === undefined ? [] : jobs, accel, one, ctx);
    const { built, cached, jobs: all } = value.info;
    const note = !built
      ? 'the base does not build'
      : all > 0 && cached === all
        ? 'cached'
        : cached > 0
          ? `${cached} of ${all} jobs cached`
          : undefined;
    return { value, ...(note === undefined ? {} : { note }) };
  });
}

/** The rounds of a run that was repeated have told a rate already. */
function withRate(change: Change, result: RunResult): Change {
  const job = result.jobs.find(({ id }) => id === change.job);
  const points = job?.tests.filter(({ path }) => path.join('\0') === change.path.join('\0')) ?? [];
  const rate = points.find((point) => point.rate !== undefined)?.rate;
  return rate === undefined ? change : { ...change, rate: { is: rate } };
}

const unconfirmed = (changes: readonly Change[]): Confirmed => ({ changes, shapes: new Map() });

async function confirmed(
  changes: readonly Change[],
  one: Case,
  { step }: { readonly step: RunStep },
  ctx: Context,
): Promise<Confirmed> {
  const { base, applied, jobs, place, request, accel } = one;
  const doubtful = changes.filter((change) => change.job !== undefined);
  if (!doubtful.some((change) => isWorse(change) || isLost(change))) return unconfirmed(changes);
  let runs = 0;
  const again = (source: Source, name: string) => (narrowed: readonly PlannedJob[]) =>
    runAt(
      {
        ...{ source, base, jobs: narrowed, reuse: false },
        dir: join(place.dir, 'confirm', `${++runs}-${name}`),
        subject: source.subject,
        ...(accel === undefined ? {} : { accel }),
      },
      one,
      ctx,
    );
  return step('confirm', async () => ({
    value: await confirm(changes, jobs, {
      series: again(applied?.source ?? base, 'series'),
      ...(request.baseline === 'base' ? { base: again(base, 'base') } : {}),
    }),
    note: `up to ${moreRuns} more runs of each`,
  }));
}

async function culprits(
  { changes, shapes }: Confirmed,
  one: Case & { readonly applied: AppliedSeries },
  { step }: { readonly step: RunStep },
  ctx: Context,
): Promise<readonly Change[]> {
  const { applied, base, place, accel } = one;
  const patches = applied.patches.flatMap(({ commit, title }, index): SeriesPatch[] =>
    commit === undefined ? [] : [{ number: index + 1, title, commit }],
  );
  const total = applied.patches.length;
  const search = (): Promise<readonly Change[]> =>
    findCulprits(changes, {
      ...{ patches, total },
      shape: (change) => (change.job === undefined ? undefined : shapes.get(change.job)),
      run: async (patch, jobs) =>
        runAt(
          {
            ...{ source: await atCommit(base, patch.commit, ctx), base, jobs, reuse: true },
            dir: join(place.dir, 'culprit', String(patch.number)),
            subject: `patch ${patch.number}/${total} '${patch.title}'`,
            ...(accel === undefined ? {} : { accel }),
          },
          one,
          ctx,
        ),
    });
  if (patches.length < 2 || !changes.some(({ kind }) => kind === 'regression')) return search();
  return step('culprit', async () => ({ value: await search() }));
}
