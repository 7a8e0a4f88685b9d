// What every step that acts is handed down: how to stop, where to keep things, how wide to run, whom to tell.
import type { Sandbox } from './sandbox.ts';

export interface Context {
  /** Aborted on SIGINT or when the run's time is up; every wait and every child process follows it. */
  readonly signal: AbortSignal;
  /** Aborted when the run's time is over, some seconds before `signal` is: nothing new begins, guests are asked where they are. */
  readonly deadline?: AbortSignal;
  /** Absolute folder for what can be made again: git objects, work trees, kernels, ccache. */
  readonly cacheDir: string;
  /** How many processors a build may use. */
  readonly cpus: number;
  /** `PATH` for child processes; they get nothing else of the user's environment. */
  readonly path: string;
  /** What programs of a tested tree run in; absent: they may do all that we may. */
  readonly sandbox?: Sandbox;
  /** One line for people about what is going on now, e.g. `CC mm/memremap.o (412 of 1500)`. */
  readonly onProgress: (text: string) => void;
}
