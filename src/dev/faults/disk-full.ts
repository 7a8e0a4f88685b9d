// Faults of the host: the disk that a real run writes to is full, from the beginning or from the moment a guest runs. Never a
// FAIL of the kernel, and with room the run goes on or can be repeated.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../core/result.ts';
import { commandLine } from '../../core/shell.ts';
import { places } from '../../store/places.ts';
import type { BenchOptions } from './bench.ts';
import type { Fault } from './faults.ts';
import type { Outcome } from './judge.ts';

export interface DiskFault extends Fault {
  /** Of the file system that holds the run's folder, as tmpfs(5) takes it. */
  readonly size: string;
  /** It is filled up as soon as the record says so; without it, it is too small. */
  readonly at?: RegExp;
}

const cli = join(places().projectDir, 'dist/cli.js');
const quick = ['--suite', 'soft-reserved', '--topology', 'early-section'];
const expect = { status: 'MISS', owner: 'lab', code: 'disk-full' } as const;

export const diskFaults: readonly DiskFault[] = [
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
 * In mount and user namespaces of its own: a small disk at `$1`, the command, then, with room, `$2`.
 */
const script = `
set -u
disk=$1 again=$2 keep=$3 at=$4
shift 4
filler=
mount -t tmpfs -o size="$SIZE" tmpfs "$disk" || exit 99
if [ -n "$at" ]; then
	(
		until grep -qs -e "$at" "$disk/run/events.ndjson"; do sleep 0.05; done
		exec head -c 2G /dev/zero >"$disk/filler"
	) 2>/dev/null &
	filler=$!
fi
"$@"
echo $? >"$keep/code"
[ -n "$filler" ] && kill "$filler" 2>/dev/null
wait
mount -o remount,size=2g "$disk" && rm -f "$disk/filler"
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
    const argv = ['run', ...source, '--accel', 'tcg', ...quick, '--out', run];
    // Where the record could be written to its end there is nothing to go on with.
    const [resume, anew] = [
      [...tool, 'run', '--resume', run],
      [...tool, ...argv],
    ].map(commandLine);
    const again = `${resume} || { rm -r ${commandLine([run])} && ${anew}; }`;
    const words = ['-Urm', 'sh', '-c', script, 'sh', disk, again, keep, fault.at?.source ?? ''];
    const child = spawn('unshare', [...words, ...tool, ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, SIZE: fault.size },
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-65_536)));
    const last = await new Promise<number | null>((resolve) => child.on('close', resolve));
    const first = (await readFile(join(keep, 'code'), 'utf8').catch(() => 'none')).trim();
    check(last !== 99, 'no tmpfs can be mounted here');
    check(first === '255', `exit code ${first}, not 255: ${said.slice(0, 300)}`);
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
