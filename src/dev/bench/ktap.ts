// How fast KTAP is read, and in how much memory.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface KtapFigures {
  /** Of one core. */
  readonly bytesPerSecond: number;
  /** Resident memory of a process that reads a gigabyte. */
  readonly peakBytes: number;
}

export async function measureKtap(): Promise<KtapFigures> {
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/dev/bench/ktap-stream.js']);
  return JSON.parse(stdout) as KtapFigures;
}
