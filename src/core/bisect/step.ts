// The log of a bisection: one of these per line. All that is known of it follows from them in order.
import type { Predicate } from '../predicate.ts';

export interface Settings {
  /** Probability that the answer is right, at least, e.g. 0.99. */
  readonly confidence: number;
  /** The user knows that the fault shows in at least this share of runs; without it, it is measured. */
  readonly rate?: number;
  /** Runs of one commit for one question, at most. */
  readonly maxRuns: number;
  /** Runs of the bad end until the fault has shown once, at most. */
  readonly patience: number;
  /** How often in a row the lab may fail with one commit. */
  readonly retries: number;
  /** Show that the culprit fails again, and that the head without it passes. */
  readonly prove: boolean;
}

export const defaults: Settings = {
  confidence: 0.99,
  maxRuns: 100,
  patience: 10,
  retries: 2,
  prove: true,
};

/**
 * - good, bad: the predicate does not hold, holds.
 * - skip: this kernel cannot tell: it does not build, or something else breaks before.
 * - infra: the lab failed; nothing was learnt of the kernel.
 */
export type Outcome = 'good' | 'bad' | 'skip' | 'infra';

/**
 * What a run is for: `bad-end`, `good-end`: do the ends differ · `rate`: how often it shows · `walk`: looking back for a good
 * commit · `search` · `confirm`: is what the answer rests on really good · `culprit`: does it fail again · `revert`: does
 * the head pass without it.
 */
export type Purpose =
  'bad-end' | 'good-end' | 'rate' | 'walk' | 'search' | 'confirm' | 'culprit' | 'revert';

/** What is told of a commit. */
export interface Commit {
  readonly id: string;
  /** Its subject. */
  readonly title: string;
  /** `Name <mail>` */
  readonly author: string;
  /** ISO 8601. */
  readonly date: string;
  /** Who signed, reviewed or reported it: `Name <mail>`, each once. */
  readonly people: readonly string[];
}

export interface Begin {
  readonly type: 'begin';
  readonly version: 1;
  readonly settings: Settings;
  readonly bad: string;
  /** All of these are good; absent: they are to be found. */
  readonly good?: readonly string[];
  readonly predicate: Predicate;
  readonly firstParent?: boolean;
  /** Commits cannot be reverted: they are none. */
  readonly noRevert?: boolean;
  /** `suite@topology` */
  readonly job: string;
  /** Names of those of its tests that are run. */
  readonly tests?: readonly string[];
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly argv: readonly string[];
  /** What else whoever goes on with it must know. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export type Step =
  | Begin
  /** The commits in question, children first, each with its parents behind it. */
  | { readonly type: 'graph'; readonly commits: readonly (readonly string[])[] }
  /** The commit so many first parents before the bad end; none: history is shorter. */
  | { readonly type: 'walk'; readonly distance: number; readonly commit?: string }
  | { readonly type: 'commit'; readonly commit: Commit }
  /** The same hash is the same kernel. */
  | {
      readonly type: 'image';
      readonly commit: string;
      readonly image: string;
      readonly purpose?: Purpose;
      readonly ms?: number;
    }
  | {
      readonly type: 'observe';
      readonly commit: string;
      readonly purpose: Purpose;
      readonly outcome: Outcome;
      readonly why?: string;
      /** What it took, its part of a build included. */
      readonly ms?: number;
      /** Of the run's folder, relative to that of the bisection. */
      readonly dir?: string;
    }
  /** Somebody goes on: what the lab did before is forgotten. */
  | { readonly type: 'resume' }
  /** The bad end with the culprit reverted; `why` it cannot be. */
  | { readonly type: 'revert'; readonly commit?: string; readonly why?: string };
