// A series patch by patch: what is known of a patch whose kernel was built, and how the step `each` ends.
import type { Failure } from '../core/failure.ts';
import type { PatchInfo } from '../core/patch.ts';
import type { Workshop } from '../run/run-at.ts';
import type { Emit } from '../run/run-jobs.ts';
import type { AppliedSeries } from '../tree/series.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

/** A patch whose kernel was tried to build. */
export interface BuiltPatch {
  readonly info: PatchInfo;
  readonly source: Source;
  /** Of the image; absent if there is none. */
  readonly identity?: string;
}

export interface Series extends Workshop {
  readonly applied: AppliedSeries;
}

/** Where progress is told, with whose it is. */
export const said = (ctx: Context, what: string): Context => ({
  ...ctx,
  onProgress: (text) => ctx.onProgress(`${what}: ${text}`),
});

/** Tells what the step came to. */
export function endStep(failure: Failure | undefined, emit: Emit): void {
  if (failure === undefined) emit({ type: 'step-end', step: 'each', status: 'PASS' });
  else
    emit({
      ...{ type: 'step-end', step: 'each', failure },
      status: failure.blame === 'series' ? 'FAIL' : 'MISS',
    });
}
