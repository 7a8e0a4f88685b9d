// The guest's initramfs as a pile of layers: base (Debian's programs), modules of the kernel, suites, keys of the run.
// The first two are kept in the cache by what they are made of; the kernel unpacks concatenated archives in order.
import { open, readFile, readdir, stat, utimes } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { exists, fillFolder, writeAtomic } from '../util/files.ts';
import type { Context } from '../util/context.ts';
import { must } from '../util/proc.ts';
import { cpio, type CpioEntry } from './cpio.ts';
import { folderEntries, guestLayer, type Recipe } from './guest-layer.ts';

export interface SuitePayload {
  readonly name: string;
  /** suites/<name>: everything in it but C sources and suite.yaml goes along. */
  readonly dir: string;
  /** Folder of its compiled programs, if it has any. */
  readonly programsDir?: string;
  /** Folder of its kernel modules, if it has any. */
  readonly modulesDir?: string;
  /** Folder of those that the series changes, as the series has them; they go below `series`. */
  readonly seriesDir?: string;
}

/** The base layer's bytes. `cached` says that nothing had to be made. Throws FailureError `lab/image-file-missing`. */
export async function baseLayer(
  recipe: Recipe,
  imagesDir: string,
  ctx: Context,
): Promise<{ bytes: Buffer; key: string; cached: boolean }> {
  const versions = await must(
    ['dpkg-query', '-W', '-f', '${Package} ${Version} ${db:Status-Status}\n', ...recipe.packages],
    { what: 'cannot ask dpkg for the versions of the guest packages', signal: ctx.signal },
  );
  const key = digest([
    JSON.stringify(recipe),
    versions.stdout,
    ...(await folderDigests(imagesDir, ['init', 'fstab'])),
    ...(await folderDigests(join(imagesDir, 'lib'))),
  ]);
  return cachedLayer(key, ctx, async () =>
    guestLayer(
      recipe,
      imagesDir,
      async (argv) =>
        (await must(argv, { what: `cannot run ${argv[0] ?? ''}`, signal: ctx.signal })).stdout,
    ),
  );
}

/** Modules with their index files, as `make modules_install` left them under `modulesDir`/lib/modules. */
export function modulesLayer(
  modulesDir: string,
  kernelKey: string,
  ctx: Context,
): Promise<{ bytes: Buffer; key: string; cached: boolean }> {
  return cachedLayer(digest(['modules', kernelKey]), ctx, async () =>
    (await folderEntries(join(modulesDir, 'lib'), '/lib')).filter(
      // Links into the build tree, of no use in a guest.
      (entry) => !/\/(build|source)$/.test(entry.path),
    ),
  );
}

/** pgmap_probe.ko where modprobe finds it, with the index that names it. */
export async function probeLayer(module: string, release: string): Promise<Buffer> {
  return cpio([
    {
      path: `/lib/modules/${release}/pgmap_probe.ko`,
      kind: 'file',
      mode: 0o644,
      data: await readFile(module),
    },
  ]);
}

/** Suites with their programs, under /pgmap/suites. */
export async function suitesLayer(suites: readonly SuitePayload[]): Promise<Buffer> {
  const entries: CpioEntry[] = [];
  for (const suite of suites) {
    const prefix = `/pgmap/suites/${suite.name}`;
    const own = await folderEntries(suite.dir, prefix);
    entries.push({ path: prefix, kind: 'directory' });
    entries.push(...own.filter((entry) => !/\.[ch]$|\/suite\.yaml$|\.config$/.test(entry.path)));
    if (suite.programsDir !== undefined)
      entries.push(...(await folderEntries(suite.programsDir, prefix)));
    if (suite.modulesDir !== undefined)
      entries.push(
        ...(await folderEntries(suite.modulesDir, prefix)).filter(({ path }) =>
          path.endsWith('.ko'),
        ),
      );
    if (suite.seriesDir !== undefined) {
      entries.push({ path: `${prefix}/series`, kind: 'directory' });
      entries.push(...(await folderEntries(suite.seriesDir, `${prefix}/series`)));
    }
  }
  return cpio(entries);
}

/** Compiled programs of our own that all suites use, next to what images/lib holds. */
export async function libLayer(programsDir: string): Promise<Buffer> {
  return cpio(await folderEntries(programsDir, '/pgmap/lib'));
}

/** The run's keys. */
export function keysLayer(keys: { authorized: string; hostPrivate: Buffer }): Buffer {
  const file = (path: string, data: Buffer): CpioEntry => ({
    path,
    kind: 'file',
    mode: 0o600,
    data,
  });
  // As images/init and the guest's passwd have it.
  const home = '/root';
  return cpio([
    { path: home, kind: 'directory', mode: 0o700 },
    { path: `${home}/.ssh`, kind: 'directory', mode: 0o700 },
    file(`${home}/.ssh/authorized_keys`, Buffer.from(keys.authorized)),
    file('/etc/dropbear/host_key', keys.hostPrivate),
  ]);
}

/** Writes the layers one after the other. */
export async function writeInitrd(path: string, layers: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    for (const layer of layers) await file.write(layer);
  } finally {
    await file.close();
  }
}

async function cachedLayer(
  key: string,
  ctx: Context,
  make: () => Promise<CpioEntry[]>,
): Promise<{ bytes: Buffer; key: string; cached: boolean }> {
  const dir = join(ctx.cacheDir, 'images', key);
  const path = join(dir, 'layer.cpio');
  const cached = await exists(path);
  if (!cached)
    await fillFolder(dir, async (temporary) =>
      writeAtomic(join(temporary, 'layer.cpio'), cpio(await make())),
    );
  // Last use, for `pgmap clean`.
  const now = new Date();
  await utimes(dir, now, now);
  return { bytes: await readFile(path), key, cached };
}

const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);

async function folderDigests(dir: string, only?: readonly string[]): Promise<string[]> {
  const names = (only ?? (await readdir(dir))).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const path = join(dir, name);
      const mode = (await stat(path)).mode & 0o777;
      return `${name} ${mode} ${createHash('sha256')
        .update(await readFile(path))
        .digest('hex')}`;
    }),
  );
}
