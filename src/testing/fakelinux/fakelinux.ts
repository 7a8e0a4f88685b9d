// A kernel tree that configures and builds in milliseconds, for tests of what surrounds a real one.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../util/context.ts';
import { must, outputOf } from '../../util/proc.ts';

const here = import.meta.dirname;

/** `applies`, `conflicts`, `breaks-build` (a real compiler error), `fails` (make fails on request): mails; `plain`: a diff. */
export const patch = {
  applies: join(here, 'patches', 'applies.patch'),
  conflicts: join(here, 'patches', 'conflicts.patch'),
  breaksBuild: join(here, 'patches', 'breaks-build.patch'),
  fails: join(here, 'patches', 'fails.patch'),
  plain: join(here, 'patches', 'plain.diff'),
} as const;

/** A scratch folder with a cache in it, and everything that was said as progress. Gone when disposed of. */
export async function scratch(): Promise<
  AsyncDisposable & { dir: string; ctx: Context; said: string[] }
> {
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-test-'));
  const said: string[] = [];
  const ctx: Context = {
    signal: new AbortController().signal,
    cacheDir: join(dir, 'cache'),
    cpus: 2,
    path: process.env['PATH'] ?? '/usr/bin:/bin',
    onProgress: (text) => said.push(text),
  };
  return {
    dir,
    ctx,
    said,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** The fake tree as a git repository with one commit, in `dir`. */
export async function fakeTree(dir: string): Promise<string> {
  await cp(join(here, 'tree'), dir, { recursive: true });
  await userGit(dir, 'init', '--quiet');
  await userGit(dir, 'add', '--all', '--force');
  await userGit(dir, 'commit', '--quiet', '--message', 'base');
  return dir;
}

/** The fake tree as Debian packs sources: `folder`/linux-source-VERSION.tar.xz. */
export async function fakePackage(folder: string, version: string, note = ''): Promise<string> {
  const name = `linux-source-${version}`;
  await cp(join(here, 'tree'), join(folder, name), { recursive: true });
  // Longer than the 100 characters of a tar header, so that a long-name record precedes it.
  const deep = join(folder, name, 'drivers', 'a'.repeat(60), 'b'.repeat(60));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'note'), note);
  const archive = join(folder, `${name}.tar.xz`);
  await must(['tar', '--create', '--xz', '--file', archive, '--directory', folder, name], {
    what: 'Cannot pack the fake sources',
  });
  await rm(join(folder, name), { recursive: true });
  return archive;
}

/** Standard output of git as a user with a configuration of their own would run it. */
export async function userGit(dir: string, ...argv: readonly string[]): Promise<string> {
  const output = await outputOf(['git', '-C', dir, ...argv], {
    what: `git ${argv[0] ?? ''} failed`,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'Ann Author',
      GIT_AUTHOR_EMAIL: 'ann@example.org',
      GIT_COMMITTER_NAME: 'Ann Author',
      GIT_COMMITTER_EMAIL: 'ann@example.org',
    },
  });
  return output.trimEnd();
}
