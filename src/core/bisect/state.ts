// What is known of a bisection, and how a step adds to it. No I/O: the log, folded, is the state.
import { FailureError } from '../failure.ts';
import { type Graph, makeGraph } from './graph.ts';
import { atMost, lowestRate, runsFor, type Tries } from './rate.ts';
import type { Begin, Commit, Outcome, Purpose, Step } from './step.ts';

/** What was seen of one kernel. */
export interface Tally {
  readonly good: number;
  readonly bad: number;
  readonly skip: number;
  /** In a row. */
  readonly infra: number;
  readonly why?: string;
  /** Good runs that confirm it, after the search. */
  readonly confirmed: number;
  /** Runs to see whether the culprit fails again. */
  readonly again: Tries;
  /** Runs at the bad end to see how often it shows. */
  readonly rated: Tries;
}

/** What follows from how often the fault shows at the bad end. */
export interface Plan {
  readonly tries: Tries;
  /** The true rate is lower with probability `doubt` at most. */
  readonly low: number;
  readonly doubt: number;
  /** Good runs until the search goes on as if the commit were good. */
  readonly runs: number;
}

export interface State {
  readonly begin: Begin;
  /** The commits between the ends, and which good ends these are. */
  readonly range?: { readonly graph: Graph; readonly good: string };
  readonly walked: readonly { readonly distance: number; readonly commit?: string }[];
  readonly images: ReadonlyMap<string, string>;
  /** Those that were met so far. */
  readonly commits: ReadonlyMap<string, Commit>;
  /** By kernel, @see kernelOf() */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Kernels in the order in which their confirmation began. */
  readonly attempts: readonly string[];
  readonly plan?: Plan;
  readonly revert?: { readonly commit?: string; readonly why?: string };
  readonly observed: number;
}

/** How often the culprit must fail again. */
export const failAgain = 3;

/** A fault of the lowest rate that can be asks for further runs so often; one of the rate that was seen hardly ever. */
const seldom = 0.2;

/** `bad` runs at the bad end are enough to know the rate well. */
const enoughBad = 8;
/** What the search may take a bad commit for good: what it misses is found when the answer is confirmed. */
const searchError = 0.06;

const fresh: Tally = {
  ...{ good: 0, bad: 0, skip: 0, infra: 0, confirmed: 0 },
  ...{ again: { bad: 0, of: 0 }, rated: { bad: 0, of: 0 } },
};

/** Commits of which one kernel comes share what was seen of it. */
export const kernelOf = ({ images }: Pick<State, 'images'>, commit: string): string =>
  images.get(commit) ?? commit;

export const tallyOf = (state: State, commit: string): Tally =>
  state.tallies.get(kernelOf(state, commit)) ?? fresh;

/** What can be said of a commit; undefined: more runs are needed. */
export function verdictOf(state: State, commit: string): 'good' | 'bad' | 'skip' | undefined {
  const tally = tallyOf(state, commit);
  const { good, bad, skip } = tally;
  if (bad > 0) return isOutvoted(state, tally) ? 'good' : 'bad';
  // What has been judged before can be judged, though not each time.
  if (skip > (good > 0 ? good + state.begin.settings.retries : 0)) return 'skip';
  return state.plan !== undefined && good >= state.plan.runs ? 'good' : undefined;
}

/**
 * It was bad, and as the culprit it fails far less often than the fault does: what failed was something else, as a host that is
 * short of time makes it happen. Part of what the asked confidence leaves is spent on that: little, as it is asked repeatedly.
 */
function isOutvoted({ begin, plan }: State, { again }: Tally): boolean {
  if (plan === undefined || again.of < failAgain) return false;
  return atMost(again, plan.low) < (1 - begin.settings.confidence) / 100;
}

/**
 * Whether a fault that shows as often as at the bad end would rarely fail so few of these runs: then the three failures that are
 * enough otherwise may be three of something else, and it is run until it is outvoted, or fails as often as it should.
 */
export const failsTooSeldom = ({ plan }: State, again: Tries): boolean =>
  plan !== undefined && again.of > 0 && atMost(again, plan.low) < seldom;

/** The good ends: those given, or the one that was found by walking back. */
export function goodEnds(state: State): readonly string[] {
  if (state.begin.good !== undefined) return state.begin.good;
  const last = state.walked.at(-1)?.commit;
  return last !== undefined && verdictOf(state, last) === 'good' ? [last] : [];
}

/** The whole log as a state. Throws FailureError `usage/bad-log|bad-graph`. */
export function foldSteps(steps: Iterable<Step>): State {
  let state: State | undefined;
  try {
    for (const step of steps) {
      if ((step.type === 'begin') !== (state === undefined)) throw badLog('it has to begin, once');
      state = state === undefined ? start(step) : learn(state, step);
    }
  } catch (error) {
    // Somebody has edited it.
    if (error instanceof TypeError) throw badLog(`a step is damaged, ${error.message}`);
    throw error;
  }
  if (state === undefined) throw badLog('it is empty');
  return state;
}

