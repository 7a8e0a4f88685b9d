// From inputs to the mails that are the series: split, chosen, complete.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import type { Place } from '../git.ts';
import { type Chosen, chooseSeries, inGivenOrder } from './choose.ts';
import { hasB4, readWithB4 } from './fetch.ts';
import type { Input, InputFile } from './input.ts';
import { type Mail, readMails } from './mail.ts';

export interface Series {
  /** Those with a patch, in order. */
  readonly mails: readonly Mail[];
  readonly cover?: Mail;
  readonly notes: readonly string[];
}

/**
 * Splits every input into mails below `dir` and chooses the series among them. Files with one mail each are one series
 * together. Throws usage/patch-missing, usage/patch-duplicate, series/patch-malformed.
 */
export async function takeApart(
  inputs: readonly Input[],
  dir: string,
  place: Place,
  ctx: Context,
): Promise<Series> {
  await mkdir(dir);
  let folders = 0;
  const split = (file: InputFile): Promise<Mail[]> =>
    readMails(file, join(dir, String(folders++)), place, ctx);
  const parts: Series[] = [];
  let single: Mail[] = [];
  const endOfSingles = (): void => {
    if (single.length > 0) parts.push(asGiven(inGivenOrder(single)));
    single = [];
  };
  for (const input of inputs) {
    const mails: Mail[] = [];
    for (const file of input.files) mails.push(...(await split(file)));
    if (input.kind === 'file' && mails.length <= 1) {
      single.push(...mails);
      continue;
    }
    endOfSingles();
    if (input.kind === 'quilt') parts.push(inFileOrder(mails));
    else parts.push(await conversation(input, mails, split, ctx));
  }
  endOfSingles();
  const cover = parts.find((part) => part.cover !== undefined)?.cover;
  return {
    mails: parts.flatMap((part) => part.mails),
    ...(cover === undefined ? {} : { cover }),
    notes: parts.flatMap((part) => part.notes),
  };
}

function inFileOrder(mails: readonly Mail[]): Series {
  const cover = mails.find((mail) => mail.patch === '');
  return {
    mails: mails.filter((mail) => mail.patch !== ''),
    ...(cover === undefined ? {} : { cover }),
    notes: [],
  };
}

function asGiven({ patches, cover, missing }: Chosen<Mail>): Series {
  return {
    mails: patches,
    ...(cover === undefined ? {} : { cover }),
    notes: missing.length === 0 ? [] : [`Given without patch ${missing.join(', ')} of its series`],
  };
}

/** A thread, through b4 if it is more than one series and b4 is there. */
async function conversation(
  input: Input,
  mails: readonly Mail[],
  split: (file: InputFile) => Promise<Mail[]>,
  ctx: Context,
): Promise<Series> {
  const own = chooseSeries(mails);
  const [file] = input.files;
  if (input.kind !== 'file' || file === undefined || !own.thread) return complete(own, input.name);
  if (!(await hasB4(ctx))) {
    if (own.missing.length > 0)
      throw isMissing(
        own.missing,
        own.patches,
        input.name,
        'If only these were sent again, b4 puts the series together: apt install b4',
      );
    const note = 'Trailers from replies are not added: that takes b4 (apt install b4)';
    return complete(own, input.name, own.replies ? [note] : []);
  }
  try {
    const read = await readWithB4(file, ctx);
    const chosen: Mail[] = [];
    for (const one of read.files) chosen.push(...(await split({ ...one, name: file.name })));
    const theirs = chooseSeries(chosen);
    if (theirs.patches.length >= own.patches.length && theirs.missing.length === 0)
      return complete({ ...theirs, left: own.left }, input.name, read.notes);
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.blame === 'tool') throw error;
    ctx.signal.throwIfAborted();
    const note = `b4 could not read ${input.name}, trailers from replies are not added: ${error.failure.title}`;
    return complete(own, input.name, [note]);
  }
  return complete(own, input.name);
}

function complete(
  { patches, cover, missing, left }: Chosen<Mail>,
  name: string,
  notes: readonly string[] = [],
): Series {
  if (missing.length > 0) throw isMissing(missing, patches, name);
  const [first] = patches;
  const version = first?.subject.tagged === true ? `v${first.subject.version}` : 'the patches';
  return {
    mails: patches,
    ...(cover === undefined ? {} : { cover }),
    notes: [
      ...(left.length === 0 || first === undefined
        ? []
        : [`Of ${name}, ${version} was taken and left aside: ${left.join(', ')}`]),
      ...notes,
    ],
  };
}

function isMissing(
  missing: readonly string[],
  there: readonly Mail[],
  name: string,
  hint = 'To test only what is there, give the patch files one by one.',
): FailureError {
  const some = missing.length > 8 ? [...missing.slice(0, 8), '…'] : missing;
  return new FailureError({
    blame: 'usage',
    code: 'patch-missing',
    title: `Patch ${some.join(', ')} is missing in ${name}`,
    detail: there
      .slice(0, 12)
      .map(({ subject: { place, title } }) => `${place?.number ?? '-'}: ${title}`)
      .join('\n'),
    hint,
  });
}
