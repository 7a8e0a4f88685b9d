// What a series does to those who use memremap_pages(), besides what tests see: the layout of its structures, and code that
// the tested configuration leaves out.
import { callerFailure, checkCallers } from './callers.ts';
import { asFailure } from '../core/failure.ts';
import { layoutChange } from './layout.ts';
import type { Lab, RunRequest } from '../run/request.ts';
import type { Emit } from '../run/run-jobs.ts';
import { StepFailed } from '../run/steps.ts';
import { kernelRequest } from '../run/tested-kernel.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

export interface Pair {
  readonly request: RunRequest;
  readonly lab: Lab;
  readonly base: Source;
  /** The base itself where there is no series. */
  readonly source: Source;
}

/** Emits `layout` if it changes; that it cannot be found out is a note. */
export async function compareLayout(
  { request, lab, base, source }: Pair,
  emit: Emit,
  ctx: Context,
): Promise<void> {
  if (base.tree === source.tree) return;
  try {
    const { objects } = await kernelRequest(request, lab, source, ctx);
    const lines = await layoutChange(base, source, objects, ctx);
    if (lines.length > 0) emit({ type: 'layout', lines });
  } catch (error) {
    ctx.signal.throwIfAborted();
    const { title } = asFailure(error);
    emit({
      type: 'note',
      text: `Whether the layout of struct dev_pagemap changes is not known: ${title}`,
    });
  }
}

/** The step `callers`: FAILs if a file compiles on the base and not with the series. Throws StepFailed. */
export async function compileCallers(
  { request, lab, base, source }: Pair,
  emit: Emit,
  ctx: Context,
): Promise<void> {
  emit({ type: 'step-begin', step: 'callers' });
  try {
    const { objects } = await kernelRequest(request, lab, source, ctx);
    const callers = await checkCallers(base, source, objects, ctx);
    emit({ type: 'callers', callers });
    const failure = callerFailure(callers);
    emit({
      ...{ type: 'step-end', step: 'callers' },
      ...(failure === undefined ? { status: 'PASS' } : { status: 'FAIL', failure }),
    });
  } catch (error) {
    const failure = asFailure(error);
    emit({ type: 'step-end', step: 'callers', status: 'MISS', failure });
    throw new StepFailed(failure.title, { cause: error });
  }
}
