// What differs between two runs, in the words of a report. Plain data; core/compare.ts finds it.
import type { Status } from './status.ts';

/** How often something went wrong. */
export interface Rate {
  readonly bad: number;
  /** Runs that could tell; one in which the lab failed tells nothing. */
  readonly of: number;
}

export interface Culprit {
  /** Of the first patch that breaks it, from 1; `upTo` if those up to that one could not be told apart. */
  readonly number: number;
  readonly upTo?: number;
  /** Patches in the series. */
  readonly of: number;
  /** Subject of patch `number`. */
  readonly title: string;
}

/**
 * - regression: FAILs, and did not before.
 * - fix: no longer FAILs.
 * - new: has a result where there was none.
 * - gone: had a result that is lost: skipped, broken, or not there any more.
 * - flaky: FAILs at times; `rate` says how often.
 * - known: FAILs, and that is no news: on the base too, or listed in configs/known-failures.yaml.
 */
export type ChangeKind = 'regression' | 'fix' | 'new' | 'gone' | 'flaky' | 'known';

export interface Change {
  /** Suite, test, case; `[suite, 'kernel reports', title]`, `[suite, 'step boot']`, `['memory types', NAME]`. */
  readonly path: readonly string[];
  readonly kind: ChangeKind;
  readonly was?: Status;
  readonly is?: Status;
  /** `suite@topology`; absent for what concerns the whole run. */
  readonly job?: string;
  /** Of a kernel report: the tests that it came during, as `suite > test`. */
  readonly during?: readonly string[];
  /** Why it is not news, or why nothing is known. */
  readonly reason?: string;
  readonly link?: string;
  /** How often it failed when it was repeated: with the series, and on the base. */
  readonly rate?: { readonly is: Rate; readonly was?: Rate };
  readonly patch?: Culprit;
  /** The one command that shows it again. */
  readonly reproduce?: string;
}

/** What a run was compared with. */
export interface BaselineInfo {
  /** The base of the series, run for this; or a run that was named. */
  readonly kind: 'base' | 'run';
  readonly id: string;
  readonly subject: string;
  /** False: its kernel does not build, so that there is nothing to compare with. */
  readonly built: boolean;
  readonly status: Status;
  readonly jobs: number;
  /** How many of them were not run, because nothing that goes into them has changed. */
  readonly cached: number;
}

/** Something got worse, or FAILs and nobody knows it from before. */
export const isWorse = (change: Change): boolean =>
  change.kind === 'regression' || (change.kind === 'new' && change.is === 'FAIL');

/** Something passed before, and now nothing is known about it. */
export const isLost = (change: Change): boolean =>
  change.kind === 'gone' && (change.is === 'ERROR' || change.is === 'MISS');
