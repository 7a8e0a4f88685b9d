// What a run is compared with: the base of its series, whose results are kept from before where nothing has changed, or a run
// that somebody names.
import { join } from 'node:path';
import type { BaselineInfo } from '../core/change.ts';
import { FailureError } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import { fold, type RunResult } from '../core/result.ts';
import { runAt, type Workshop } from '../run/run-at.ts';
import { readRecord } from '../store/run-folder.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import type { AccelChoice } from '../vm/probe.ts';

export interface Baseline {
  readonly info: BaselineInfo;
  readonly result: RunResult;
}

/** The jobs on the base, in the folder base/ of the run. Throws what says that the lab could not do it. */
export async function runBase(
  base: Source,
  jobs: readonly PlannedJob[],
  accel: AccelChoice | undefined,
  shop: Workshop,
  ctx: Context,
): Promise<Baseline> {
  const result = await runAt(
    {
      ...{ source: base, base, jobs, dir: join(shop.place.dir, 'base'), reuse: true },
      subject: base.subject,
      ...(accel === undefined ? {} : { accel }),
    },
    shop,
    ctx,
  );
  const broken = result.steps.find(({ failure }) => failure !== undefined);
  // That the base does not build is a fact about it; anything else is none.
  if (broken?.failure !== undefined && !(broken.step === 'build' && broken.status === 'FAIL'))
    throw new FailureError({ ...broken.failure, title: `the base: ${broken.failure.title}` });
  return describe('base', result);
}

/** A run from before. Throws FailureError `usage/no-run`. */
export async function readBaseline(dir: string): Promise<Baseline> {
  return describe('run', fold(await readRecord(dir)));
}

const describe = (kind: BaselineInfo['kind'], result: RunResult): Baseline => ({
  result,
  info: {
    ...{ kind, id: result.id, subject: result.subject, status: result.status },
    built: result.steps.every((step) => step.step !== 'build' || step.status === 'PASS'),
    jobs: result.jobs.length,
    cached: result.jobs.filter(isCached).length,
  },
});

const isCached = ({ steps }: RunResult['jobs'][number]): boolean =>
  steps.some(({ note }) => note === 'cached');
