// Failures that everybody knows: configs/known-failures.yaml in these types, and what an entry covers.
import type { Observation } from './observe.ts';

export interface KnownFailure {
  /** `suite`, `suite > test` or `suite > test > case`: it covers what is below, too. */
  readonly test?: string | undefined;
  /** Regular expression on the title of a kernel report; with `test`, only one that came during it. */
  readonly splat?: string | undefined;
  readonly topology?: string | undefined;
  /** Releases, both inclusive; `6.12` stands for all of 6.12.y. */
  readonly kernel?:
    { readonly from?: string | undefined; readonly to?: string | undefined } | undefined;
  readonly reason: string;
  readonly link?: string | undefined;
  /** `2027-06-30`: the last day on which it counts. */
  readonly expires: string;
}

/** `today`: as `2026-11-22`. */
export const expired = (entry: KnownFailure, today: string): boolean => entry.expires < today;

/** Whether an entry is about this; that of a release and a topology it is not for is not. */
export function covers(
  entry: KnownFailure,
  seen: Observation,
  release: string | undefined,
): boolean {
  if (!concerns(entry, seen, release)) return false;
  if (entry.splat === undefined) return seen.splat === undefined && below(entry.test, seen.path);
  if (seen.splat === undefined || !new RegExp(entry.splat).test(seen.splat.title)) return false;
  return (
    entry.test === undefined ||
    seen.splat.during.some((test) => below(entry.test, levels(test))) ||
    (levels(entry.test).length === 1 && below(entry.test, seen.path))
  );
}

/** Whether what an entry is about was at least tried where `seen` comes from. */
export const wasTried = (
  entry: KnownFailure,
  seen: Observation,
  release: string | undefined,
): boolean =>
  (seen.status === 'PASS' || seen.status === 'FAIL') &&
  seen.splat === undefined &&
  concerns(entry, seen, release) &&
  below(entry.test, seen.path);

/** In one line, for notes. */
export const nameOf = (entry: KnownFailure): string =>
  [entry.splat, entry.test].filter((part) => part !== undefined).join(' during ') +
  (entry.topology === undefined ? '' : ` on ${entry.topology}`);

const concerns = (entry: KnownFailure, seen: Observation, release: string | undefined): boolean =>
  (entry.topology === undefined || entry.topology === seen.topology) &&
  inRange(entry.kernel ?? {}, release);

function inRange(range: NonNullable<KnownFailure['kernel']>, release: string | undefined): boolean {
  if (range.from === undefined && range.to === undefined) return true;
  if (release === undefined) return false;
  return (
    (range.from === undefined || order(release, range.from) >= 0) &&
    (range.to === undefined || order(release, range.to) <= 0)
  );
}

/** Compares as many numbers as `bound` has: 6.12.117 is 6.12. */
function order(release: string, bound: string): number {
  const numbers = release.split(/[^0-9]+/).map(Number);
  for (const [index, wanted] of bound.split('.').map(Number).entries()) {
    const difference = (numbers[index] ?? 0) - wanted;
    if (difference !== 0) return difference;
  }
  return 0;
}

const levels = (path: string): string[] => path.split('>').map((level) => level.trim());

const below = (test: string | undefined, path: readonly string[]): boolean =>
  test === undefined || levels(test).every((level, index) => path[index] === level);
