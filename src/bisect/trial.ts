// Tries one kernel of a bisection: builds it, runs the one job on it as often as wanted, and says what each run shows.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '../core/event.ts';
import { asFailure } from '../core/failure.ts';
import type { PlannedJob } from '../core/plan.ts';
import { judge, type Judgement, type Predicate } from '../core/predicate.ts';
import { fold, type RunResult } from '../core/result.ts';
import { roundId } from '../core/rounds.ts';
import type { Specimen } from './specimen.ts';
import { ensureKernel } from '../kernel/build.ts';
import { imageIdentity } from '../kernel/image-identity.ts';
import type { Lab, RunPlace } from '../run/request.ts';
import { runAt } from '../run/run-at.ts';
import { readRecord } from '../store/run-folder.ts';
import { kernelRequest } from '../run/tested-kernel.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';
import type { AccelChoice } from '../vm/probe.ts';

export interface Bench {
  readonly lab: Lab;
  readonly place: RunPlace;
  /** Whose test programs of upstream's are used for all commits. */
  readonly base: Source;
  readonly job: PlannedJob;
  readonly predicate: Predicate;
}

/** What a kernel is known by: two of the same do the same. Or why there is none. */
export async function buildOne(
  { request, source }: Specimen,
  lab: Lab,
  ctx: Context,
): Promise<{ readonly image: string } | Judgement> {
  try {
    const build = await ensureKernel(await kernelRequest(request, lab, source, ctx), ctx);
    return { image: (await imageIdentity(build.dir)) ?? build.key };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const failure = asFailure(error);
    if (failure.code === 'bug') throw error;
    return { outcome: failure.blame === 'series' ? 'skip' : 'infra', why: failure.title };
  }
}

export interface Trial extends Judgement {
  /** Of its record, relative to the folder of the bisection. */
  readonly dir: string;
}

/** Runs the job `runs` times. With `reuse` one run that was kept from before will do. */
export async function tryOne(
  specimen: Specimen,
  how: { readonly runs: number; readonly reuse: boolean; readonly accel?: AccelChoice },
  { lab, place, base, job, predicate }: Bench,
  ctx: Context,
): Promise<{ readonly trials: readonly Trial[]; readonly accel: string }> {
  const { source, request, subject } = specimen;
  const dir = await newFolder(place.dir, source.commit.slice(0, 12));
  const result = await runAt(
    {
      ...{ source, base, jobs: [job], dir: join(place.dir, dir), subject, reuse: how.reuse },
      repeat: how.runs,
      ...(how.accel === undefined ? {} : { accel: how.accel }),
    },
    { request, lab, place },
    ctx,
  );
  const rounds =
    how.runs === 1 ? [result] : roundsOf(await readRecord(join(place.dir, dir)), job.id, how.runs);
  return {
    trials: rounds.map((round) => ({ ...judge(predicate, round), dir })),
    accel: result.host.accel,
  };
}

/** Side by side, one bad moment of the lab spoils several: that is one failure of it, and none in a row if others came to an end. */
export function worthTelling<T extends Judgement>(trials: readonly T[]): readonly T[] {
  const [first] = trials.filter(({ outcome }) => outcome === 'infra');
  return [
    ...(first === undefined ? [] : [first]),
    ...trials.filter((one) => one.outcome !== 'infra'),
  ];
}

/** Each round of a repeated job as if it had been the only one. */
export const roundsOf = (events: readonly Event[], job: string, count: number): RunResult[] =>
  Array.from({ length: count }, (_, index) => {
    const own = roundId(job, index + 1);
    return fold(
      events.flatMap((event) => {
        if (!('job' in event) || event.job === undefined) return [event];
        return event.job === own ? [{ ...event, job }] : [];
      }),
    );
  });

/** The next of `steps/001-…`: what was cut short leaves its folder behind. */
async function newFolder(dir: string, name: string): Promise<string> {
  const steps = join(dir, 'steps');
  await mkdir(steps, { recursive: true });
  const last = (await readdir(steps)).reduce(
    (most, one) => Math.max(most, parseInt(one, 10) || 0),
    0,
  );
  const folder = join('steps', `${String(last + 1).padStart(3, '0')}-${name}`);
  await mkdir(join(dir, folder));
  return folder;
}
