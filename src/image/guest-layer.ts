// The first layer of every guest: files of Debian packages that are installed on this host, as images/guest.yaml lists them.
import { readFile, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FailureError } from '../core/failure.ts';
import type { CpioEntry } from './cpio.ts';

/** images/guest.yaml. */
export interface Recipe {
  /** Debian packages the files come from; their versions are part of the image's key. */
  readonly packages: readonly string[];
  readonly files: readonly string[];
  /** Link → target. */
  readonly links: Readonly<Record<string, string>>;
  readonly directories: readonly string[];
}

/** Runs a host program and gives its standard output. */
export type Output = (argv: readonly string[]) => Promise<string>;

/**
 * The entries of the base layer: the recipe's files with their shared libraries, busybox's applets as links where
 * no real program has the name, `init`, and everything in `images/lib` under `/pgmap/lib`.
 * Throws FailureError `lab/image-file-missing`.
 */
export async function guestLayer(
  recipe: Recipe,
  imagesDir: string,
  output: Output,
): Promise<CpioEntry[]> {
  const entries: CpioEntry[] = recipe.directories.map((path) => ({ path, kind: 'directory' }));
  const taken = new Set<string>();
  const add = async (path: string, from = path, mode = 0o755): Promise<void> => {
    if (taken.has(path)) return;
    taken.add(path);
    entries.push({ path, kind: 'file', mode, data: await hostFile(from) });
  };
  for (const file of recipe.files) await add(file);
  for (const library of await libraries(recipe.files, output)) await add(library);
  for (const [link, target] of Object.entries(recipe.links)) {
    taken.add(link);
    entries.push({ path: link, kind: 'symlink', target });
  }
  for (const applet of (await output(['/bin/busybox', '--list-full'])).split('\n')) {
    const path = `/${applet.trim()}`;
    if (applet.trim() === '' || taken.has(path) || shadowed(path, taken)) continue;
    entries.push({ path, kind: 'symlink', target: '/bin/busybox' });
  }
  await add('/init', join(imagesDir, 'init'));
  for (const name of await readdir(join(imagesDir, 'lib')))
    await add(`/pgmap/lib/${name}`, join(imagesDir, 'lib', name));
  await add('/etc/fstab', join(imagesDir, 'fstab'), 0o644);
  entries.push(
    {
      path: '/etc/passwd',
      kind: 'file',
      mode: 0o644,
      data: text('root:x:0:0:root:/root:/bin/sh\n'),
    },
    { path: '/etc/group', kind: 'file', mode: 0o644, data: text('root:x:0:\n') },
    { path: '/etc/shells', kind: 'file', mode: 0o644, data: text('/bin/sh\n/bin/bash\n') },
  );
  return entries;
}

/** Files of a folder on this host as entries below `prefix`; symbolic links stay links. */
export async function folderEntries(dir: string, prefix: string): Promise<CpioEntry[]> {
  const entries: CpioEntry[] = [];
  for (const item of await readdir(resolve(dir), { withFileTypes: true, recursive: true })) {
    const from = join(item.parentPath, item.name);
    const path = join(prefix, from.slice(resolve(dir).length));
    if (item.isSymbolicLink())
      entries.push({ path, kind: 'symlink', target: await readlink(from) });
    else if (item.isDirectory()) entries.push({ path, kind: 'directory' });
    else if (item.isFile()) {
      const mode = (await stat(from)).mode & 0o777;
      entries.push({ path, kind: 'file', mode, data: await readFile(from) });
    }
  }
  return entries;
}

const text = (value: string): Buffer => Buffer.from(value);

/** A busybox applet must not stand in PATH before the real program of that name. */
function shadowed(path: string, taken: ReadonlySet<string>): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return ['/sbin', '/usr/sbin', '/bin', '/usr/bin'].some((dir) => taken.has(join(dir, name)));
}

async function hostFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new FailureError(
      {
        blame: 'lab',
        code: 'image-file-missing',
        title: `the guest image wants ${path}, which this host does not have`,
        hint: 'Run `pgmap doctor` and install what it names.',
      },
      { cause },
    );
  }
}

/** Shared libraries of the programs among `files`, under the names the loader looks for. Source: ldd(1). */
async function libraries(files: readonly string[], output: Output): Promise<string[]> {
  const found = new Set<string>();
  for (const file of files) {
    // A dynamic program names its loader (PT_INTERP) near its start; ldd fails on all others.
    if (!(await hostFile(file)).subarray(0, 4096).includes('/ld-linux')) continue;
    for (const line of (await output(['ldd', await realpath(file)])).split('\n')) {
      const match = /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)/.exec(line);
      if (match?.[1] !== undefined) found.add(match[1]);
    }
  }
  return [...found].sort();
}
