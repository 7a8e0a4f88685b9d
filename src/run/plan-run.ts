// Which jobs a run has: what the user asked for; with a series, what it touches first, and with --type auto hardly more.
import { loadReach } from '../config/reach.ts';
import { loadVariant } from '../config/variant.ts';
import { FailureError } from '../core/failure.ts';
import { type Catalogue, planJobs, type PlannedJob, type Selection } from '../core/plan.ts';
import { chooseReached, reachedFirst, reachOf } from '../core/reach.ts';
import type { Lab, RunRequest } from './request.ts';
import { applySeries } from '../tree/series.ts';
import type { Source } from '../tree/source.ts';
import { touchedBetween } from '../tree/touched.ts';
import type { Context } from '../util/context.ts';

/** The value of `--type` that leaves the choice to what the series touches. */
const auto = 'auto';

/** What is asked for besides that. */
export const withoutAuto = (selection: Selection): Selection => ({
  ...selection,
  types: selection.types.filter((type) => type !== auto),
});

export interface RunPlan {
  readonly jobs: readonly PlannedJob[];
  /** For the report: what was left out, and why. */
  readonly notes: readonly string[];
}

/** Throws what planJobs and loadVariant throw, and `usage/auto-without-series`. */
export async function planRun(
  request: RunRequest,
  lab: Lab,
  catalogue: Catalogue,
  base: Source,
  ctx: Context,
): Promise<RunPlan> {
  const isAuto = request.selection.types.includes(auto);
  if (isAuto && request.series.length === 0)
    throw new FailureError({
      blame: 'usage',
      code: 'auto-without-series',
      title: '--type auto goes by what a series changes, and there is none',
    });
  const variant = await loadVariant(lab.projectDir, request.variant);
  const all = variant === undefined ? catalogue : { ...catalogue, variant };
  const jobs = planJobs(withoutAuto(request.selection), all, request.command);
  if (request.series.length === 0) return { jobs, notes: [] };
  const reach = await loadReach(lab.projectDir);
  if (reach === undefined)
    return {
      jobs,
      notes: isAuto ? ['--type auto runs everything: no reach is recorded (npm run reach)'] : [],
    };
  // One that does not apply is for the step that applies it to tell.
  const applied = await applySeries(base, request.series, ctx).catch(() => undefined);
  if (applied === undefined) return { jobs, notes: [] };
  const touched = await touchedBetween(applied.baseSource, applied.source, ctx);
  return isAuto
    ? chooseReached(jobs, reach, touched)
    : { jobs: reachedFirst(jobs, reachOf(reach, touched)), notes: [] };
}
