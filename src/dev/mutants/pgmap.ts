// Runs the tool itself, as a child: what the bench measures is what users run.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { RunResult } from '../../core/result.ts';
import { places } from '../../store/places.ts';

const cli = join(places().projectDir, 'dist/cli.js');

/** Aborted by a signal that asks us to end; the first one only stops what is going on. */
export function listenForStop(): AbortSignal {
  const stop = new AbortController();
  // A terminal sends SIGINT to the child too, so it is not passed on: the second one would kill guests hard.
  process.on('SIGINT', () => stop.abort('SIGINT'));
  process.on('SIGTERM', () => stop.abort('SIGTERM'));
  return stop.signal;
}

/** Key of the kernel without any mutant, which is built if it is not there. Throws FailureError. */
export async function kernelKeyOf(source: readonly string[], stop: AbortSignal): Promise<string> {
  const { stdout, stderr } = await pgmap(['build', ...source], stop);
  const key = /^key\s+([0-9a-f]+)$/m.exec(stdout)?.[1];
  if (key === undefined) throw broken(`the kernel of ${source.join(' ')} cannot be built`, stderr);
  return key;
}

export interface SuitesRun {
  /** `--source distro:6.12` or `--tree DIR`, as words. */
  readonly source: readonly string[];
  readonly suites: readonly string[];
  /** Only tests that enter what the patch changes. */
  readonly auto?: boolean;
  /** Its run folder; what is in it goes. */
  readonly run: string;
  readonly patch?: string;
}

/** Throws FailureError `usage/interrupted`, or `tool/no-result` if the tool left none. */
export async function runSuites(
  { source, suites, run, patch, auto = false }: SuitesRun,
  stop: AbortSignal,
): Promise<RunResult> {
  await rm(run, { recursive: true, force: true });
  const argv = [
    // The bench knows itself what its source comes to.
    ...['run', ...source, '--out', run, '--baseline', 'none'],
    ...(patch === undefined ? [] : [patch]),
    ...suites.flatMap((suite) => ['--suite', suite]),
    ...(auto ? ['--type', 'auto'] : []),
  ];
  const { stderr } = await pgmap(argv, stop, `${run}.log`);
  const text = await readFile(join(run, 'results.json'), 'utf8').catch(() => '');
  if (text === '') throw broken('pgmap left no results.json', stderr);
  const result = JSON.parse(text) as RunResult;
  if (result.interrupted === true) throw broken('the run was cut short', stderr);
  return result;
}

/** `log`: file that gets all that it says. Throws FailureError `usage/interrupted`. */
async function pgmap(
  argv: readonly string[],
  stop: AbortSignal,
  log?: string,
): Promise<{ stdout: string; stderr: string }> {
  const interrupted = (): FailureError =>
    new FailureError({
      blame: 'usage',
      code: 'interrupted',
      title: 'interrupted',
      hint: 'The same command goes on where this one stopped.',
    });
  if (stop.aborted) throw interrupted();
  const child = spawn(process.execPath, [cli, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const file = log === undefined ? undefined : createWriteStream(log);
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      file?.write(chunk);
      // Enough to find a key or a complaint in; the file has all.
      said[name] = `${said[name]}${chunk.toString()}`.slice(-65_536);
    });
  const passOn = (): void => {
    if (stop.reason === 'SIGTERM') child.kill('SIGTERM');
  };
  stop.addEventListener('abort', passOn);
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  stop.removeEventListener('abort', passOn);
  file?.end();
  if (stop.aborted) throw interrupted();
  return said;
}

const broken = (title: string, stderr: string): FailureError =>
  new FailureError({
    blame: 'tool',
    code: 'no-result',
    title,
    detail: stderr.trimEnd().split('\n').slice(-12).join('\n'),
  });
