// Which commit to try next.
import { type CommitSet, type Graph, members, reach } from './graph.ts';

/**
 * The commit whose verdict tells most: as near as possible half of the candidates build on it, so that a range of n
 * commits takes ceil(log2 n) tries. Where commits were skipped, those beside them are likely to fail as they did: then what a
 * commit would tell counts as much as it is likely to tell it, which grows with its distance to them, and the more slowly the
 * more there are. Undefined when nothing that can be tried is left to tell.
 */
export function choose(
  graph: Graph,
  set: CommitSet,
  skipped: ReadonlySet<number>,
): number | undefined {
  const all = members(set);
  const counts = reach(graph, set);
  const score = skipped.size === 0 ? nearHalf : worthwhile(all, skipped);
  let best: number | undefined;
  let bestScore = 0;
  for (const [place, at] of all.entries()) {
    const count = counts[at] ?? 0;
    // What all candidates build on them is bad without a try.
    if (count === all.length || skipped.has(at)) continue;
    const own = score(count, all.length, place);
    if (own > bestScore) [best, bestScore] = [at, own];
  }
  return best;
}

type Score = (count: number, of: number, place: number) => number;

const nearHalf: Score = (count, of) => Math.min(count, of - count);

/** Bits that a verdict is expected to give. */
function worthwhile(all: readonly number[], skipped: ReadonlySet<number>): Score {
  const distance = distances(all, skipped);
  const inside = all.filter((at) => skipped.has(at)).length;
  return (count, of, place) => {
    const share = count / of;
    const bits = -share * Math.log2(share) - (1 - share) * Math.log2(1 - share);
    const away = distance[place] ?? Infinity;
    return bits * (away === Infinity ? 1 : away / (away + inside));
  };
}

/** Places to the nearest skipped commit, in the order of the list. */
function distances(all: readonly number[], skipped: ReadonlySet<number>): number[] {
  const found = all.map((at) => (skipped.has(at) ? 0 : Infinity));
  const step = (place: number, from: number): void => {
    found[place] = Math.min(found[place] ?? Infinity, (found[from] ?? Infinity) + 1);
  };
  for (let place = 1; place < found.length; place++) step(place, place - 1);
  for (let place = found.length - 2; place >= 0; place--) step(place, place + 1);
  return found;
}
