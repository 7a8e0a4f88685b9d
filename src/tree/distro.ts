// Debian's kernel source packages as git commits: one bare repository in the cache for all versions, one commit each.
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FailureError } from '../core/failure.ts';
import type { Context } from '../util/context.ts';
import { exists, readIfThere, writeAtomic } from '../util/files.ts';
import { lock } from '../util/lock.ts';
import { must, run } from '../util/proc.ts';
import { git, gitOutput, identity, tryGit } from './git.ts';
import type { Source } from './source.ts';
import { ensureRepository, treeOf } from './source.ts';
import { fastImport } from './tar.ts';

/** An installed source package. */
export interface SourcePackage {
  /** `6.12`: the package is `linux-source-6.12`. */
  readonly version: string;
  readonly tarball: string;
}

/** Where Debian's packages put their tarballs. */
export const sourceFolder = '/usr/src';

/** Installed source packages, newest first. */
export async function listPackages(folder: string = sourceFolder): Promise<SourcePackage[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => {
      const version = /^linux-source-(\d+(?:\.\d+)+)\.tar\.xz$/.exec(name)?.[1];
      return version === undefined ? [] : [{ version, tarball: join(folder, name) }];
    })
    .sort((a, b) => compareVersions(b.version, a.version));
}

/**
 * The commit of an installed source package, imported on first use: `version` (`6.12`), or the newest one.
 * Throws lab/source-missing.
 */
export async function openDistro(
  version: string | undefined,
  ctx: Context,
  folder: string = sourceFolder,
): Promise<Source> {
  const installed = await listPackages(folder);
  const found = installed.find((one) => version === undefined || one.version === version);
  if (found === undefined) throw missing(version, installed);
  const gitDir = join(ctx.cacheDir, 'git', 'distro.git');
  // The tarball's size and time stand for its content, so that the usual case asks no other program.
  const { size, mtimeMs } = await stat(found.tarball);
  const note = join(gitDir, 'pgmap', `linux-source-${found.version}.json`);
  const stamp = `${found.tarball} ${size} ${mtimeMs} ${idOf(found)}`;
  const known = await readNote(note, stamp);
  if (known !== undefined) return { ...known.source, gitDir };
  const source = await importPackage(found, gitDir, ctx);
  await writeAtomic(note, JSON.stringify({ stamp, source }));
  return source;
}

/** The source packages that were imported before and are still installed, newest first, and the `--source` value of each. */
export async function importedSources(ctx: Context): Promise<{ name: string; source: Source }[]> {
  const gitDir = join(ctx.cacheDir, 'git', 'distro.git');
  const names = await readdir(join(gitDir, 'pgmap')).catch(() => []);
  const versions = names.flatMap((name) => /^linux-source-([\d.]+)\.json$/.exec(name)?.[1] ?? []);
  const found = [];
  for (const version of versions.sort((a, b) => compareVersions(b, a))) {
    const text = await readIfThere(join(gitDir, 'pgmap', `linux-source-${version}.json`));
    if (text === undefined) continue;
    const { source, stamp }: { source: Source; stamp: string } = JSON.parse(text);
    if (!(await exists(stamp.replace(/(?: \S+){3}$/, '')))) continue;
    found.push({ name: `distro:${version}`, source: { ...source, gitDir } });
  }
  return found;
}

/** Negative if `a` is the older one; numbers compare as numbers. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function readNote(path: string, stamp: string): Promise<{ source: Source } | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const note: { stamp: string; source: Source } = JSON.parse(text);
  return note.stamp === stamp ? note : undefined;
}

async function importPackage(found: SourcePackage, gitDir: string, ctx: Context): Promise<Source> {
  await ensureRepository(gitDir, ctx);
  const name = `linux-source-${found.version}`;
  const release = await packageVersion(name, found.tarball, ctx);
  const subject = `${name} ${release}`;
  // Characters that git forbids in names: see git-check-ref-format(1).
  const ref = `refs/tags/distro/${release.replaceAll(/[^A-Za-z0-9.+-]/g, '_')}`;
  await using _ = await lock(`${gitDir}.lock`, `importing ${subject}`, ctx);
  await takeBack(gitDir, ref);
  const known = await tryGit(['rev-parse', '--verify', '--quiet', ref], { gitDir }, ctx);
  if (known.code !== 0) {
    ctx.onProgress(`importing ${subject} into git, once (about 20 s)`);
    const committer = `${identity.name} <${identity.email}> ${identity.date}`;
    const env = { PATH: ctx.path, LC_ALL: 'C' };
    await must(['xz', '--decompress', '--stdout', '--threads=0', found.tarball], {
      what: `Cannot unpack ${found.tarball}`,
      code: 'archive-broken',
      hint: `apt install --reinstall ${name}`,
      env,
      signal: ctx.signal,
      consume: (tar) => {
        const stream = fastImport(tar, { ref, message: `${subject}\n`, committer });
        // Deltas would cost minutes; ccache and git's own packing do better later.
        return git(['fast-import', '--quiet', '--depth=0'], { gitDir }, ctx, {
          what: `Cannot import ${subject}`,
          input: Readable.from(stream, { objectMode: true, highWaterMark: 4 }),
        });
      },
    });
  }
  const commit = await gitOutput(['rev-parse', '--verify', ref], { gitDir }, ctx, {
    what: `Cannot find ${ref}`,
  });
  return { subject, id: idOf(found), gitDir, commit, tree: await treeOf({ gitDir }, commit, ctx) };
}

/** What an import that was killed has left: half a pack, a lock on its name. Ours is the lock above them. */
async function takeBack(gitDir: string, ref: string): Promise<void> {
  const packs = join(gitDir, 'objects/pack');
  for (const name of await readdir(packs).catch((): string[] => []))
    if (name.startsWith('tmp_')) await rm(join(packs, name), { force: true });
  await rm(join(gitDir, `${ref}.lock`), { force: true });
}

/** Releases are kept apart: a work tree that went from one to the other would be compiled anew each time. */
const idOf = (found: SourcePackage): string => `linux-source-${found.version}`;

/** Version of the Debian package that owns the tarball; the tarball's size if none does. */
async function packageVersion(name: string, tarball: string, ctx: Context): Promise<string> {
  const env = { PATH: ctx.path, LC_ALL: 'C' };
  const argv = ['dpkg-query', '--show', '--showformat', '${Version}', name];
  const result = await run(argv, { env, signal: ctx.signal });
  if (result.code === 0 && tarball === join(sourceFolder, `${name}.tar.xz`)) return result.stdout;
  const { size } = await stat(tarball);
  return `${name.replace('linux-source-', '')}-${size}`;
}

function missing(version: string | undefined, installed: readonly SourcePackage[]): FailureError {
  const name = version === undefined ? 'linux-source-X.Y' : `linux-source-${version}`;
  const have = installed.map((one) => one.version).join(', ');
  return new FailureError({
    blame: 'lab',
    code: 'source-missing',
    title:
      version === undefined
        ? 'No kernel source package is installed'
        : `The package ${name} is not installed${have === '' ? '' : ` (installed: ${have})`}`,
    hint: `apt install ${version === undefined ? 'linux-source' : name}`,
  });
}
