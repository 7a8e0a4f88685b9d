// In-guest programs, static, compiled against the headers of the kernel that is tested.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { Program, Suite } from '../core/suite.ts';
import type { Context } from '../util/context.ts';
import { exists, fillFolder } from '../util/files.ts';
import { failed, run } from '../util/proc.ts';
import { inSandbox, type Room } from '../util/sandbox.ts';
import { diagnose, formatDiagnostic } from './diagnostics.ts';

export interface ProgramSources {
  /** suites/<name> of the suite. */
  readonly suiteDir: string;
  /** images/lib, for tap.h. */
  readonly libDir: string;
  /** UAPI headers of the kernel. */
  readonly headersDir: string;
  /** Its build key. */
  readonly kernelKey: string;
  /** Lays out the files of the kernel tree that upstream's tests are made of; only called when needed. */
  treeDir(): Promise<string>;
}

/** Why a program of a suite is not there: the tree does not have its source. */
export interface Programs {
  readonly dir: string;
}

/**
 * Compiles a suite's programs, or finds them in the cache. A tree source that this tree lacks under all its names
 * leaves that program out. Throws FailureError `test/program-does-not-build`.
 */
export async function ensurePrograms(
  suite: Pick<Suite, 'name' | 'programs'>,
  from: ProgramSources,
  ctx: Context,
): Promise<Programs | undefined> {
  if (suite.programs.length === 0) return undefined;
  const hash = createHash('sha256').update(JSON.stringify([from.kernelKey, suite.programs, 2]));
  // Some suites compile another one's sources: its folder counts too, for the headers beside them.
  const sources = suite.programs.flatMap((program) => program.sources);
  const folders = sources.map((name) => dirname(join(from.suiteDir, name)));
  for (const dir of new Set([from.suiteDir, from.libDir, ...folders]))
    for (const name of (await readdir(dir)).toSorted())
      if (/\.[ch]$/.test(name)) hash.update(name).update(await readFile(join(dir, name)));
  const dir = join(ctx.cacheDir, 'images', `${suite.name}-${hash.digest('hex').slice(0, 32)}`);
  if (await exists(dir)) return { dir };
  ctx.onProgress(`compiling the programs of ${suite.name}`);
  await fillFolder(dir, async (temporary) => {
    for (const program of suite.programs) await compileProgram(program, temporary, from, ctx);
  });
  return { dir };
}

/** The folder of images/oracle, compiled: what run-test asks before and after each test. Throws like ensurePrograms. */
export async function ensureOracle(
  sourcesDir: string,
  kernel: { readonly headersDir: string; readonly key: string },
  ctx: Context,
): Promise<string> {
  const programs = [{ out: 'oracle', sources: ['oracle.c'], tree: [], flags: [] }];
  const from = {
    ...{ suiteDir: sourcesDir, libDir: sourcesDir, headersDir: kernel.headersDir },
    ...{ kernelKey: kernel.key, treeDir: () => Promise.resolve(sourcesDir) },
  };
  const built = await ensurePrograms({ name: 'oracle', programs }, from, ctx);
  return built?.dir ?? sourcesDir;
}

/**
 * The files of the kernel tree that a program is made of, headers included, relative to the tree; undefined if the tree
 * does not have the program, all of its `tree` entries if the compiler cannot tell (then it does not build either).
 */
export async function filesOfTree(
  program: Program,
  from: ProgramSources,
  ctx: Context,
): Promise<string[] | undefined> {
  const inputs = await inputsOf(program, from);
  if (inputs === undefined || program.tree.length === 0) return undefined;
  const tree = await from.treeDir();
  const argv = ['gcc', '-MM', '-D_GNU_SOURCE', ...inputs.includes, ...inputs.sources];
  const done = await run(await inSandbox(argv, await roomOf(from, program), ctx), {
    env: { PATH: ctx.path, LC_ALL: 'C' },
    signal: ctx.signal,
  });
  if (done.code !== 0) return program.tree.flat();
  return done.stdout
    .split(/[\s\\]+/)
    .map((word) => relative(tree, word))
    .filter((path) => path !== '' && !path.startsWith('..') && !path.endsWith(':'));
}

/** What the compiler is given; undefined if the tree does not have the program. */
async function inputsOf(
  program: Program,
  from: ProgramSources,
): Promise<{ sources: string[]; includes: string[] } | undefined> {
  const sources = program.sources.map((name) => join(from.suiteDir, name));
  const includes = ['-I', join(from.headersDir), '-I', from.libDir];
  if (program.tree.length > 0) {
    const tree = await from.treeDir();
    const there = await treeSources(program, tree);
    if (there === undefined) return undefined;
    sources.push(...there);
    includes.push('-I', join(tree, 'tools/testing/selftests'), '-I', tree);
    // Some tests make files named after __FILE__: in the folder they run in, not in one that only this host has.
    for (const dir of new Set(there.map((file) => dirname(file))))
      includes.push(`-fmacro-prefix-map=${dir}/=`);
  }
  return { sources, includes };
}

async function compileProgram(
  program: Program,
  to: string,
  from: ProgramSources,
  ctx: Context,
): Promise<void> {
  const inputs = await inputsOf(program, from);
  if (inputs === undefined) return;
  const argv = [
    ...['gcc', '-static', '-O2', '-Wall', '-D_GNU_SOURCE', ...inputs.includes],
    ...['-o', join(to, program.out), ...inputs.sources, ...program.flags],
  ];
  const room = { ...(await roomOf(from, program)), writes: [to] };
  const done = await run(await inSandbox(argv, room, ctx), {
    env: { PATH: ctx.path, LC_ALL: 'C' },
    signal: ctx.signal,
  });
  if (done.code === 0) return;
  // A compiler that was killed (out of memory, interrupted) has said nothing of the program.
  const said =
    done.code === null || done.code > 128
      ? {}
      : ({ blame: 'test', code: 'program-does-not-build' } as const);
  const { failure } = failed(argv, done, { what: `${program.out} does not compile`, ...said });
  const { error } = diagnose(done.stderr);
  throw new FailureError(
    failure.blame === 'lab' || error === undefined
      ? failure
      : { ...failure, title: `${program.out}: ${formatDiagnostic(error)}` },
  );
}

/** What the compiler sees: the tree's headers and sources are somebody else's, and may ask for any file. */
async function roomOf(from: ProgramSources, program: Program): Promise<Room> {
  const trees = program.tree.length === 0 ? [] : [await from.treeDir()];
  // Sources may be those of another suite, beside it.
  return { reads: [dirname(from.suiteDir), from.libDir, from.headersDir, ...trees], writes: [] };
}

/**
 * Files of the tree that the program is made of; undefined if this release does not have the first of them, which is the
 * test itself. What else is not there yet, or no longer, the program does without.
 */
async function treeSources(program: Program, tree: string): Promise<string[] | undefined> {
  const found = await Promise.all(program.tree.map((names) => firstThere(tree, names)));
  return found[0] === undefined ? undefined : found.filter((file) => file !== undefined);
}

async function firstThere(tree: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await exists(join(tree, name))) return join(tree, name);
  return undefined;
}
