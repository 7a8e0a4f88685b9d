// The commits of a range, and which of them can still be the culprit. Numbers are places in `ids`.
import { FailureError } from '../failure.ts';

export interface Graph {
  /** Parents before children. */
  readonly ids: readonly string[];
  readonly index: ReadonlyMap<string, number>;
  /** Of each commit, those parents that are in the range. */
  readonly parents: readonly (readonly number[])[];
  /** Which commits have a parent that is not in the range: one that is good because the good end is. */
  readonly open: readonly boolean[];
}

/** One for each commit: 1 if it is in the set. */
export type CommitSet = Uint8Array;

/**
 * `commits`: each with its parents behind it, children first, as `git rev-list --parents --topo-order` prints them.
 * Throws FailureError `usage/bad-graph` for another order.
 */
export function makeGraph(commits: readonly (readonly string[])[]): Graph {
  const rows = commits.toReversed();
  const ids = rows.map((row) => row[0] ?? '');
  const index = new Map(ids.map((id, at) => [id, at]));
  const open: boolean[] = [];
  const parents = rows.map((row, at) => {
    const all = row.slice(1);
    const inside = [...new Set(all)].flatMap((id) => index.get(id) ?? []);
    if (inside.some((parent) => parent >= at)) throw outOfOrder(row[0] ?? '');
    open.push(all.some((id) => !index.has(id)));
    return inside;
  });
  if (index.size !== ids.length) throw outOfOrder('twice');
  return { ids, index, parents, open };
}

/** A row without branches, oldest first: patches of a series, steps of a configuration. */
export const makeRow = (ids: readonly string[]): Graph =>
  makeGraph(ids.map((id, at) => (at === 0 ? [id, ''] : [id, ids[at - 1] ?? ''])).toReversed());

/** The commits themselves and all that they build on, within the range. */
export function ancestors(graph: Graph, of: Iterable<number>): CommitSet {
  const set = new Uint8Array(graph.ids.length);
  let last = -1;
  for (const at of of) {
    set[at] = 1;
    last = Math.max(last, at);
  }
  for (let at = last; at >= 0; at--)
    if (set[at] === 1) for (const parent of graph.parents[at] ?? []) set[parent] = 1;
  return set;
}

/**
 * Where the culprit can be: what all the bad build on and none of the good does. A good commit that builds on a bad one
 * was not good: a fault that does not always show did not show there. It is left aside.
 */
export function candidates(
  graph: Graph,
  bad: readonly number[],
  good: readonly number[],
): CommitSet {
  const set = new Uint8Array(graph.ids.length).fill(1);
  for (const one of bad) {
    const own = ancestors(graph, [one]);
    for (let at = 0; at < set.length; at++) set[at] = (set[at] ?? 0) & (own[at] ?? 0);
  }
  const innocent = ancestors(graph, trusted(graph, bad, good));
  for (let at = 0; at < set.length; at++) if (innocent[at] === 1) set[at] = 0;
  return set;
}

/** Those of the good that build on no bad one. */
export const trusted = (
  graph: Graph,
  bad: readonly number[],
  good: readonly number[],
): readonly number[] => {
  if (bad.length === 0) return good;
  const tainted = descendants(graph, bad);
  return good.filter((one) => tainted[one] !== 1);
};

function descendants(graph: Graph, of: readonly number[]): CommitSet {
  const set = new Uint8Array(graph.ids.length);
  for (const at of of) set[at] = 1;
  for (let at = 0; at < set.length; at++)
    if (graph.parents[at]?.some((parent) => set[parent] === 1) === true) set[at] = 1;
  return set;
}

/**
 * Of each commit of the set, how many of the set it builds on, itself included; the set must hold what lies between two of
 * its members. As in git's bisect.c, only merges are counted one by one.
 */
export function reach(graph: Graph, set: CommitSet): Int32Array {
  const counts = new Int32Array(graph.ids.length);
  const seen = new Int32Array(graph.ids.length).fill(-1);
  for (let at = 0; at < counts.length; at++) {
    if (set[at] !== 1) continue;
    const [first, ...others] = (graph.parents[at] ?? []).filter((parent) => set[parent] === 1);
    if (first === undefined) counts[at] = 1;
    else if (others.length === 0) counts[at] = (counts[first] ?? 0) + 1;
    else counts[at] = countFrom(at, graph, set, seen);
  }
  return counts;
}

function countFrom(start: number, graph: Graph, set: CommitSet, seen: Int32Array): number {
  const stack = [start];
  seen[start] = start;
  let count = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    count++;
    for (const parent of graph.parents[at] ?? [])
      if (set[parent] === 1 && seen[parent] !== start) {
        seen[parent] = start;
        stack.push(parent);
      }
  }
  return count;
}

export const members = (set: CommitSet): number[] => {
  const found: number[] = [];
  for (let at = 0; at < set.length; at++) if (set[at] === 1) found.push(at);
  return found;
};

const outOfOrder = (id: string): FailureError =>
  new FailureError({
    blame: 'usage',
    code: 'bad-graph',
    title: `the list of commits is not in topological order: ${id}`,
  });
