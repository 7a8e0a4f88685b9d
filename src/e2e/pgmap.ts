// Runs the real tool, as a user does, against this user's own cache: kernels are built once and then reused.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../core/result.ts';

export const projectDir = join(import.meta.dirname, '../..');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `pgmap` and leaves it to the caller to stop it. */
export function startPgmap(argv: readonly string[]): {
  child: ChildProcess;
  done: Promise<Finished>;
} {
  const child = spawn(process.execPath, [join(projectDir, 'dist/cli.js'), ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const done = new Promise<Finished>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  return { child, done };
}

export const pgmap = (...argv: string[]): Promise<Finished> => startPgmap(argv).done;

/** A folder that goes away with the test. */
export function scratch(): { dir: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(join(tmpdir(), 'pgmap-e2e-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

export const resultsOf = (runDir: string): RunResult =>
  JSON.parse(readFileSync(join(runDir, 'results.json'), 'utf8')) as RunResult;

/** Process ids of QEMUs that work for a run in `runDir`: its path is on their command line. */
export async function qemusOf(runDir: string): Promise<string[]> {
  const { stdout } = await new Promise<Finished>((resolve) => {
    const child = spawn('ps', ['-eo', 'pid,args'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('close', (code) => resolve({ code, stdout: text, stderr: '' }));
  });
  return stdout
    .split('\n')
    .filter((line) => line.includes('qemu-system') && line.includes(runDir))
    .map((line) => line.trim().split(' ')[0] ?? '');
}
