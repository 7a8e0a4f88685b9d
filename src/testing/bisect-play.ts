// Plays a bisection against a made-up history whose truth is known: for tests.
import { ancestors, makeGraph } from '../core/bisect/graph.ts';
import { type Answer, type Next, next } from '../core/bisect/next.ts';
import { foldSteps, learn, type State } from '../core/bisect/state.ts';
import type { Outcome, Settings, Step } from '../core/bisect/step.ts';

/** From 0 to 1. */
export type Random = () => number;

export interface History {
  /** Children first, each with its parents. */
  readonly commits: readonly (readonly string[])[];
  readonly bad: string;
  readonly good: string;
  readonly culprit: string;
  /** How often the fault shows. */
  readonly rate: number;
  /** Commits that cannot be judged. */
  readonly skipped: ReadonlySet<string>;
  /** How often the lab fails. */
  readonly infra: number;
  readonly images: ReadonlyMap<string, string>;
  /** How often a run of a good commit fails for another reason; never: absent. */
  readonly fluke?: number;
  /** The fault is older than the good end. */
  readonly goodIsBad?: boolean;
}

export interface Played {
  readonly answer: Answer;
  readonly steps: readonly Step[];
  /** Distinct commits that the search ran. */
  readonly kernels: number;
  /** What was asked after so many steps. */
  readonly asked: readonly (readonly [number, Next])[];
  foldPrefix(steps: number): State;
}

/** mulberry32: small, fast, the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `size` commits c0 … in a row. */
export const row = (size: number, culprit: number): History => ({
  commits: Array.from({ length: size }, (_, at) => [
    `c${size - 1 - at}`,
    at === size - 1 ? 'good' : `c${size - 2 - at}`,
  ]),
  ...{ bad: `c${size - 1}`, good: 'good', culprit: `c${culprit}`, rate: 1 },
  ...{ skipped: new Set(), infra: 0, images: new Map() },
});

/** Branches, merges of merges, commits that do not build alone and in stretches, faults that show at times. */
export function randomHistory(random: Random, { maxCommits }: { maxCommits: number }): History {
  const size = 1 + Math.floor(random() * maxCommits);
  const branchy = random() < 0.6 ? random() * 0.6 : 0;
  const rows: string[][] = [];
  const heads = new Set<number>();
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  for (let at = 0; at < size; at++) {
    const parents = new Set<number>();
    if (at > 0) parents.add(random() < branchy ? Math.floor(random() * at) : pick([...heads]));
    if (at > 1 && random() < branchy) parents.add(Math.floor(random() * at));
    // What nobody builds on yet ends in the last commit.
    if (at === size - 1) for (const head of heads) parents.add(head);
    for (const parent of parents) heads.delete(parent);
    heads.add(at);
    const names = [...parents].map((parent) => `c${parent}`);
    if (at === 0 || random() < branchy / 4) names.push(random() < 0.8 ? 'good' : 'older');
    rows.push([`c${at}`, ...names]);
  }
  const culprit = Math.floor(random() * size);
  const skipped = new Set<string>();
  if (random() < 0.4)
    for (let stretch = 0; stretch < 2; stretch++) {
      const from = Math.floor(random() * size);
      const to = from + Math.floor(random() * 5);
      for (let at = from; at < Math.min(to, size - 1); at++) skipped.add(`c${at}`);
    }
  const images = new Map<string, string>();
  if (random() < 0.3)
    for (const [at, [id = '', parent = '', ...others]] of rows.entries()) {
      const same =
        at !== culprit && others.length === 0 && !skipped.has(id) && !skipped.has(parent);
      images.set(id, same && random() < 0.5 ? (images.get(parent) ?? parent) : id);
    }
  return {
    commits: rows.toReversed(),
    ...{ bad: `c${size - 1}`, good: 'good', culprit: `c${culprit}`, skipped, images },
    rate: random() < 0.75 ? 1 : pick([0.95, 0.8, 0.6, 0.4]),
    infra: random() < 0.1 ? 0.05 : 0,
  };
}

/** Whether the answer is true; a bisection that gives up claims nothing. */
export function judgeAnswer({ culprit }: History, { answer }: Played): string {
  if (answer.kind === 'none') return 'right';
  const named = answer.kind === 'culprit' ? [answer.commit] : answer.commits;
  return named.includes(culprit) ? 'right' : `${culprit} is not ${named.join(', ')}`;
}

export function play(
  history: History,
  random: Random,
  settings: Settings,
  { walk = false } = {},
): Played {
  const graph = makeGraph(history.commits);
  const isBad = truth(history);
  const begin: Step = {
    ...{ type: 'begin', version: 1, settings, bad: history.bad, job: '', startedAt: '', argv: [] },
    predicate: { kind: 'boot' },
    ...(walk ? {} : { good: [history.good] }),
  };
  const steps: Step[] = [begin];
  let state = foldSteps(steps);
  const asked: [number, Next][] = [];
  const kernels = new Set<string>();
  const tell = (step: Step): void => {
    steps.push(step);
    state = learn(state, step);
  };
  const outcomeOf = (commit: string): Outcome =>
    random() < history.infra
      ? 'infra'
      : history.skipped.has(commit)
        ? 'skip'
        : random() < (isBad(commit) ? history.rate : (history.fluke ?? 0))
          ? 'bad'
          : 'good';
  for (;;) {
    const wanted = next(state);
    asked.push([steps.length, wanted]);
    if (steps.length > 20_000) throw new Error('no end');
    switch (wanted.do) {
      case 'end':
        return {
          ...{ answer: wanted.answer, steps, asked, kernels: kernels.size },
          foldPrefix: (count) => foldSteps(steps.slice(0, count)),
        };
      case 'graph': {
        const set = ancestors(graph, [graph.index.get(wanted.bad) ?? -1]);
        const known = wanted.good.flatMap((id) => graph.index.get(id) ?? []);
        const old = ancestors(graph, known);
        const listed = history.commits.filter(([id = '']) => {
          const at = graph.index.get(id) ?? -1;
          return set[at] === 1 && old[at] !== 1;
        });
        tell({ type: 'graph', commits: listed });
        break;
      }
      case 'walk': {
        const at = history.commits.length - 1 - wanted.distance;
        const commit = at >= 0 ? `c${at}` : at === -1 ? 'good' : undefined;
        tell({
          ...{ type: 'walk', distance: wanted.distance },
          ...(commit === undefined ? {} : { commit }),
        });
        break;
      }
      case 'revert':
        tell({ type: 'revert', commit: 'reverted' });
        break;
      case 'run': {
        const { commit, purpose } = wanted;
        const image = history.images.get(commit);
        if (image !== undefined && !state.images.has(commit)) {
          tell({ type: 'image', commit, image });
          break;
        }
        if (purpose === 'search') kernels.add(commit);
        for (let run = 0; run < wanted.runs; run++) {
          const outcome = outcomeOf(commit);
          const why = outcome === 'skip' ? { why: 'does not build' } : {};
          tell({ type: 'observe', commit, purpose, outcome, ...why });
          // What it asks for next is asked when there is news.
          if (outcome !== 'good' && !(outcome === 'bad' && purpose === 'rate')) break;
        }
        break;
      }
    }
  }
}

/** A commit is bad if the culprit is among its ancestors, itself included. */
function truth({ commits, culprit, goodIsBad }: History): (commit: string) => boolean {
  const bad = new Set<string>([culprit, ...(goodIsBad === true ? ['good', 'older'] : [])]);
  for (const [id = '', ...parents] of commits.toReversed())
    if (parents.some((parent) => bad.has(parent))) bad.add(id);
  return (commit) => bad.has(commit);
}
