// kbuild, always called the same way: fixed user, host and time, no version decoration, our own environment, out of tree.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import type { Context } from '../util/context.ts';
import { diskFull, exists, hasCode, readIfThere, writeAtomic } from '../util/files.ts';
import { lastLines, outputOf, run } from '../util/proc.ts';
import { diagnose, formatDiagnostic } from './diagnostics.ts';

/** A kernel tree and where its objects go. */
export interface BuildPlace {
  readonly sourceDir: string;
  readonly objectDir: string;
}

/** Set on every make: what would make two builds of one source differ, or add to the release. */
export const makeVariables: readonly string[] = [
  'KBUILD_BUILD_USER=pgmap',
  'KBUILD_BUILD_HOST=pgmap',
  'KBUILD_BUILD_TIMESTAMP=Sat Jan  1 00:00:00 UTC 2000',
  'KBUILD_BUILD_VERSION=1',
  // Set and empty: scripts/setlocalversion then adds nothing, not even its `+`.
  'LOCALVERSION=',
];

/** The argument vector of a make call, as it is run and as `--dry-run` prints it. */
export function makeArgv(
  place: BuildPlace,
  targets: readonly string[],
  options: {
    jobs?: number;
    compiler?: string;
    variables?: readonly string[];
    flags?: readonly string[];
  } = {},
): string[] {
  return [
    'make',
    '-C',
    place.sourceDir,
    `O=${place.objectDir}`,
    ...(options.jobs === undefined ? [] : [`-j${options.jobs}`]),
    ...(options.flags ?? []),
    ...(options.compiler === undefined ? [] : [`CC=${options.compiler}`]),
    ...makeVariables,
    ...(options.variables ?? []),
    ...targets,
  ];
}

export interface MakeRequest {
  readonly targets: readonly string[];
  readonly variables?: readonly string[];
  /** Where the whole output goes; appended to. */
  readonly log: string;
  /** For people, and for the title of a failure: `building the kernel`. */
  readonly what: string;
  /** Tell how many steps are done, and remember how many a whole build had. */
  readonly progress?: boolean;
  /** Of make itself, e.g. `-k`. */
  readonly flags?: readonly string[];
  /** Takes all lines, those of one recipe together: each object's step line is followed by what was said of it. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs make. If it fails: series/build-failed, titled with the first error and its file and line. (Whether a series is to
 * blame, or this tree never built, the caller knows.)
 */
export async function make(place: BuildPlace, request: MakeRequest, ctx: Context): Promise<void> {
  await mkdir(place.objectDir, { recursive: true });
  await mkdir(dirname(request.log), { recursive: true });
  const together = request.onLine === undefined ? [] : linesTogether;
  const argv = makeArgv(place, request.targets, {
    jobs: ctx.cpus + 1,
    compiler: await compiler(ctx),
    flags: [...together, ...(request.flags ?? [])],
    ...(request.variables === undefined ? {} : { variables: request.variables }),
  });
  const log = createWriteStream(request.log, { flags: 'a' });
  const written = finished(log).catch((error: unknown) => {
    throw hasCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(request.log, error) : error;
  });
  written.catch(() => undefined);
  log.write(`$ ${commandLine(argv)}\n`);
  const steps = request.progress === true ? await stepCounter(place, request.what, ctx) : undefined;
  // What errors are looked for in: the first mebibyte of what is no step line (`  CC      mm/memremap.o`).
  let said = '';
  const result = await run(argv, {
    env: environment(ctx),
    signal: ctx.signal,
    keepBytes: 2 ** 16,
    merged: request.onLine !== undefined,
    onLine: (line) => {
      log.write(`${line}\n`);
      request.onLine?.(line);
      if (!stepLine.test(line) && said.length < 2 ** 20) said += `${line}\n`;
      steps?.count(line);
    },
  }).finally(() => log.end());
  await written;
  if (result.code === 0) {
    await steps?.remember();
    return;
  }
  if (/No space left on device|Disk quota exceeded/.test(said)) throw diskFull(place.objectDir);
  const { error } = diagnose(said, place.sourceDir);
  throw new FailureError({
    blame: 'series',
    code: 'build-failed',
    title: error === undefined ? `${request.what} failed` : formatDiagnostic(error),
    detail: [
      `$ ${commandLine(argv)}`,
      ...(error === undefined ? lastLines(said, 12) : around(said, error.text)),
    ].join('\n'),
    hint: `The whole output is in ${request.log}`,
    artifact: request.log,
  });
}

/** make prints what a recipe said when it is done, instead of mixing it with others'. */
export const linesTogether: readonly string[] = ['--output-sync=target'];

/** The release that the built kernel will report as `uname -r`. */
export async function kernelRelease(place: BuildPlace, ctx: Context): Promise<string> {
  const argv = [...makeArgv(place, ['kernelrelease']), '-s', '--no-print-directory'];
  const output = await outputOf(argv, {
    what: 'Cannot ask the tree for its release',
    env: environment(ctx),
    signal: ctx.signal,
  });
  return output.trim();
}

/** `ccache gcc` where ccache is installed, else `gcc`. */
export async function compiler(ctx: Pick<Context, 'path'>): Promise<string> {
  for (const folder of ctx.path.split(':'))
    if (await exists(join(folder, 'ccache'))) return 'ccache gcc';
  return 'gcc';
}

/** The environment of every compiler and make call: nothing of the user's but PATH. */
export function environment(ctx: Pick<Context, 'path' | 'cacheDir'>): Record<string, string> {
  return {
    PATH: ctx.path,
    LC_ALL: 'C',
    CCACHE_DIR: join(ctx.cacheDir, 'ccache'),
    // Never CCACHE_DEPEND, although that would be faster on an empty cache: without preprocessing, ccache does not see
    // .incbin, and a piggy.S that names the same sizes gets another kernel's image. And no CCACHE_BASEDIR: with relative
    // paths kbuild's -fmacro-prefix-map does not fit, and kernel warnings speak of ../../worktrees/….
    CCACHE_COMPILERCHECK: 'content',
    CCACHE_MAXSIZE: '5G',
  };
}

const stepLine = /^ {2}([A-Z][A-Z0-9_]+) (?:\[M\])?\s+(\S+)/;

interface StepCounter {
  count(line: string): void;
  remember(): Promise<void>;
}

/** Counts kbuild's step lines against how many a whole build had the last time. */
async function stepCounter(place: BuildPlace, what: string, ctx: Context): Promise<StepCounter> {
  const file = join(place.objectDir, '.pgmap-steps');
  const before = Number((await readIfThere(file)) ?? '0');
  let steps = 0;
  let toldAt = -Infinity;
  return {
    count: (line) => {
      const [, kind, target = ''] = stepLine.exec(line) ?? [];
      if (kind === undefined) return;
      steps++;
      // Ten times a second is enough for any eye.
      if (performance.now() - toldAt < 100) return;
      toldAt = performance.now();
      const total = before > steps ? ` of about ${before}` : '';
      ctx.onProgress(`${what}: ${kind} ${target} (${steps}${total})`);
    },
    remember: async () => {
      if (steps > before) await writeAtomic(file, String(steps));
    },
  };
}

/** The lines around an error. */
function around(text: string, error: string): string[] {
  const lines = text.trimEnd().split('\n');
  const at = lines.findIndex((line) => line.includes(error));
  return lines.slice(Math.max(0, at - 3), at + 8);
}
