// A conflict with what helps: the patches that are missing, a revision that the series does apply to.
import { join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import type { Source } from '../source.ts';
import { applyToWhole } from './apply.ts';
import type { Mail } from './mail.ts';
import { missingPrerequisites, revisionsWith } from './other-base.ts';

export interface Attempt {
  readonly dir: string;
  readonly mails: readonly Mail[];
  readonly prerequisites: readonly string[];
}

/** Rethrows what applying threw; a series/patch-conflict with a better hint. `dir` is for trying. */
export async function explain(
  error: unknown,
  { dir, mails, prerequisites }: Attempt,
  base: Source,
  ctx: Context,
): Promise<never> {
  if (!(error instanceof FailureError) || error.failure.code !== 'patch-conflict') throw error;
  const missing = await missingPrerequisites(prerequisites, mails, base, ctx);
  const fits = await firstThatFits(join(dir, 'other'), mails, base, ctx);
  const needs = missing.map((id) => `prerequisite-patch-id: ${id} is not in ${base.subject}`);
  const elsewhere = fits === undefined ? [] : [`It applies to ${fits.name}.`];
  const hint =
    fits !== undefined
      ? `It applies to ${fits.name}: ${fits.options}`
      : missing.length > 0
        ? `Give the ${missing.length} patches that it builds on before it.`
        : error.failure.hint;
  const detail = [error.failure.detail ?? '', ...needs.slice(0, 8), ...elsewhere];
  throw new FailureError(
    {
      ...error.failure,
      detail: detail.filter((line) => line !== '').join('\n'),
      ...(hint === undefined ? {} : { hint }),
    },
    { cause: error },
  );
}

/** The newest likely revision that really takes the series, if one is found in time. */
async function firstThatFits(dir: string, mails: readonly Mail[], base: Source, ctx: Context) {
  const limit = AbortSignal.timeout(trialMs);
  const quick: Context = { ...ctx, signal: AbortSignal.any([ctx.signal, limit]) };
  try {
    for (const [at, revision] of (await revisionsWith(mails, base, quick)).entries()) {
      const fits = await applyToWhole(mails, revision.source, `${dir}-${at}`, quick).then(
        () => true,
        (error: unknown) => {
          if (error instanceof FailureError && error.failure.blame === 'series') return false;
          throw error;
        },
      );
      if (fits) return revision;
    }
  } catch (error) {
    // What is only a hint must not hide the failure it is for.
    if (ctx.signal.aborted || !limit.aborted) throw error;
  }
  return undefined;
}

/** For trying other revisions, after searching them. */
const trialMs = 10_000;
