// Where else a series that does not apply would: the newest revision that has the files it was made from, and which of the
// patches it was made on are not there. Looks for a few seconds at most; finding nothing says nothing.
import type { Context } from '../../util/context.ts';
import { commandLine } from '../../core/shell.ts';
import { importedSources } from '../distro.ts';
import { tryGit } from '../git.ts';
import type { Source } from '../source.ts';
import { atCommit } from '../source.ts';
import type { Mail } from './mail.ts';

/** A revision, and the options that choose it. */
export interface Revision {
  /** `v6.10`, `1a2b3c4d5e6f`, `distro:6.1`. */
  readonly name: string;
  readonly options: string;
  readonly source: Source;
}

/**
 * The newest revisions that hold every file as the patches' `index` lines name it: of the source's tags and branches, its
 * last commits, and the imported source packages. Empty if the patches name none.
 */
export async function revisionsWith(
  patches: readonly Pick<Mail, 'patch'>[],
  source: Source,
  ctx: Context,
): Promise<Revision[]> {
  const wanted = preimages(patches);
  const [first] = wanted;
  if (first === undefined) return [];
  const limit = performance.now() + searchMs;
  const revisions: Revision[] = [];
  for (const { gitDir, candidates } of await everyRepository(source, limit, ctx)) {
    // One file rules out nearly all of them.
    const likely = await holding(gitDir, candidates, [first], limit, ctx);
    const found = await holding(gitDir, likely, wanted, limit, ctx);
    for (const { commit, name, options, of } of found.slice(0, 2))
      if (commit !== source.commit)
        revisions.push({ name, options, source: await atCommit(of, commit, ctx) });
  }
  return revisions;
}

/**
 * Those of the patch ids that neither the last commits of the source nor the patches themselves have; none where there was
 * no time to look.
 */
export async function missingPrerequisites(
  ids: readonly string[],
  patches: readonly Pick<Mail, 'patch'>[],
  source: Source,
  ctx: Context,
): Promise<string[]> {
  if (ids.length === 0) return [];
  const place = { gitDir: source.gitDir };
  // A commit without a parent would be shown whole.
  const argv = ['-c', 'log.showRoot=false', 'log', '-p', '--no-merges', '--max-count=300'];
  const log = await tryGit([...argv, source.commit], place, ctx, { timeoutMs: searchMs });
  if (log.timedOut || log.truncated) return [];
  const texts = [log.stdout, ...patches.map(({ patch }) => patch)];
  const there = new Set<string>();
  for (const input of texts) {
    const told = await tryGit(['patch-id', '--stable'], place, ctx, { input });
    for (const line of told.stdout.split('\n')) there.add(line.split(' ')[0] ?? '');
  }
  return ids.filter((id) => !there.has(id));
}

/** More than it takes on any tree whose objects are in the page cache. */
const searchMs = 4000;

interface Preimage {
  readonly path: string;
  /** Object id, or the beginning of one. */
  readonly blob: string;
}

/** Files as they must be before the series, from the first patch that changes each. */
export function preimages(patches: readonly Pick<Mail, 'patch'>[]): Preimage[] {
  const found = new Map<string, Preimage>();
  for (const { patch } of patches) {
    const here: Preimage[] = [];
    for (const [, blob = '', path = ''] of patch.matchAll(
      /^index ([0-9a-f]{7,64})\.\.[0-9a-f]{7,64}(?: \d{6})?\n--- a\/([^\t\n]+)/gm,
    ))
      here.push({ path, blob });
    for (const one of here) if (!found.has(one.path)) found.set(one.path, one);
    for (const [, path = ''] of patch.matchAll(/^\+\+\+ b\/([^\t\n]+)/gm))
      if (!found.has(path)) found.set(path, { path, blob: '' });
  }
  return [...found.values()].filter(({ blob }) => blob !== '').slice(0, 200);
}

interface Candidate {
  readonly commit: string;
  readonly name: string;
  readonly options: string;
  readonly of: Source;
}

async function everyRepository(
  source: Source,
  limit: number,
  ctx: Context,
): Promise<{ gitDir: string; candidates: Candidate[] }[]> {
  const packages = await importedSources(ctx);
  const distro = packages.map(({ name, source: of }) => ({
    ...{ commit: of.commit, name, of },
    options: commandLine(['--source', name]),
  }));
  const [any] = packages;
  return [
    ...(source.dir === undefined
      ? []
      : [{ gitDir: source.gitDir, candidates: await revisionsOf(source, limit, ctx) }]),
    ...(any === undefined ? [] : [{ gitDir: any.source.gitDir, candidates: distro }]),
  ];
}

/** Tags and branches of the user's tree, then its last commits; newest first. */
async function revisionsOf(source: Source, limit: number, ctx: Context): Promise<Candidate[]> {
  const place = { cwd: source.dir ?? '' };
  const timeoutMs = Math.max(1, limit - performance.now());
  const refs = await tryGit(
    [
      ...['for-each-ref', '--sort=-creatordate', '--count=200'],
      ...['--format=%(objecttype) %(objectname) %(*objectname) %(refname:short)'],
      ...['refs/tags', 'refs/heads', 'refs/remotes'],
    ],
    place,
    ctx,
    { timeoutMs },
  );
  const commits = await tryGit(['rev-list', '--max-count=300', 'HEAD'], place, ctx, { timeoutMs });
  const of = (commit: string, name: string): Candidate => ({
    ...{ commit, name, of: source },
    options: commandLine(['--base', name]),
  });
  return [
    ...refs.stdout.split('\n').flatMap((line) => {
      const [, type, id = '', peeled = '', name = ''] =
        /^(\w+) ([0-9a-f]+) ([0-9a-f]*) (\S+)$/.exec(line) ?? [];
      if (type === 'commit') return [of(id, name)];
      return type === 'tag' && peeled !== '' ? [of(peeled, name)] : [];
    }),
    ...commits.stdout
      .split('\n')
      .flatMap((id) => (/^[0-9a-f]{40,64}$/.test(id) ? [of(id, id.slice(0, 12))] : [])),
  ];
}

/** Those of the candidates whose files are all as wanted, as far as the time allows. */
async function holding(
  gitDir: string,
  candidates: readonly Candidate[],
  wanted: readonly Preimage[],
  limit: number,
  ctx: Context,
): Promise<Candidate[]> {
  const left = limit - performance.now();
  if (candidates.length === 0 || left <= 0) return [];
  const asked = candidates.flatMap(({ commit }) => wanted.map(({ path }) => `${commit}:${path}\n`));
  const argv = ['cat-file', '--batch-check=%(objectname)'];
  const options = { input: asked.join(''), timeoutMs: left };
  const told = await tryGit(argv, { gitDir }, ctx, options);
  const answers = told.stdout.split('\n');
  return candidates.filter((_, at) =>
    wanted.every(({ blob }, index) => {
      const answer = answers[at * wanted.length + index] ?? '';
      return /^[0-9a-f]{40,64}$/.test(answer) && answer.startsWith(blob);
    }),
  );
}
