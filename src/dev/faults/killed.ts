// Faults of the tool itself: it is killed in each step of a real run. Nothing may live on, and the run must go on from there.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../core/result.ts';
import { places } from '../../store/places.ts';
import type { BenchOptions } from './bench.ts';
import type { Fault } from './faults.ts';
import type { Outcome } from './judge.ts';
import { ownKernel } from './own-kernel.ts';
import { processesOf, untilSaid } from './watch.ts';

export interface KilledFault extends Fault {
  /** What `--format ndjson` says when the moment has come. */
  readonly at: RegExp;
  /** A kernel of its own is built. */
  readonly builds: boolean;
}

const { projectDir } = places();
const cli = join(projectDir, 'dist/cli.js');
const quick = ['--suite', 'soft-reserved', '--topology', 'early-section'];
const begin = (step: string): RegExp =>
  new RegExp(`"step-begin"(?:,"job":"[^"]*")?,"step":"${step}"`);

const killed = (name: string, at: RegExp, builds = false): KilledFault => ({
  ...{ name: `killed-${name}`, what: `SIGKILL to the tool, in ${name}`, at, builds },
  expect: { status: 'PASS' },
  ...(builds ? { limitMs: 1_800_000 } : { cheap: true }),
});

export const killedFaults: readonly KilledFault[] = [
  killed('apply', begin('apply'), true),
  killed('configure', /configuring the kernel/, true),
  killed('build', /building the kernel: /, true),
  killed('image', begin('image')),
  killed('boot', begin('boot')),
  killed('suite', /"type":"test"/),
  killed('report', /"type":"run-end"/),
];

/** Does it, goes on, and says what came of it. */
export async function provokeKilled(
  fault: KilledFault,
  { source }: BenchOptions,
): Promise<Outcome> {
  const scratch = await mkdtemp(join(tmpdir(), 'pgmap-fault-'));
  const wrong: string[] = [];
  const check = (is: boolean, what: string): void => {
    if (!is) wrong.push(what);
  };
  const temp = join(scratch, 'tmp');
  const run = join(scratch, 'run');
  const start = (argv: readonly string[]): ChildProcess =>
    spawn(process.execPath, [cli, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temp },
    });
  try {
    await mkdir(temp);
    const own = fault.builds ? await ownKernel(scratch) : [];
    const argv = ['run', ...source, '--accel', 'tcg', ...quick, ...own];
    const first = start([...argv, '--format', 'ndjson', '--out', run]);
    check(await untilSaid(first, fault.at), 'it ended before it could be killed');
    const gone = ended(first);
    first.kill('SIGKILL');
    await gone;
    // A make that is being killed may have to come back from the disk first.
    const late = await stillThere(scratch, 5000);
    check(late.length === 0, `it lives on: ${late.slice(0, 3).join(', ')}`);
    const second = start(['run', '--resume', run]);
    const told = await ended(second, fault.limitMs ?? 300_000);
    const over = told.said.includes('run-ended');
    check(told.code === 0 || over, `exit code ${told.code}: ${told.said.slice(-300)}`);
    const text = await readFile(join(run, 'results.json'), 'utf8').catch(() => undefined);
    const result = text === undefined ? undefined : (JSON.parse(text) as RunResult);
    check(result?.status === 'PASS', `status ${result?.status ?? 'none'}`);
    check(result?.jobs.every(({ status }) => status === 'PASS') === true, 'a job did not PASS');
    const left = [...(await readdir(temp)), ...(await stillThere(scratch, 2000))];
    check(left.length === 0, `left behind: ${left.slice(0, 4).join(', ')}`);
    return { fault, expected: 'PASS', got: result?.status ?? 'nothing', wrong };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function ended(
  child: ChildProcess,
  limitMs = 60_000,
): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-65_536)));
  child.stdout?.resume();
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const code =
    child.exitCode !== null || child.signalCode !== null
      ? child.exitCode
      : await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  return { code, said };
}

/** Processes of the run that are there after so long. */
async function stillThere(scratch: string, ms: number): Promise<string[]> {
  const start = performance.now();
  for (;;) {
    const found = await processesOf(scratch);
    if (found.length === 0 || performance.now() - start > ms) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
