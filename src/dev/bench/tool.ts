// Runs the tool as a user does, and watches what it takes.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Measured {
  readonly ms: number;
  readonly code: number | null;
  /** Resident memory of the tool itself, children not included. Source: proc(5), VmHWM. */
  readonly peakBytes: number;
  readonly stdout: string;
}

export type RunTool = (argv: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Measured>;

/** Its own words are left aside. */
export const pgmap: RunTool = async (argv, env = {}) => {
  const start = performance.now();
  const child = spawn(process.execPath, ['dist/cli.js', ...argv], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  let peakBytes = 0;
  const timer = setInterval(() => {
    readFile(`/proc/${child.pid ?? 0}/status`, 'utf8').then(
      (text) =>
        (peakBytes = Math.max(peakBytes, 1024 * Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0))),
      () => undefined,
    );
  }, 200);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(timer);
  return { ms: performance.now() - start, code, peakBytes, stdout };
};