function start(step: Step): State {
  if (step.type !== 'begin' || step.version !== 1) throw badLog('it is of another version');
  const { bad, job, predicate, settings } = step;
  if (typeof bad !== 'string' || typeof job !== 'string' || typeof predicate?.kind !== 'string')
    throw badLog('it does not say what was searched');
  if (typeof settings?.maxRuns !== 'number') throw badLog('it has no settings');
  const { maxRuns, rate } = settings;
  return {
    begin: step,
    ...{
      walked: [],
      images: new Map(),
      commits: new Map(),
      tallies: new Map(),
      attempts: [],
      observed: 0,
    },
    ...(rate === undefined ? {} : { plan: planFor(rate, 0, { bad: 0, of: 0 }, rate, maxRuns) }),
  };
}

/** What is known after one more step. */
export function learn(state: State, step: Step): State {
  switch (step.type) {
    case 'begin':
      throw badLog('it begins twice');
    case 'graph':
      return {
        ...state,
        range: { graph: makeGraph(step.commits), good: goodEnds(state).join(' ') },
      };
    case 'walk': {
      const { distance, commit } = step;
      const walk = { distance, ...(commit === undefined ? {} : { commit }) };
      return { ...state, walked: [...state.walked, walk] };
    }
    case 'commit':
      return { ...state, commits: new Map(state.commits).set(step.commit.id, step.commit) };
    case 'image':
      return withImage(state, step.commit, step.image);
    case 'observe':
      return observe(state, step.commit, step.purpose, step.outcome, step.why);
    case 'resume':
      return { ...state, tallies: mapValues(state.tallies, (one) => ({ ...one, infra: 0 })) };
    case 'revert':
  }
  const { commit, why } = step;
  const revert = {
    ...(commit === undefined ? {} : { commit }),
    ...(why === undefined ? {} : { why }),
  };
  return { ...state, revert };
}

/** What was seen before the kernel was known is seen of the kernel. */
function withImage(state: State, commit: string, image: string): State {
  const from = kernelOf(state, commit);
  const images = new Map(state.images).set(commit, image);
  if (from === image) return { ...state, images };
  const tallies = new Map(state.tallies);
  const own = tallies.get(from);
  // Another commit may still go by the old name.
  if (from === commit) tallies.delete(from);
  if (own !== undefined) tallies.set(image, sum(tallies.get(image) ?? fresh, own));
  return { ...state, images, tallies };
}

function observe(
  state: State,
  commit: string,
  purpose: Purpose,
  outcome: Outcome,
  why: string | undefined,
): State {
  const kernel = kernelOf(state, commit);
  const before = state.tallies.get(kernel) ?? fresh;
  const told = outcome === 'good' || outcome === 'bad';
  const add = (tries: Tries, wanted: boolean): Tries =>
    wanted && told ? { bad: tries.bad + (outcome === 'bad' ? 1 : 0), of: tries.of + 1 } : tries;
  const tally: Tally = {
    good: before.good + (outcome === 'good' ? 1 : 0),
    bad: before.bad + (outcome === 'bad' ? 1 : 0),
    skip: before.skip + (outcome === 'skip' ? 1 : 0),
    infra: outcome === 'infra' ? before.infra + 1 : 0,
    ...(why === undefined ? {} : { why }),
    confirmed: before.confirmed + (purpose === 'confirm' && outcome === 'good' ? 1 : 0),
    again: add(before.again, purpose === 'culprit'),
    rated: add(before.rated, purpose === 'bad-end' || purpose === 'rate'),
  };
  const attempts =
    purpose === 'confirm' && told && !state.attempts.includes(kernel)
      ? [...state.attempts, kernel]
      : state.attempts;
  const next = {
    ...state,
    tallies: new Map(state.tallies).set(kernel, tally),
    attempts,
    observed: state.observed + 1,
  };
  return withPlan(next);
}

/** Once the bad end was run often enough, it is known how often all others are. */
function withPlan(state: State): State {
  if (state.plan !== undefined) return state;
  const { confidence, maxRuns } = state.begin.settings;
  const tries = tallyOf(state, state.begin.bad).rated;
  if (tries.bad === 0 || (tries.bad < enoughBad && tries.of < maxRuns)) return state;
  const doubt = (1 - confidence) / 2;
  const likely = tries.bad / (tries.of + 0.5);
  return { ...state, plan: planFor(lowestRate(tries, doubt), doubt, tries, likely, maxRuns) };
}

const planFor = (
  low: number,
  doubt: number,
  tries: Tries,
  likely: number,
  maxRuns: number,
): Plan => ({ tries, low, doubt, runs: Math.min(runsFor(searchError, likely), maxRuns) });

const sum = (a: Tally, b: Tally): Tally => {
  const why = b.why ?? a.why;
  return {
    good: a.good + b.good,
    bad: a.bad + b.bad,
    skip: a.skip + b.skip,
    infra: b.infra,
    ...(why === undefined ? {} : { why }),
    confirmed: a.confirmed + b.confirmed,
    again: { bad: a.again.bad + b.again.bad, of: a.again.of + b.again.of },
    rated: { bad: a.rated.bad + b.rated.bad, of: a.rated.of + b.rated.of },
  };
};

const mapValues = (
  map: ReadonlyMap<string, Tally>,
  change: (value: Tally) => Tally,
): ReadonlyMap<string, Tally> => new Map([...map].map(([key, value]) => [key, change(value)]));

const badLog = (why: string): FailureError =>
  new FailureError({
    blame: 'usage',
    code: 'bad-log',
    title: `this is no log of a bisection: ${why}`,
  });
