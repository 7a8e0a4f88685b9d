// What a user asked for, and where it happens. Plain data.
import type { Event } from '../core/event.ts';
import type { Selection } from '../core/plan.ts';
import type { SandboxChoice } from '../util/sandbox-trial.ts';

/** Which kernel source is meant. */
export type SourceRequest =
  | { readonly kind: 'distro'; readonly version?: string }
  | { readonly kind: 'tree'; readonly dir: string; readonly base?: string };

export interface RunRequest {
  readonly source: SourceRequest;
  /** What goes on top: files, folders, or a range of the tree. */
  readonly series: readonly string[];
  /** Files with further fragments. */
  readonly configFiles: readonly string[];
  /** Name of the debug variant. */
  readonly variant?: string;
  /** A folder with suites/ and topologies/ beside the project's own. */
  readonly extraDir?: string;
  /** Test this kernel instead of building one; `source` then only gives upstream's test programs. */
  readonly prebuilt?: { readonly image: string; readonly modulesDir?: string };
  readonly selection: Selection;
  readonly accel: 'auto' | 'kvm' | 'tcg';
  /** Guests at once. */
  readonly jobs: number;
  /** What the run is compared with: the base of the series, or another run by its folder. Absent: nothing. */
  readonly baseline?: 'base' | { readonly run: string };
  /** Milliseconds that the run may take. */
  readonly deadlineMs?: number;
  /** How often each job is run; Infinity only with `untilFail`. Absent: once. */
  readonly repeat?: number;
  /** No further round after one in which something FAILed. */
  readonly untilFail?: boolean;
  /** Every patch of the series is built, and tested where its kernel differs. */
  readonly each?: boolean;
  /** Also compile users of memremap_pages() that the configuration leaves out. */
  readonly callers?: boolean;
  /** What programs of the tree run in while it is built. Absent: auto. */
  readonly sandbox?: SandboxChoice;
  /** The command line that repeats this run, without what narrows it down. */
  readonly command: readonly string[];
}

/** Where a run happens. */
export interface Lab {
  readonly projectDir: string;
  readonly stateDir: string;
  readonly qemu: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Of this tool. */
  readonly version: string;
}

/** A run that has begun. */
export interface RunPlace {
  readonly id: string;
  readonly dir: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly argv: readonly string[];
  /** What relative paths of the request are relative to; absent: this run is not for going on with. */
  readonly cwd?: string;
  /** It was cut short, and goes on: what it came to so far. */
  readonly resumed?: { readonly startedAt: string; readonly events: readonly Event[] };
}
