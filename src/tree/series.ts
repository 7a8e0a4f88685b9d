// Puts a series on a base, with the tools the maintainer will use: git mailsplit, mailinfo, am --3way, and git apply for plain
// diffs. It happens in a throw-away work tree that holds only the files the patches touch; the result is a commit.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { exists, readIfThere, tempPrefix, writeAtomic } from '../util/files.ts';
import type { RunResult } from '../util/proc.ts';
import { lastLines } from '../util/proc.ts';
import { findHunk, firstConflict } from './conflict.ts';
import type { Place } from './git.ts';
import { git, gitOutput, tryGit } from './git.ts';
import type { Source } from './source.ts';
import { resolveCommit, treeOf } from './source.ts';
import { borrowingRepository } from './worktree.ts';

export interface Patch {
  /** Its subject without `[PATCH …]`, or a plain diff's first line or file name. */
  readonly title: string;
  /** The commit it became; a patch that the base already has becomes none. */
  readonly commit?: string;
}

export interface AppliedSeries {
  /** The cover letter's subject, else that of the only patch, else the first patch's and how many follow. */
  readonly title: string;
  readonly patches: readonly Patch[];
  /** Commit it was put on. */
  readonly base: string;
  /** The source at the series' last commit. */
  readonly source: Source;
}

/**
 * Applies the patches in `inputs` to the source's commit. An input is an mbox, one mail, a plain diff, a folder of these (in
 * the order of its `series` file, else by name), or a range `A..B` of the source's tree.
 * Throws series/patch-conflict, series/patch-malformed, usage/no-series, usage/empty-series.
 */
