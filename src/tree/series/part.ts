// The quick way to apply: on a commit that has only the files the patches name, since git am reads and writes the whole index
// for each patch and a kernel's has 9 MB. Then git fast-import puts the same changes on the whole tree.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Context } from '../../util/context.ts';
import type { Place } from '../git.ts';
import { git, gitOutput } from '../git.ts';
import type { Source } from '../source.ts';
import { applyAll, prepare, type Step } from './apply.ts';
import type { Mail } from './mail.ts';

/**
 * Applies in `dir`, to the same commits as applyAll() on the whole tree; undefined if that must be asked, because something
 * does not fit, or was merged, which may depend on files that the patches do not name.
 */
export async function applyToPart(
  mails: readonly Mail[],
  base: Source,
  dir: string,
  ctx: Context,
): Promise<Step[] | undefined> {
  const place = await prepare(dir, base, ctx);
  const part = await partOf(mails, base, place, ctx);
  if (part === undefined) return undefined;
  const steps = await applyAll(mails, part, place, ctx).catch((error: unknown) => {
    if (!(error instanceof FailureError) || error.failure.blame !== 'series') throw error;
    // The whole tree would say the same.
    if (error.failure.code === 'patch-outside-tree') throw error;
    return undefined;
  });
  if (steps === undefined || steps.some(({ merged }) => merged)) return undefined;
  const grafted = await graft(part.commit, base, place, ctx);
  return steps.map((step) => {
    if (step.after === part.commit) return { ...step, after: base.commit, tree: base.tree };
    const whole = grafted.get(step.after);
    if (whole === undefined) throw new Error(`git fast-import left out ${step.after}`);
    return { ...step, ...whole };
  });
}

interface Part {
  readonly commit: string;
  readonly tree: string;
}

/** A commit without parents, of the files of the base that the patches name and what stands in their way. */
async function partOf(
  mails: readonly Mail[],
  base: Source,
  place: Place,
  ctx: Context,
): Promise<Part | undefined> {
  const what = 'Cannot read the files that the series changes';
  const paths = new Set(mails.flatMap(({ patch }) => namedPaths(patch)));
  // Folders are asked for too: one of them may be a file or a symbolic link.
  const asked = new Set(
    [...paths].flatMap((path) => {
      const parts = path.split('/');
      return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
    }),
  );
  if (asked.size === 0 || asked.size > pathsLimit) return undefined;
  const argv = ['ls-tree', '-z', base.commit, '--', ...asked];
  const listed = await gitOutput(argv, place, ctx, { what });
  const entries = listed.split('\0').flatMap((line) => {
    const [, type = '', path = ''] = /^\d+ (\w+) [0-9a-f]+\t([^]*)$/.exec(line) ?? [];
    // Of a folder that something in it is asked for besides, ls-tree lists everything.
    return asked.has(path) ? [{ line, type, path }] : [];
  });
  if (entries.some(({ type, path }) => type === 'tree' && paths.has(path))) return undefined;
  const index = entries.flatMap(({ type, line }) => (type === 'tree' ? [] : [`${line}\0`]));
  await git(['update-index', '-z', '--index-info'], place, ctx, { what, input: index.join('') });
  const tree = await gitOutput(['write-tree'], place, ctx, { what });
  const commit = await gitOutput(['commit-tree', tree, '-m', 'part'], place, ctx, { what });
  await git(['update-ref', '--no-deref', 'HEAD', commit], place, ctx, { what });
  return { commit, tree };
}

/** More would not fit on a command line, and would not be quicker. */
const pathsLimit = 2000;

/** Every path that a patch may speak of; names in quotes are left out, and then it does not apply to the part. */
export function namedPaths(patch: string): string[] {
  const lines =
    /^(?:--- a\/|\+\+\+ b\/|rename (?:from|to) |copy (?:from|to) |diff --git a\/\S+ b\/)([^\t\r\n]+)/gm;
  return [...patch.matchAll(lines)].flatMap(([, path = '']) =>
    // What git would refuse is refused by applying it.
    path.startsWith('/') || path.split('/').some((part) => part === '' || /^\.\.?$/.test(part))
      ? []
      : [path],
  );
}

/** Only the first commit has a parent by id; it comes after the commit's message, which may say anything. */
function withParent(stream: Buffer, from: string, to: string): Buffer {
  const [start = '', bytes] = /^[^]*?\ndata (\d+)\n/.exec(stream.toString('latin1')) ?? [];
  const at = start.length + Number(bytes);
  const old = `from ${from}\n`;
  if (stream.toString('latin1', at, at + old.length) !== old)
    throw new Error('git fast-export begins with no parent');
  const rest = stream.subarray(at + old.length);
  return Buffer.concat([stream.subarray(0, at), Buffer.from(`from ${to}\n`), rest]);
}

/** Repeats what is between `from` and HEAD on the base: the same commits but for parent and tree. */
async function graft(
  from: string,
  base: Source,
  place: Place,
  ctx: Context,
): Promise<Map<string, { after: string; tree: string }>> {
  const what = 'Cannot put the series on the whole tree';
  const list = ['rev-list', '--reverse', `${from}..HEAD`];
  const commits = (await gitOutput(list, place, ctx, { what })).split('\n');
  if (commits[0] === '') return new Map();
  const argv = [
    'fast-export',
    '--no-data',
    '--reencode=no',
    '--reference-excluded-parents',
    'HEAD',
    `^${from}`,
  ];
  // In bytes: nobody promises that names are UTF-8.
  const pieces: Buffer[] = [];
  const consume = async (stdout: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of stdout) pieces.push(piece);
  };
  await git(argv, place, ctx, { what, consume });
  const input = withParent(Buffer.concat(pieces), from, base.commit);
  const marks = join(place.gitDir ?? '', 'pgmap-marks');
  const load = ['fast-import', '--quiet', '--force', `--export-marks=${marks}`];
  await git(load, place, ctx, { what, input });
  const made = new Map(
    (await readFile(marks, 'utf8')).split('\n').flatMap((line) => {
      const [, mark, id] = /^:(\d+) ([0-9a-f]+)$/.exec(line) ?? [];
      return mark === undefined || id === undefined ? [] : [[Number(mark), id] as const];
    }),
  );
  const ids = [...made.keys()].sort((a, b) => a - b).map((mark) => made.get(mark) ?? '');
  const trees = await gitOutput(
    ['log', '--no-walk=unsorted', '--format=%T', ...ids],
    ...[place, ctx, { what }],
  );
  return new Map(
    trees
      .split('\n')
      .map((tree, at) => [commits[at] ?? '', { after: ids[at] ?? '', tree }] as const),
  );
}
