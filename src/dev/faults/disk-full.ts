// Faults of the host: the disk that a real run writes to is full, from the beginning or from the moment a guest runs. Never a
// FAIL of the kernel, and with room the run goes on or can be repeated.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../core/result.ts';
import { commandLine } from '../../core/shell.ts';
import { places } from '../../store/places.ts';
import type { BenchOptions } from './bench.ts';
import type { Fault } from './faults.ts';
import type { Outcome } from './judge.ts';
import { ownKernel } from './own-kernel.ts';
import { untilSaid } from './watch.ts';

export interface DiskFault extends Fault {
  /** Of the file system that is written to, as tmpfs(5) takes it. */
  readonly size: string;
  /** It is filled up as soon as `--format ndjson` says so; without it, it is too small. */
  readonly at?: RegExp;
  /** A kernel of its own is built, and what is written to the caches is on that file system, too. */
  readonly builds?: boolean;
}

const { projectDir, cacheDir } = places();
const cli = join(projectDir, 'dist/cli.js');
const quick = ['--suite', 'soft-reserved', '--topology', 'early-section'];
const expect = { status: 'MISS', owner: 'lab', code: 'disk-full' } as const;

const building = (name: string, what: string, at: RegExp): DiskFault => ({
  ...{ name: `disk-full-${name}`, what, at, expect },
  ...{ size: '1g', builds: true, limitMs: 1_800_000 },
});

export const diskFaults: readonly DiskFault[] = [
  building('apply', 'the disk fills up when a series is applied', /"step":"apply"/),
  building('configure', 'the disk fills up when a kernel is configured', /configuring the kernel/),
  building('build', 'the disk fills up while a kernel is built', /building the kernel: /),
  {
    ...{ name: 'disk-full-image', what: 'no room for the image of the guests' },
    ...{ size: '8m', cheap: true, expect },
  },
  {
    ...{ name: 'disk-full-boot', what: 'the disk fills up when a guest boots' },
    ...{ size: '400m', at: /"step":"boot"/, cheap: true, expect },
  },
  {
    ...{ name: 'disk-full-suite', what: 'the disk fills up while tests run' },
    ...{ size: '400m', at: /"type":"test"/, cheap: true, expect },
  },
];

/**
 * In mount and user namespaces of its own: a small disk at `$1`, the command, then, with room, `$2`. With `CACHE`, writes to
 * that folder go to the small disk, too, and nothing of them is left.
 */
const script = `
set -u
disk=$1 again=$2 keep=$3
shift 3
mount -t tmpfs -o size="$SIZE" tmpfs "$disk" || exit 99
if [ -n "$CACHE" ]; then
	mkdir "$disk/upper" "$disk/work"
	mount -t overlay -o userxattr,lowerdir="$CACHE",upperdir="$disk/upper",workdir="$disk/work" overlay "$CACHE" || exit 99
fi
(
	until [ -e "$keep/now" ]; do sleep 0.02; done
	exec head -c 8G /dev/zero >"$disk/filler"
) 2>/dev/null &
filler=$!
"$@"
echo $? >"$keep/code"
kill "$filler" 2>/dev/null
wait
mount -o remount,size=4g "$disk" && rm -f "$disk/filler"
sh -c "$again"
code=$?
cp -r "$disk/run/." "$keep"
exit $code
`;

/** Does it, goes on with room, and says what came of it. */
export async function provokeDiskFull(
  fault: DiskFault,
  { source }: BenchOptions,
): Promise<Outcome> {
  const scratch = await mkdtemp(join(tmpdir(), 'pgmap-fault-'));
  const wrong: string[] = [];
  const check = (is: boolean, what: string): void => {
    if (!is) wrong.push(what);
  };
  const [disk, keep] = [join(scratch, 'disk'), join(scratch, 'keep')];
  try {
    for (const dir of [disk, keep]) await mkdir(dir);
    const run = join(disk, 'run');
    const tool = [process.execPath, cli];
    const own = fault.builds === true ? await ownKernel(scratch) : [];
    const argv = ['run', ...source, '--accel', 'tcg', ...quick, ...own, '--out', run];
    const again = commandLine([...tool, 'run', '--resume', run]);
    const words = ['-Urm', 'sh', '-c', script, 'sh', disk, again, keep];
    const first = [...tool, ...argv, '--format', 'ndjson'];
    const child = spawn('unshare', [...words, ...first], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SIZE: fault.size, CACHE: fault.builds === true ? cacheDir : '' },
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-65_536)));
    const end = new Promise<number | null>((resolve) => child.on('close', resolve));
    if (fault.at !== undefined) {
      check(await untilSaid(child, fault.at), 'it ended before the disk could be filled');
      await writeFile(join(keep, 'now'), '');
    }
    child.stdout.resume();
    const last = await end;
    const code = (await readFile(join(keep, 'code'), 'utf8').catch(() => 'none')).trim();
    check(last !== 99, 'no tmpfs or overlay can be mounted here');
    check(code === '255', `exit code ${code}, not 255: ${said.slice(0, 300)}`);
    check(said.includes('[lab/disk-full]'), 'nobody says that the disk is full');
    check(last === 0, `with room: exit code ${last}: ${said.slice(-300)}`);
    const text = await readFile(join(keep, 'results.json'), 'utf8').catch(() => undefined);
    const result = text === undefined ? undefined : (JSON.parse(text) as RunResult);
    check(result?.status === 'PASS', `with room: status ${result?.status ?? 'none'}`);
    const got = said.includes('[lab/disk-full]') ? 'MISS, lab/disk-full' : 'nothing';
    return { fault, expected: 'MISS, lab/disk-full', got, wrong };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
