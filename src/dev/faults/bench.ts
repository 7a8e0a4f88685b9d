// One fault of the bench, for real: the tool runs it as a user would, and what it says and leaves behind is looked at.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { RunResult } from '../../core/result.ts';
import { places } from '../../store/places.ts';
import type { Fault } from './faults.ts';
import { type Outcome, judge } from './judge.ts';
import { processesOf, watchConsole } from './watch.ts';

const { projectDir } = places();
const cli = join(projectDir, 'dist/cli.js');
const extraDir = join(projectDir, 'src/testing/faults');

export interface BenchOptions {
  /** `--source distro:6.12`, as words. */
  readonly source: readonly string[];
  /** The run's folder is kept here; without it, it goes. */
  readonly keep?: string;
  /** Whether it must also be quick. */
  readonly timed: boolean;
}

/** Most milliseconds that a fault may take altogether. */
const patienceMs = 120_000;

/** Does it and says what came of it. Rejects only for a bug of the bench. */
export async function provoke(
  fault: Fault,
  { source, keep, timed }: BenchOptions,
): Promise<Outcome> {
  // In its name is what all processes of this run have in their environment.
  const scratch = await mkdtemp(join(tmpdir(), 'pgmap-fault-'));
  const run = keep ?? join(scratch, 'run');
  try {
    if (keep !== undefined) await rm(keep, { recursive: true, force: true });
    for (const name of ['tmp', 'bin']) await mkdir(join(scratch, name));
    const tests = [
      fault.suite === undefined ? `faults > ${fault.test ?? ''}` : `${fault.suite} > never runs`,
      'faults > next',
    ];
    const argv = [
      ...[cli, 'run', ...source, '--accel', 'tcg', '--jobs', '1', '--extra', extraDir],
      ...tests.flatMap((test) => ['--test', test]),
      ...['--out', run],
    ];
    const path = `${join(scratch, 'bin')}:${process.env['PATH'] ?? '/usr/bin:/bin'}`;
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: join(scratch, 'tmp'), PATH: path },
    });
    let said = '';
    let complaints = '';
    child.stdout.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4e6)));
    child.stderr.on(
      'data',
      (chunk: Buffer) => (complaints = `${complaints}${chunk.toString()}`.slice(-65_536)),
    );
    const watch = watchConsole(fault, run);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, fault.limitMs ?? patienceMs);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearTimeout(limit);
    const { ms } = await watch.end();
    const text = await readFile(join(run, 'results.json'), 'utf8').catch(() => undefined);
    const left = [
      ...(await readdir(join(scratch, 'tmp'))).map((name) => `tmp/${name}`),
      ...(await processesOf(scratch)),
    ];
    const evidence = {
      ...(text === undefined ? {} : { result: JSON.parse(text) as RunResult }),
      ...(ms === undefined ? {} : { ms }),
      ...{ said, complaints, code, late, left },
    };
    return judge(fault, evidence, timed);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Kconfig symbols of the kernel, which is built if it is not there. Throws FailureError `tool/no-result` if it cannot be.
 */
export async function kernelSymbols(source: readonly string[]): Promise<ReadonlySet<string>> {
  const child = spawn(process.execPath, [cli, 'build', ...source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((resolve) => child.on('close', resolve));
  const file = /^config\s+(\S.*)$/m.exec(said)?.[1];
  if (file === undefined)
    throw new FailureError({
      blame: 'tool',
      code: 'no-result',
      title: `the kernel of ${source.join(' ')} cannot be built`,
      detail: said.slice(-4000),
    });
  const text = await readFile(file, 'utf8');
  return new Set([...text.matchAll(/^CONFIG_(\w+)=[ym]$/gm)].map((match) => match[1] ?? ''));
}
