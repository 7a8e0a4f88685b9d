// kbuild, always called the same way: fixed user, host and time, no version decoration, our own environment, out of tree.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { FailureError } from '../core/failure.ts';
import { limits } from '../core/limits.ts';
import { commandLine } from '../core/shell.ts';
import { formatSize } from '../core/units.ts';
import type { Context } from '../util/context.ts';
import { diskFull, exists, hasCode, isDiskFull, readIfThere, writeAtomic } from '../util/files.ts';
import { failed, lastLines, outputOf, run } from '../util/proc.ts';
import { inSandbox, leftRunning, type Room } from '../util/sandbox.ts';
import { hostShortage } from '../util/shortage.ts';
import { diagnose, formatDiagnostic } from './diagnostics.ts';
import { openLog, ourFiles } from './made.ts';

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
  /** Folders that it may write to besides the object folder. */
  readonly writes?: readonly string[];
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
 * Runs make, in the sandbox if there is one. If it fails: series/build-failed, titled with the first error and its file and
 * line; series/build-too-loud; series/build-left-process. (Whether a series is to blame, or this tree never built, the
 * caller knows.)
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
  const log = (await openLog(request.log)).createWriteStream();
  const written = finished(log).catch((error: unknown) => {
    throw hasCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(request.log, error) : error;
  });
  written.catch(() => undefined);
  const inside = ctx.sandbox === undefined ? '' : `# in ${ctx.sandbox.name}\n`;
  log.write(`${inside}$ ${commandLine(argv)}\n`);
  // First of all: what an earlier build left in place of our notes goes.
  const room = await roomOf(place, request, ctx);
  const steps = request.progress === true ? await stepCounter(place, request.what, ctx) : undefined;
  // What errors are looked for in: the first mebibyte of what is no step line (`  CC      mm/memremap.o`).
  let said = '';
  let bytes = 0;
  let last = '';
  const tooLoud = new AbortController();
  const boxed = await inSandbox(argv, room, ctx);
  const result = await run(boxed, {
    env: environment(ctx),
    signal: AbortSignal.any([ctx.signal, tooLoud.signal]),
    keepBytes: 2 ** 16,
    merged: request.onLine !== undefined,
    onLine: (line) => {
      bytes += line.length + 1;
      if (bytes > limits.buildLogBytes) {
        tooLoud.abort(loud(request));
        return;
      }
      last = line;
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
  if (ctx.sandbox !== undefined && result.code === leftRunning) throw leftProcess(request, last);
  const shortage = hostShortage(said, request.what);
  if (shortage !== undefined) throw shortage;
  // What maps its output, as objtool does, dies of a bus error instead of saying so.
  if (isDiskFull(place.objectDir)) throw diskFull(place.objectDir);
  // Nothing in a build kills make but the host.
  if (result.code === null || result.code > 128) throw failed(argv, result, { what: request.what });
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

/** A make sees the tree, and may write to the object folder, but for what is ours there, and to ccache's. */
async function roomOf(
  place: BuildPlace,
  { writes = [] }: Pick<MakeRequest, 'writes'>,
  ctx: Context,
): Promise<Room> {
  const ccache = environment(ctx)['CCACHE_DIR'] ?? '';
  await mkdir(ccache, { recursive: true });
  return {
    reads: [place.sourceDir],
    writes: [place.objectDir, ccache, ...writes],
    keeps: await ourFiles(place.objectDir),
  };
}

const loud = ({ what, log }: MakeRequest): FailureError =>
  new FailureError({
    blame: 'series',
    code: 'build-too-loud',
    title: `${what} says more than ${formatSize(limits.buildLogBytes)}, and was stopped`,
    hint: `The beginning is in ${log}`,
    artifact: log,
  });

const leftProcess = ({ what, log }: MakeRequest, said: string): FailureError =>
  new FailureError({
    blame: 'series',
    code: 'build-left-process',
    title: `${what} left processes running, which were killed: ${said.replace(/^.*left running: /, '').slice(0, 200)}`,
    hint: 'A kernel build ends when make does. Without the sandbox they would run on: --sandbox off.',
    artifact: log,
  });

/** make prints what a recipe said when it is done, instead of mixing it with others'. */
export const linesTogether: readonly string[] = ['--output-sync=target'];

/**
 * The release that the built kernel will report as `uname -r`. Throws FailureError `series/build-failed` if the tree does not
 * say one that could be.
 */
export async function kernelRelease(place: BuildPlace, ctx: Context): Promise<string> {
  const argv = [...makeArgv(place, ['kernelrelease']), '-s', '--no-print-directory'];
  const output = await outputOf(await inSandbox(argv, await roomOf(place, {}, ctx), ctx), {
    what: 'Cannot ask the tree for its release',
    env: environment(ctx),
    signal: ctx.signal,
  });
  const release = output.trim();
  // It becomes the name of a folder.
  if (/^[\w.+~-]{1,64}$/.test(release) && !/^\.+$/.test(release)) return release;
  throw new FailureError({
    blame: 'series',
    code: 'build-failed',
    title: `the tree's release is no release: '${release.slice(0, 80)}'`,
    detail: `$ ${commandLine(argv)}`,
  });
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
