// A patch series on its base, as a commit: input, choice of mails, base, git am. Each step is a file of series/.
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../util/context.ts';
import { readIfThere, writeAtomic } from '../util/files.ts';
import { removeTemp, tempBeside } from '../util/temp.ts';
import { applyToWhole, mustHavePatches, type Step } from './series/apply.ts';
import { baseInfo, type BaseFrom, chooseBase, findCommit } from './series/base.ts';
import { hasB4 } from './series/fetch.ts';
import { type Input, readInputs } from './series/input.ts';
import type { Mail } from './series/mail.ts';
import { explain } from './series/explain.ts';
import { applyToPart } from './series/part.ts';
import { takeApart } from './series/take-apart.ts';
import type { Source } from './source.ts';

export interface Patch {
  /** Its subject without `[PATCH …]`, or a plain diff's first line or file name. */
  readonly title: string;
  /** The commit it became; a patch that the base already has becomes none. */
  readonly commit?: string;
  /** Its place in what was applied, from 1, and how many there are. */
  readonly number: number;
  readonly of: number;
  /** `Name <mail>`; a plain diff has none. */
  readonly author?: string;
  /** Paths it changes; of a renamed file both. */
  readonly files: readonly string[];
  /** The commit and tree to build for "up to this patch": those of the patch before if it changed nothing. */
  readonly after: string;
  readonly tree: string;
}

export interface AppliedSeries {
  /** The cover letter's subject, else that of the only patch, else the first patch's and how many follow. */
  readonly title: string;
  readonly patches: readonly Patch[];
  /** Commit it was put on. */
  readonly base: string;
  /** The same as a source, which need not be the one that was given. */
  readonly baseSource: Source;
  readonly baseFrom: BaseFrom;
  /** The source at the series' last commit. */
  readonly source: Source;
  /** What whoever reads the verdict must know: what was left aside, what was merged. */
  readonly notes: readonly string[];
}

/**
 * Applies the patches in `inputs` to the base they are for: the source's commit if the user named it, else where the range
 * begins, else the series' base-commit if the source has it, else the source's commit. An input is an mbox, one mail, a
 * plain diff, a folder of these (in the order of its `series` file, else by number), a range `A..B` of the source's tree, or
 * a message id or link, for which b4 is needed. The same input on the same base is the same commit, and is applied once.
 * Throws series/patch-conflict, series/patch-malformed, series/patch-outside-tree, usage/no-series, usage/empty-series,
 * usage/not-a-series, usage/series-too-large, usage/patch-missing, usage/patch-duplicate, lab/program-missing,
 * lab/b4-failed.
 */
export async function applySeries(
  source: Source,
  inputs: readonly string[],
  ctx: Context,
): Promise<AppliedSeries> {
  const read = await readInputs(source, inputs, ctx);
  const note = join(source.gitDir, 'pgmap', 'series', `${await keyOf(source, read, ctx)}.json`);
  const known = await readNote(note, source, ctx);
  if (known !== undefined) return known;
  const dir = await makeTemp(ctx);
  try {
    const { wanted, ...applied } = await applyIn(dir, source, read, ctx);
    await writeAtomic(note, JSON.stringify({ wanted, applied }));
    return applied;
  } finally {
    await removeTemp(dir);
  }
}

/** Changes when the same input is to give another result. */
const recipe = 2;

/** What the result depends on, the tree's having the base-commit excepted. */
async function keyOf(source: Source, inputs: readonly Input[], ctx: Context): Promise<string> {
  const facts = [recipe, source.commit, source.baseGiven ?? false, await hasB4(ctx)];
  const hash = createHash('sha256').update(facts.join(' '));
  for (const { kind, files } of inputs) {
    hash.update(`\n${kind} ${files.length}`);
    for (const { text } of files) hash.update(`\n${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}

interface Note {
  /** The series' base-commit, if it is not what the series was put on. */
  readonly wanted?: string;
  readonly applied: AppliedSeries;
}

async function readNote(
  file: string,
  source: Source,
  ctx: Context,
): Promise<AppliedSeries | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const { wanted, applied }: Note = JSON.parse(text);
  // It may have come with a fetch since.
  if (wanted !== undefined && source.dir !== undefined)
    if ((await findCommit(source, wanted, ctx)) !== undefined) return undefined;
  // The tree may have moved, together with our repository of it.
  const here = ({ commit, tree, subject }: Source): Source => {
    const { uncommitted, ...plain } = source;
    const same = uncommitted === true && commit === source.commit;
    return { ...plain, ...(same ? { uncommitted } : {}), commit, tree, subject };
  };
  return { ...applied, source: here(applied.source), baseSource: here(applied.baseSource) };
}

async function applyIn(
  dir: string,
  source: Source,
  inputs: readonly Input[],
  ctx: Context,
): Promise<AppliedSeries & { wanted?: string }> {
  const series = await takeApart(inputs, join(dir, 'mails'), { gitDir: source.gitDir }, ctx);
  const { mails, cover } = series;
  mustHavePatches(
    mails,
    inputs.map(({ name }) => name),
  );
  const info = baseInfo(cover === undefined ? mails : [cover, ...mails]);
  const range = inputs.length === 1 ? inputs[0]?.from : undefined;
  const base = await chooseBase(source, info, range, ctx);
  const steps =
    (await applyToPart(mails, base.source, join(dir, 'part'), ctx)) ??
    (await applyToWhole(mails, base.source, join(dir, 'whole'), ctx).catch((error: unknown) =>
      explain(error, { dir, mails, prerequisites: info.prerequisites }, base.source, ctx),
    ));
  const last = steps.at(-1);
  const more = mails.length === 1 ? '' : ` (and ${mails.length - 1} more)`;
  const { uncommitted: _, ...plain } = base.source;
  return {
    title: cover?.subject.title ?? `${mails[0]?.subject.title ?? ''}${more}`,
    patches: mails.map((mail, at) => patchOf(mail, steps, at, base.source.commit)),
    base: base.source.commit,
    baseSource: base.source,
    baseFrom: base.from,
    source: {
      ...plain,
      commit: last?.after ?? base.source.commit,
      tree: last?.tree ?? base.source.tree,
    },
    notes: [
      ...inputs.flatMap(({ notes }) => notes),
      ...series.notes,
      ...base.notes,
      ...merged(mails, steps),
    ],
    ...(info.commit === undefined || base.source.commit.startsWith(info.commit)
      ? {}
      : { wanted: info.commit }),
  };
}

function patchOf(mail: Mail, steps: readonly Step[], at: number, base: string): Patch {
  const step = steps[at];
  if (step === undefined) throw new Error(`patch ${at + 1} was not applied`);
  const { after, tree, files } = step;
  return {
    title: mail.subject.title,
    ...(after === (steps[at - 1]?.after ?? base) ? {} : { commit: after }),
    number: at + 1,
    of: steps.length,
    ...(mail.author === undefined ? {} : { author: mail.author }),
    ...{ files, after, tree },
  };
}

const merged = (mails: readonly Mail[], steps: readonly Step[]): string[] =>
  mails.flatMap((mail, at) =>
    steps[at]?.merged === true
      ? [`'${mail.subject.title}' was merged (git am --3way): its surroundings have changed`]
      : [],
  );

async function makeTemp(ctx: Context): Promise<string> {
  const folder = tempBeside(join(ctx.cacheDir, 'worktrees', 'series'));
  await mkdir(folder, { recursive: true });
  return folder;
}

export type { BaseFrom };
