// Programs that run somebody else's code, inside of bubblewrap: no network, no home, no file but those that are named, and
// nothing that outlives them. Paths inside are those outside, so that what is built is the same. @see bwrap(1)
import { lstat, readlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exists, hasCode } from './files.ts';
import { systemCallFilter } from './seccomp.ts';

/** A bubblewrap that was seen to work here. */
export interface Sandbox {
  /** `bubblewrap 0.8.0` */
  readonly name: string;
  /** We are root: nodes in /dev are ours, and have to be held back from it. */
  readonly root: boolean;
}

/** What of the host a program sees besides its tools. Absolute paths; what does not exist is left out. */
export interface Room {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Parts of `writes` that stay as they are. */
  readonly keeps?: readonly string[];
  readonly cwd?: string;
}

/** What programs exit with in a sandbox if they leave something running; its names are in the last line of standard error. */
export const leftRunning = 99;

/** The argument vector that runs `argv` in the sandbox of `ctx`; `argv` itself if it has none. */
export async function inSandbox(
  argv: readonly string[],
  room: Room,
  ctx: { readonly sandbox?: Sandbox | undefined; readonly path: string },
): Promise<readonly string[]> {
  return ctx.sandbox === undefined ? argv : bubblewrap(argv, room, ctx.sandbox, ctx.path);
}

/** @internal Also for the trial that finds out whether it works. */
export async function bubblewrap(
  argv: readonly string[],
  room: Room,
  { root }: Pick<Sandbox, 'root'>,
  path: string,
): Promise<readonly string[]> {
  const tools = await Promise.all([...folders, ...settings].map(systemPart));
  const reads = await existing([...programFolders(path), ...room.reads]);
  const writes = await existing(room.writes);
  const keeps = await existing(room.keeps ?? []);
  return [
    ...(root ? ['unshare', '--mount', '--'] : []),
    ...['bash', '-c', root ? `${holdDevices}${start}` : start, 'pgmap-sandbox'],
    ...['--unshare-all', '--unshare-user', '--disable-userns', '--die-with-parent', '--as-pid-1'],
    // Files that it makes are ours all the same.
    ...['--uid', '1000', '--gid', '1000'],
    ...tools.flat(),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--size', String(memoryFolderBytes), '--tmpfs', '/tmp'],
    ...['--size', String(memoryFolderBytes), '--tmpfs', '/dev/shm'],
    ...reads.flatMap((dir) => ['--ro-bind', dir, dir]),
    ...writes.flatMap((dir) => ['--bind', dir, dir]),
    ...keeps.flatMap((file) => ['--ro-bind', file, file]),
    // Who has root's user id may write to much of /proc, even without privileges.
    ...['/proc', '/dev', '/'].flatMap((dir) => ['--remount-ro', dir]),
    // ccache will not run without.
    ...[
      '--setenv',
      'HOME',
      '/tmp',
      '--chdir',
      room.cwd ?? '/',
      '--',
      '/bin/sh',
      '-c',
      look,
      'sh',
      ...argv,
    ],
  ];
}

/** /tmp is memory: more than any compiler's temporary files, and no more than a host can spare. */
const memoryFolderBytes = 2 ** 31;

const folders = ['/usr', '/opt', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const settings = [
  ...['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'nsswitch.conf'],
  ...['localtime', 'ccache.conf', 'ssl/openssl.cnf'],
].map((name) => join('/etc', name));

/** As bwrap's arguments: a link of the system is the same link inside. */
async function systemPart(path: string): Promise<readonly string[]> {
  try {
    const info = await lstat(path);
    if (info.isSymbolicLink() && !path.startsWith('/etc/'))
      return ['--symlink', await readlink(path), path];
    return ['--ro-bind', path, path];
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Folders of PATH that are not the system's; none of the user's home. */
function programFolders(path: string): string[] {
  return path
    .split(':')
    .filter((dir) => dir.startsWith('/') && !isBelow(dir, [...folders, homedir()]));
}

/** Whether a path is one of `dirs` or in it. */
export const isBelow = (path: string, dirs: readonly string[]): boolean =>
  dirs.some((dir) => path === dir || path.startsWith(dir.endsWith('/') ? dir : `${dir}/`));

/** Those that are there, outer folders before what is in them. */
async function existing(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of new Set(paths)) if (await exists(path)) found.push(path);
  return found.sort((a, b) => a.length - b.length);
}

const filter = [...systemCallFilter]
  .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
  .join('');

/**
 * TERM is for make, which then removes what it has half made; bwrap must outlive that. (No --new-session, which would keep
 * TERM from make: run() has begun a session without a terminal.)
 */
const start = `exec env --ignore-signal=TERM bwrap --seccomp 9 "$@" 9< <(printf '${filter}')`;

/** Root owns the nodes of /dev and could change their mode, were they not on read-only mounts. */
const holdDevices =
  'for node in null zero full random urandom tty; do mount --bind -o ro "/dev/$node" "/dev/$node" || exit; done; ';

/**
 * The first process of the sandbox: with it everything else dies before anybody hears of its end. What still runs a second
 * after the program has ended is told.
 */
const look = `env --default-signal=TERM "$@"
code=$?
round=0
while :; do
  left=
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    case "\${line##*) }" in [ZX]*) continue ;; esac
    [ "\${line%% *}" = 1 ] && continue
    line=\${line#*\\(}
    left="$left \${line%)*}"
  done
  [ -z "$left" ] && exit $code
  round=$((round + 1))
  [ $round = 20 ] && break
  sleep 0.05
done
echo "pgmap: left running:$left" >&2
exit ${leftRunning}
`;
