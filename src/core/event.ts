// The one record of a run: a line of NDJSON per event. Plain data, nothing live.
import type { BaselineInfo, Change, Rate } from './change.ts';
import type { Failure } from './failure.ts';
import type { Caller, PatchInfo } from './patch.ts';
import type { Renamed } from './rename.ts';
import type { Status } from './status.ts';

/** `suite@topology`; with `~2` behind it: that job's second round. @see core/rounds.ts */
export type JobId = string;

/**
 * What happens in order; `boot`, `probe`, `suite` and `teardown` belong to a job, the others to the run, and of these the last
 * three to the comparison with the base.
 */
export type Step =
  | 'apply'
  | 'configure'
  | 'build'
  | 'image'
  | 'boot'
  | 'probe'
  | 'suite'
  | 'teardown'
  | 'baseline'
  | 'confirm'
  | 'culprit'
  | 'each'
  | 'callers';

export interface TestPoint {
  /** Levels from the suite's name down to the case, without numbers: `['fs-dax', 'truncate', 'waits']`. */
  readonly path: readonly string[];
  readonly status: Status;
  /** KTAP directive as printed (`SKIP`, `XFAIL`, `TODO`, `TIMEOUT`, `ERROR`) and what stood behind it. */
  readonly directive?: { readonly name: string; readonly reason: string };
  /** Comment lines that belong to this point, at most a few dozen. */
  readonly diagnostics: readonly string[];
  /** Milliseconds from the previous point (or the program's start) to this one. */
  readonly ms?: number;
  /** Where the job was repeated and its rounds do not agree. */
  readonly rate?: Rate;
}

/** A kernel report found on the console. */
export interface Splat {
  /** Stable across runs: no addresses, pids, times. `WARNING in memremap_pages`. */
  readonly title: string;
  readonly kind: string;
  /** Byte offsets into the job's console.log. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /** The tests that ran at that moment, as paths joined with ` > `. */
  readonly during: readonly string[];
  /** Why this one does not fail the job: the reason of the allow entry that covers it. */
  readonly allowed?: string;
  /** The round of its job, if that is not the first. */
  readonly round?: number;
}

/** What memremap_pages() was called with in one guest, per enumerator of `enum memory_type`. */
export interface TypeUse {
  readonly mappings: number;
  /** Struct pages over all mappings. */
  readonly pages: number;
  /** How many of the mappings were torn down again. */
  readonly unmapped: number;
}

export interface KernelInfo {
  readonly release: string;
  /** Git tree oid. */
  readonly tree: string;
  /** Build key, the name of the cache entry. */
  readonly key: string;
  /** Debug variant. */
  readonly variant?: string;
}

/** What programs of the tested tree run in while it is built. */
export interface SandboxInfo {
  readonly on: boolean;
  /** `sandboxed by bubblewrap 0.8.0`, or `not sandboxed: ` and why. */
  readonly text: string;
}

export interface SeriesInfo {
  readonly title: string;
  readonly patches: number;
  /** Commit the series was applied to. */
  readonly base: string;
  /** Why that one: --base, where its range begins, what it says itself, or the tree's HEAD. */
  readonly baseFrom?: 'option' | 'range' | 'base-commit' | 'head';
  /** What it was put on, in one line, where that is not what the run began with. */
  readonly subject?: string;
}

export interface JobInfo {
  readonly id: JobId;
  readonly topology: string;
  readonly suite: string;
  /** Short names of the tests that must answer: each begins as MISS. */
  readonly tests: readonly string[];
  /** The kernel's names of the memory types this job is for. */
  readonly types: readonly string[];
  /** The one command that repeats this job. */
  readonly reproduce: string;
}

export interface RunInfo {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly argv: readonly string[];
  readonly version: string;
  readonly host: { readonly cpus: number; readonly memoryBytes: number; readonly accel: string };
  /** What was tested, in one line, e.g. `linux-source-6.12 6.12.117`. */
  readonly subject: string;
  readonly jobs: readonly JobInfo[];
  /** What it takes to go on with the run; absent where nobody could. */
  readonly origin?: RunOrigin;
}

export interface RunOrigin {
  /** The request as plain data. @see run/request.ts */
  readonly request: object;
  /** The folder that its relative paths are relative to. */
  readonly cwd: string;
  /** What jobs are made of → a digest of it: `suite devdax`, `topology nvdimm`, `tree`. */
  readonly inputs: Readonly<Record<string, string>>;
}

export type EventBody =
  | { readonly type: 'run-begin'; readonly run: RunInfo }
  /**
   * The run was cut short, and goes on: finished jobs count, the others begin again, and so do the steps of the run.
   * @see core/finished.ts
   */
  | { readonly type: 'resume'; /** ISO 8601, UTC. */ readonly startedAt: string }
  /** Facts that are only known once the tree was read and the kernel built. */
  | {
      readonly type: 'kernel';
      readonly kernel: KernelInfo;
      readonly enumerators: readonly string[];
      /** Types that suites know by another name than this tree: name of the suites → name in the tree. */
      readonly renamed?: Renamed;
      /** Enumerators that the series brings, and that no suite can be for yet. */
      readonly added?: readonly string[];
    }
  | { readonly type: 'series'; readonly series: SeriesInfo }
  | { readonly type: 'sandbox'; readonly sandbox: SandboxInfo }
  /** What guests run under, and why it is not the faster one. */
  | { readonly type: 'accel'; readonly accel: string; readonly note?: string }
  | { readonly type: 'step-begin'; readonly job?: JobId; readonly step: Step }
  | {
      readonly type: 'step-end';
      readonly job?: JobId;
      readonly step: Step;
      readonly status: Status;
      readonly failure?: Failure;
      /** For `boot`: milliseconds from QEMU's start to the first answered ssh command. */
      readonly ms?: number;
      /** Why nothing had to be done, e.g. `cached`. */
      readonly note?: string;
    }
  | { readonly type: 'test'; readonly job: JobId; readonly point: TestPoint }
  | { readonly type: 'splat'; readonly job: JobId; readonly splat: Splat }
  | {
      readonly type: 'coverage';
      readonly job: JobId;
      readonly types: Readonly<Record<string, TypeUse>>;
    }
  | {
      readonly type: 'artifact';
      readonly job?: JobId;
      readonly role: string;
      readonly path: string;
    }
  /** What the run is compared with, and what that comes to. */
  | { readonly type: 'baseline'; readonly baseline: BaselineInfo }
  | { readonly type: 'change'; readonly change: Change }
  /** What is known of a patch of the series; what comes later of the same patch replaces it. */
  | { readonly type: 'patch'; readonly patch: PatchInfo }
  | { readonly type: 'callers'; readonly callers: readonly Caller[] }
  /** How `struct dev_pagemap` and `enum memory_type` change, in lines of a diff. */
  | { readonly type: 'layout'; readonly lines: readonly string[] }
  /** Something the reader must know that is no verdict, e.g. KVM does not work here. */
  | { readonly type: 'note'; readonly text: string }
  /** For live views; never stored. */
  | {
      readonly type: 'line';
      readonly job?: JobId;
      readonly source: 'make' | 'console' | 'tap';
      readonly text: string;
    }
  | {
      readonly type: 'run-end';
      readonly status: Status;
      /** Somebody stopped it: it can be gone on with. */
      readonly interrupted?: true;
    };

/** `at`: monotonic milliseconds since `run-begin`, so that two recordings compare. */
export type Event = { readonly at: number } & EventBody;

/** Consumes events as they happen. One that throws is dropped, and the run is not PASS. */
export interface Reporter {
  on(event: Event): void;
  close?(): Promise<void>;
}
