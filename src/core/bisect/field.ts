// Where a search stands, and what its answer rests on.
import { candidates, type CommitSet, type Graph, trusted } from './graph.ts';
import { runsFor, unseen } from './rate.ts';
import { goodEnds, kernelOf, type State, verdictOf } from './state.ts';

/** Where the search stands. */
export interface Field {
  readonly graph: Graph;
  /** Commits that can be the culprit. */
  readonly set: CommitSet;
  readonly bad: readonly number[];
  readonly good: readonly number[];
  readonly skipped: ReadonlySet<number>;
}

/** Undefined before the commits are known. */
export function fieldOf(state: State): Field | undefined {
  if (state.range === undefined) return undefined;
  const { graph } = state.range;
  const bad: number[] = [];
  const good: number[] = [];
  const skipped = new Set<number>();
  for (const [at, id] of graph.ids.entries()) {
    const verdict = verdictOf(state, id);
    if (verdict === 'bad') bad.push(at);
    else if (verdict === 'good') good.push(at);
    else if (verdict === 'skip') skipped.add(at);
  }
  return { graph, bad, good, skipped, set: candidates(graph, bad, good) };
}

/** A commit that the answer rests on, and how many runs make it sure. */
export interface Rest {
  readonly commit: string;
  readonly runs: number;
}

/**
 * What must be good if the culprit is to be among `left`: what these build on besides each other. Where such a commit
 * cannot be judged, a good one that builds on it stands for it; for those outside of the range, the good ends.
 */
export function boundary(state: State, field: Field, left: readonly number[]): Rest[] {
  const { graph, set } = field;
  const below = new Set(
    left.flatMap((at) => (graph.parents[at] ?? []).filter((parent) => set[parent] !== 1)),
  );
  const wanted: string[] = [];
  for (const at of below) {
    const id = graph.ids[at] ?? '';
    wanted.push(verdictOf(state, id) === 'skip' ? (standIn(state, field, at) ?? id) : id);
  }
  if (left.some((at) => graph.open[at] === true)) wanted.push(...goodEnds(state));
  const kernels = new Map<string, string>();
  for (const commit of wanted)
    if (verdictOf(state, commit) !== 'skip' && !kernels.has(kernelOf(state, commit)))
      kernels.set(kernelOf(state, commit), commit);
  let begun = state.attempts.length;
  return [...kernels].map(([kernel, commit]) => {
    const place = state.attempts.indexOf(kernel);
    return { commit, runs: wantedRuns(state, place === -1 ? begun++ : place) };
  });
}

/** Of the trusted good commits that build on `at`, the first. */
function standIn(state: State, { graph, bad, good }: Field, at: number): string | undefined {
  const above = trusted(graph, bad, good).find(
    (one) => verdictOf(state, graph.ids[one] ?? '') === 'good' && buildsOn(graph, one, at),
  );
  return above === undefined ? undefined : graph.ids[above];
}

function buildsOn(graph: Graph, commit: number, on: number): boolean {
  const seen = new Set([commit]);
  for (const one of seen) for (const parent of graph.parents[one] ?? []) seen.add(parent);
  return seen.has(on);
}

/** Half of the doubt that is allowed goes to the first commit that is confirmed, a quarter to the second, … */
function allowed(state: State, place: number): number {
  const { confidence: asked } = state.begin.settings;
  return (1 - asked - (state.plan?.doubt ?? 0)) / 2 ** (place + 1);
}

export function wantedRuns(state: State, place: number): number {
  const { maxRuns } = state.begin.settings;
  return Math.min(maxRuns, runsFor(allowed(state, place), state.plan?.low ?? 0));
}

/** The rate may be lower than we think, and any of the confirmed may be bad after all. */
export function confidence(state: State, base: readonly Rest[]): number {
  const { low = 0, doubt = 1 } = state.plan ?? {};
  const kernels = new Set([
    ...state.attempts,
    ...base.map(({ commit }) => kernelOf(state, commit)),
  ]);
  let sure = 1 - doubt;
  for (const [place, kernel] of [...kernels].entries()) {
    const tally = state.tallies.get(kernel);
    // One that failed when it was confirmed could have passed, too.
    const runs = tally === undefined || tally.bad > 0 ? wantedRuns(state, place) : tally.confirmed;
    sure *= 1 - unseen(runs, low);
  }
  return sure;
}
