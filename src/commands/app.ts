// What every command gets: where things are, how to stop, how to speak. Made once, in cli.ts.
import type { Context } from '../util/context.ts';
import type { Places } from '../store/places.ts';

export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly color: boolean;
  columns(): number;
}

export interface App {
  readonly places: Places;
  readonly version: string;
  /** The arguments as typed, without node and the script. */
  readonly argv: readonly string[];
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** PATH for child processes. */
  readonly path: string;
  readonly cwd: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Reports. */
  readonly out: Output;
  /** Progress and complaints. */
  readonly err: Output;
  /** What the process will exit with; 0 if never called. */
  exitWith(code: number): void;
}

export const contextOf = (app: App, onProgress: (text: string) => void): Context => ({
  signal: app.signal,
  cacheDir: app.places.cacheDir,
  cpus: app.cpus,
  path: app.path,
  onProgress,
});
