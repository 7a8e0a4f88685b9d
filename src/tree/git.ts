// git, without anybody's configuration, hooks, signatures or prompts, and with one fixed committer: the same input
// gives the same object ids on every machine.
import type { Context } from '../util/context.ts';
import type { Expectation, RunResult } from '../util/proc.ts';
import { must, outputOf, run } from '../util/proc.ts';

/** Where git works. What is left out is git's default. */
export interface Place {
  readonly cwd?: string;
  readonly gitDir?: string;
  readonly workTree?: string;
  readonly index?: string;
  /** Where new objects go. */
  readonly objects?: string;
}

type Ask = Omit<Expectation, 'env' | 'cwd' | 'signal'>;

/** Runs git; it must exit with 0. */
export function git(
  argv: readonly string[],
  place: Place,
  ctx: Context,
  expect: Ask,
): Promise<RunResult> {
  return must(['git', ...argv], { ...expect, ...where(place, ctx) });
}

/** Standard output of a git command, without the line feed at its end. */
export async function gitOutput(
  argv: readonly string[],
  place: Place,
  ctx: Context,
  expect: Ask,
): Promise<string> {
  return (await outputOf(['git', ...argv], { ...expect, ...where(place, ctx) })).replace(/\n$/, '');
}

/** Runs git, whatever its exit code. */
export function tryGit(
  argv: readonly string[],
  place: Place,
  ctx: Context,
  options: Omit<Ask, 'what'> = {},
): Promise<RunResult> {
  return run(['git', ...argv], { ...options, ...where(place, ctx) });
}

/** Runs a fixed shell script that calls git, with `args` as its `$@`; for many small calls. It must exit with 0. */
export function shellWithGit(
  script: string,
  args: readonly string[],
  place: Place,
  ctx: Context,
  expect: Ask,
): Promise<RunResult> {
  return must(['sh', '-c', script, 'sh', ...args], { ...expect, ...where(place, ctx) });
}

/** Author and committer of what the tool commits itself; the date is 2000-01-01. */
export const identity = {
  name: 'pgmap',
  email: 'pgmap@localhost',
  date: '946684800 +0000',
} as const;

function where(
  place: Place,
  ctx: Context,
): { env: Record<string, string>; cwd?: string; signal: AbortSignal } {
  return {
    env: environment(place, ctx.path),
    signal: ctx.signal,
    ...(place.cwd === undefined ? {} : { cwd: place.cwd }),
  };
}

function environment(place: Place, path: string): Record<string, string> {
  const env: Record<string, string> = {
    PATH: path,
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_AUTHOR_DATE: identity.date,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
    GIT_COMMITTER_DATE: identity.date,
  };
  Object.entries(settings).forEach(([key, value], at) => {
    env[`GIT_CONFIG_KEY_${at}`] = key;
    env[`GIT_CONFIG_VALUE_${at}`] = value;
  });
  env['GIT_CONFIG_COUNT'] = String(Object.keys(settings).length);
  if (place.gitDir !== undefined) env['GIT_DIR'] = place.gitDir;
  if (place.workTree !== undefined) env['GIT_WORK_TREE'] = place.workTree;
  if (place.index !== undefined) env['GIT_INDEX_FILE'] = place.index;
  if (place.objects !== undefined) env['GIT_OBJECT_DIRECTORY'] = place.objects;
  return env;
}

// These win over the configuration of a user's repository.
const settings: Readonly<Record<string, string>> = {
  // A kernel tree of another user is fine: hooks and monitors of it never run.
  'safe.directory': '*',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.untrackedCache': 'false',
  'core.autocrlf': 'false',
  'core.quotePath': 'false',
  'commit.gpgSign': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'rerere.enabled': 'false',
  // Speed against size: 325 MB and 20 s for a kernel tree; at level 0 it is 1.4 GB and no faster.
  'core.compression': '1',
  'pack.compression': '1',
  // Two are no quicker than one here, and four take three times as long.
  'checkout.workers': '1',
  'am.threeWay': 'true',
  'am.keepcr': 'false',
  // CRLF that a mailer hid in base64 or quoted-printable goes like any other.
  'mailinfo.quotedCr': 'strip',
};
