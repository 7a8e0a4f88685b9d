// Which of a row of patches is the first bad one: the search of git bisect, as data. Patches count from 1, 0 is the base.

export interface Search {
  /** The last that is known to be good. */
  readonly good: number;
  /** The first that is known to be bad. */
  readonly bad: number;
  /** Between them, those that could not be judged: they do not build, or the test says nothing there. */
  readonly skipped: ReadonlySet<number>;
}

export type Outcome = 'good' | 'bad' | 'skip';

export const search = (patches: number): Search => ({
  good: 0,
  bad: patches,
  skipped: new Set(),
});

/** The patch to try next: the one nearest to the middle. Undefined when there is no more to learn. */
export function next({ good, bad, skipped }: Search): number | undefined {
  const middle = (good + bad) / 2;
  let best: number | undefined;
  for (let patch = good + 1; patch < bad; patch++)
    if (
      !skipped.has(patch) &&
      (best === undefined || Math.abs(patch - middle) < Math.abs(best - middle))
    )
      best = patch;
  return best;
}

/** What the search knows after `patch` came out so; one that it has left behind teaches it nothing. */
export function learn(state: Search, patch: number, outcome: Outcome): Search {
  if (patch <= state.good || patch >= state.bad) return state;
  if (outcome === 'skip') return { ...state, skipped: new Set([...state.skipped, patch]) };
  return outcome === 'good' ? { ...state, good: patch } : { ...state, bad: patch };
}

/** The first bad patch is one of these; the same twice when it was found. */
export const answer = ({ good, bad }: Search): { readonly from: number; readonly to: number } => ({
  from: good + 1,
  to: bad,
});