export async function applySeries(
  source: Source,
  inputs: readonly string[],
  ctx: Context,
): Promise<AppliedSeries> {
  const files = (await Promise.all(inputs.map((input) => readInput(source, input, ctx)))).flat();
  const hash = createHash('sha256').update(`${recipe} ${source.commit}`);
  for (const { text } of files) hash.update(`\n${text.length}\n`).update(text);
  const note = join(source.gitDir, 'pgmap', 'series', `${hash.digest('hex')}.json`);
  const known = await readIfThere(note);
  if (known !== undefined) {
    const applied: AppliedSeries = JSON.parse(known);
    const { commit, tree } = applied.source;
    return { ...applied, source: { ...source, commit, tree } };
  }
  const dir = await makeTemp(ctx);
  try {
    const applied = await applyIn(dir, source, files, ctx);
    await writeAtomic(note, JSON.stringify(applied));
    return applied;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Changes when the same input is to give another commit. */
const recipe = 1;

interface InputFile {
  /** For messages. */
  readonly name: string;
  readonly text: Buffer;
}

async function readInput(source: Source, input: string, ctx: Context): Promise<InputFile[]> {
  if (!(await exists(input))) {
    const range = /^(.+?)\.\.([^.].*)$/.exec(input);
    if (range === null) throw noSeries(input);
    const from = await resolveCommit(source, range[1] ?? '', ctx);
    const to = await resolveCommit(source, range[2] ?? '', ctx);
    const argv = ['format-patch', '--stdout', '--full-index', '--binary', `${from}..${to}`];
    const what = `Cannot read the patches of ${input}`;
    const text = await gitOutput(argv, { gitDir: source.gitDir }, ctx, { what });
    return text === '' ? [] : [{ name: input, text: Buffer.from(`${text}\n`) }];
  }
  if (!(await stat(input)).isDirectory()) return [{ name: input, text: await readFile(input) }];
  const names = await readdir(input);
  const quilt = names.includes('series')
    ? (await readFile(join(input, 'series'), 'utf8'))
        .split('\n')
        .map((line) => line.replace(/\s*#.*$/, '').split(/\s+/)[0] ?? '')
        .filter((name) => name !== '')
    : undefined;
  const chosen = quilt ?? names.filter((name) => /\.(patch|diff|mbox|eml)$/.test(name)).sort();
  return Promise.all(
    chosen.map(async (name) => ({ name, text: await readFile(join(input, name)) })),
  );
}

interface Piece {
  readonly name: string;
  /** The mail or diff as it came. */
  readonly file: string;
  readonly patchFile: string;
  readonly patch: string;
  readonly title: string;
  readonly message: string;
  readonly author: string;
  readonly email: string;
  readonly date: string;
}

async function applyIn(
  dir: string,
  source: Source,
  files: readonly InputFile[],
  ctx: Context,
): Promise<AppliedSeries> {
  const tree = join(dir, 'tree');
  const place: Place = {
    ...(await borrowingRepository(source, tree, ctx)),
    objects: join(source.gitDir, 'objects'),
  };
  const what = 'Cannot prepare the base for the series';
  await git(['update-ref', '--no-deref', 'HEAD', source.commit], place, ctx, { what });
  await git(['read-tree', 'HEAD'], place, ctx, { what });

  const pieces = await splitAll(dir, files, place, ctx);
  const cover = pieces.find((piece) => piece.patch === '');
  const changes = pieces.filter((piece) => piece.patch !== '');
  const first = changes[0];
  if (first === undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'empty-series',
      title: `No patch found in ${files.map(({ name }) => name).join(', ') || 'the series'}`,
      hint: 'Give an mbox, a folder of patches, a diff, or a range A..B of --tree.',
    });
  const patches: Patch[] = [];
  let head = source.commit;
  for (const [at, piece] of changes.entries()) {
    ctx.onProgress(`applying ${at + 1} of ${changes.length}: ${piece.title}`);
    const before = head;
    head = await applyOne(piece, place, ctx);
    patches.push(head === before ? { title: piece.title } : { title: piece.title, commit: head });
  }
  const more = changes.length === 1 ? '' : ` (and ${changes.length - 1} more)`;
  return {
    title: cover?.title ?? `${first.title}${more}`,
    patches,
    base: source.commit,
    source: { ...source, commit: head, tree: await treeOf(place, head, ctx) },
  };
}

async function splitAll(
  dir: string,
  files: readonly InputFile[],
  place: Place,
  ctx: Context,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const [at, { name, text }] of files.entries()) {
    // mailsplit calls an empty file an error; here it is a series without patches.
    if (text.toString('latin1').trim() === '') continue;
    const folder = join(dir, `mail-${at}`);
    await mkdir(folder);
    const whole = join(folder, 'input');
    await writeFile(whole, text);
    // `-b`: a file that does not begin with `From ` is one mail.
    const argv = ['mailsplit', '-b', `-o${folder}`, whole];
    await git(argv, place, ctx, { what: `Cannot split ${name} into mails`, blame: 'series' });
    const mails = (await readdir(folder)).filter((mail) => /^\d+$/.test(mail)).sort();
    for (const mail of mails) pieces.push(await readMail(join(folder, mail), name, place, ctx));
  }
  return pieces;
}

async function readMail(file: string, name: string, place: Place, ctx: Context): Promise<Piece> {
  const [messageFile, patchFile] = [`${file}.message`, `${file}.patch`];
  const info = await git(['mailinfo', messageFile, patchFile], place, ctx, {
    what: `Cannot read a mail of ${name}`,
    blame: 'series',
    code: 'patch-malformed',
    input: await readFile(file),
  });
  const field = (key: string): string =>
    new RegExp(`^${key}: (.*)$`, 'm').exec(info.stdout)?.[1]?.trim() ?? '';
  const mail = { author: field('Author'), email: field('Email'), date: field('Date') };
  const common = { name, file, ...mail };
  if (mail.email !== '') {
    const title = field('Subject') || basename(name);
    const message = await readFile(messageFile, 'utf8');
    return { ...common, patchFile, patch: await readFile(patchFile, 'utf8'), title, message };
  }
  // No mail: a diff with free text before it.
  const patch = await readFile(file, 'utf8');
  const [head = ''] = patch.split(/^(?:diff |--- |Index: )/m, 1);
  const title = head.trim().split('\n')[0]?.slice(0, 120) || basename(name);
  const isDiff = /^(?:---|\+\+\+) |^GIT binary patch$/m.test(patch);
  return { ...common, patchFile: file, patch: isDiff ? patch : '', title, message: head };
}

/** Applies one patch and returns the new HEAD; the old one if there was nothing left to change. */
async function applyOne(piece: Piece, place: Place, ctx: Context): Promise<string> {
  const what = `Cannot apply ${piece.name}`;
  if (piece.email !== '' && piece.date !== '') {
    const am = await tryGit(['am', '--3way', '--quiet', piece.file], place, ctx);
    if (am.code !== 0) {
      // When am gives up on merging it does not say why it had to merge.
      const check = await tryGit(['apply', '--cached', '--check', piece.patchFile], place, ctx);
      throw doesNotApply(piece, check.code === 0 ? am : check);
    }
  } else {
    const plain = await tryGit(['apply', '--index', piece.patchFile], place, ctx);
    if (plain.code !== 0) {
      // The first try has laid out files that the index takes for changed.
      await tryGit(['update-index', '-q', '--refresh'], place, ctx);
      // Can only help if the patch names blobs that we have; its own messages hide the reason.
      const merge = await tryGit(['apply', '--index', '--3way', piece.patchFile], place, ctx);
      if (merge.code !== 0) throw doesNotApply(piece, plain);
    }
    const tree = await gitOutput(['write-tree'], place, ctx, { what });
    const head = await gitOutput(['rev-parse', 'HEAD'], place, ctx, { what });
    if (tree === (await treeOf(place, head, ctx))) return head;
    const message = `${piece.title}\n\n${piece.message.trim()}\n`;
    const argv = ['commit-tree', tree, '-p', head, '-F', '-'];
    const commit = await gitOutput(argv, place, ctx, { what, input: message });
    await git(['update-ref', '--no-deref', 'HEAD', commit], place, ctx, { what });
  }
  return gitOutput(['rev-parse', 'HEAD'], place, ctx, { what });
}

function doesNotApply(piece: Piece, result: RunResult): FailureError {
  const messages = `${result.stdout}\n${result.stderr}`;
  const conflict = firstConflict(messages);
  if (conflict === undefined)
    return new FailureError({
      blame: 'series',
      code: 'patch-malformed',
      title: `git cannot read the patch '${piece.title}'`,
      detail: [piece.name, ...lastLines(messages, 6)].join('\n'),
      hint: 'Was it changed on its way, by line wrapping for example?',
    });
  const hunk =
    conflict.line === undefined ? undefined : findHunk(piece.patch, conflict.file, conflict.line);
  const at = hunk === undefined ? '' : `, hunk ${hunk.number} (${hunk.header})`;
  return new FailureError({
    blame: 'series',
    code: 'patch-conflict',
    title: `'${piece.title}' does not apply: ${conflict.file}${at}`,
    detail: [`${piece.name}: ${conflict.file}: ${conflict.reason}`, ...errorLines(messages)].join(
      '\n',
    ),
    hint: 'Give the commit the series was made for with --base REV.',
  });
}

function errorLines(messages: string): string[] {
  return messages
    .split('\n')
    .filter((line) => /^(error|CONFLICT)/.test(line))
    .slice(0, 8);
}

function noSeries(input: string): FailureError {
  return new FailureError({
    blame: 'usage',
    code: 'no-series',
    title: `There is no file, folder or range '${input}'`,
    hint: 'Give an mbox, a folder of patches, a diff, or a range A..B of --tree.',
  });
}

async function makeTemp(ctx: Context): Promise<string> {
  const folder = join(ctx.cacheDir, 'worktrees');
  await mkdir(folder, { recursive: true });
  return mkdtemp(join(folder, `${tempPrefix}series-`));
}
