// Temporary files and folders whose names say whose they are, so that those of a process that was killed can be told from
// those in use. What we still have when we exit goes with us, however that comes about, SIGKILL excepted.
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Names of temporary files and folders beside what they become begin so. */
export const tempPrefix = '.pgmap-tmp-';

/** A path beside `path` for what is to become it; call {@link settled} when it has, or is gone. */
export function tempBeside(path: string): string {
  const unique = `${owner()}-${randomBytes(4).toString('hex')}`;
  return ours(join(dirname(path), `${tempPrefix}${unique}-${basename(path)}`));
}

/**
 * A new folder below TMPDIR; remove it with {@link removeTemp}. The first one of a process also takes away what killed
 * ones have left there. `socket`: it is for one, so its path must be short (unix(7): 108 bytes).
 */
export async function tempFolder(kind: string, { socket = false } = {}): Promise<string> {
  const root = socket && tmpdir().length > 45 ? '/tmp' : tmpdir();
  swept ??= sweepTemp([root]);
  await swept;
  return ours(await mkdtemp(join(root, `pgmap-${owner()}-${kind}-`)));
}
let swept: Promise<void> | undefined;

/** Removes a file or folder of ours, whether it is there or not. */
export async function removeTemp(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  settled(path);
}

/** From now on `path` is removed when we exit, unless {@link settled} before. */
export function ours(path: string): string {
  if (held.size === 0 && !armed) {
    armed = true;
    process.once('exit', () => {
      for (const one of held) rmSync(one, { recursive: true, force: true });
    });
  }
  held.add(path);
  return path;
}
const held = new Set<string>();
let armed = false;

export const settled = (path: string): void => void held.delete(path);

/** Takes away what killed processes have left in these folders. What cannot be read or removed stays. */
export async function sweepTemp(folders: readonly string[]): Promise<void> {
  for (const folder of folders)
    for (const name of await readdir(folder).catch((): string[] => [])) {
      const path = join(folder, name);
      if (!isTemp(name) || !(await isAbandoned(path).catch(() => false))) continue;
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
}

const pattern = /^(?:\.pgmap-tmp-|pgmap-)([0-9a-f]{8})\.([0-9a-z]+)\.([0-9a-z]+)\.([0-9a-z]+)-/;

const isTemp = (name: string): boolean => name.startsWith(tempPrefix) || pattern.test(name);

/** A process is known by its number and when it started, where processes are numbered alike. @see proc(5) */
async function isAbandoned(path: string): Promise<boolean> {
  const info = await lstat(path);
  // In a folder for everybody, others' names prove nothing.
  if (info.uid !== process.getuid?.()) return false;
  const [, boot, space, pid, start] = pattern.exec(basename(path)) ?? [];
  const [ourBoot, ourSpace] = owner().split('.');
  if (boot !== ourBoot || space !== ourSpace || pid === undefined)
    return info.mtimeMs < Date.now() - aWeekMs;
  return startOf(parseInt(pid, 36)) !== start;
}

/** Of another host or container nobody here knows whether it lives. */
const aWeekMs = 7 * 24 * 3600 * 1000;

/** Boot, numbering of processes, number, start: `1a2b3c4d.1ulcuq4.9zk.1x2y3`. */
function owner(): string {
  self ??= [
    readText('/proc/sys/kernel/random/boot_id').slice(0, 8),
    base36(readLink('/proc/self/ns/pid').replaceAll(/\D/g, '')),
    base36(String(process.pid)),
    startOf(process.pid) ?? '0',
  ].join('.');
  return self;
}
let self: string | undefined;

/** Field 22 of /proc/PID/stat, in base 36; undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The name of the program stands in parentheses, and may hold anything.
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return start === undefined ? undefined : base36(start);
}

const base36 = (digits: string): string => BigInt(digits === '' ? 0 : digits).toString(36);

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
