// What to do next in a bisection, and what it came to. Pure: the same state gives the same.
import { choose } from './choose.ts';
import { boundary, confidence, type Field, fieldOf, wantedRuns } from './field.ts';
import { members, trusted } from './graph.ts';
import {
  failAgain,
  failsTooSeldom,
  goodEnds,
  kernelOf,
  type State,
  tallyOf,
  verdictOf,
} from './state.ts';
import type { Purpose } from './step.ts';

export type Next =
  /** Find the commit so many first parents before the bad end. */
  | { readonly do: 'walk'; readonly distance: number }
  /** List the commits that `bad` has and none of `good`. */
  | { readonly do: 'graph'; readonly good: readonly string[]; readonly bad: string }
  /** Run the kernel of a commit up to so many times; one bad run is enough. */
  | {
      readonly do: 'run';
      readonly commit: string;
      readonly purpose: Purpose;
      readonly runs: number;
    }
  /** Make the bad end without the culprit. */
  | { readonly do: 'revert'; readonly culprit: string }
  | { readonly do: 'end'; readonly answer: Answer };

export type Answer =
  | {
      readonly kind: 'culprit';
      readonly commit: string;
      /** Probability that it is right, at least. */
      readonly confidence: number;
    }
  | {
      /** The culprit is one of these, oldest first. */
      readonly kind: 'range';
      readonly commits: readonly string[];
      readonly confidence: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'none';
      /** Short and stable: bad-end-good, good-end-bad, end-skipped, no-good-commit, lab-failed, two-faults. */
      readonly code: string;
      readonly reason: string;
      readonly commit: string;
    };

export function next(state: State): Next {
  return (
    labFailed(state) ??
    checkBadEnd(state) ??
    checkGoodEnds(state, 1) ??
    measureRate(state) ??
    walkBack(state) ??
    checkGoodEnds(state, state.plan?.runs ?? 1) ??
    listCommits(state) ??
    searchOn(state)
  );
}

const none = (code: string, commit: string, reason: string): Next => ({
  do: 'end',
  answer: { kind: 'none', code, commit, reason },
});

const withWhy = (state: State, commit: string, text: string): string => {
  const { why } = tallyOf(state, commit);
  return why === undefined ? text : `${text}: ${why}`;
};

function labFailed(state: State): Next | undefined {
  const { retries } = state.begin.settings;
  for (const [kernel, { infra, why }] of state.tallies)
    if (infra > retries) {
      const commit = [...state.images].find(([, image]) => image === kernel)?.[0] ?? kernel;
      const reason = `the lab failed ${infra} times in a row`;
      return none('lab-failed', commit, why === undefined ? reason : `${reason}: ${why}`);
    }
  return undefined;
}

function checkBadEnd(state: State): Next | undefined {
  const { bad, settings } = state.begin;
  const verdict = verdictOf(state, bad);
  if (verdict === 'bad') return undefined;
  if (verdict === 'skip')
    return none('end-skipped', bad, withWhy(state, bad, 'the bad end cannot be judged'));
  const { good } = tallyOf(state, bad);
  if (good >= settings.patience)
    return none(
      'bad-end-good',
      bad,
      good === 1
        ? 'it does not show at the bad end'
        : `it did not show at the bad end in ${good} runs`,
    );
  return { do: 'run', commit: bad, purpose: 'bad-end', runs: settings.patience - good };
}

/** That the good ends are not bad at all is asked before anything costs time. */
function checkGoodEnds(state: State, runs: number): Next | undefined {
  for (const commit of state.begin.good ?? []) {
    const verdict = verdictOf(state, commit);
    if (verdict === 'bad')
      return none('good-end-bad', commit, withWhy(state, commit, 'it shows at the good end, too'));
    if (verdict === 'skip')
      return none('end-skipped', commit, withWhy(state, commit, 'the good end cannot be judged'));
    const { good } = tallyOf(state, commit);
    if (good < runs) return { do: 'run', commit, purpose: 'good-end', runs: runs - good };
  }
  return undefined;
}

function measureRate(state: State): Next | undefined {
  if (state.plan !== undefined) return undefined;
  const { bad, settings } = state.begin;
  const { rated } = tallyOf(state, bad);
  const wanted = Math.min(8 - rated.bad, settings.maxRuns - rated.of);
  return { do: 'run', commit: bad, purpose: 'rate', runs: Math.max(1, wanted) };
}

/** In doubling steps, until a commit is good. */
function walkBack(state: State): Next | undefined {
  if (state.begin.good !== undefined || goodEnds(state).length > 0) return undefined;
  const last = state.walked.at(-1);
  if (last === undefined) return { do: 'walk', distance: 1 };
  const { commit, distance } = last;
  if (commit === undefined)
    return none('no-good-commit', state.begin.bad, 'no older commit is good');
  const verdict = verdictOf(state, commit);
  if (verdict !== undefined) return { do: 'walk', distance: 2 * distance };
  const runs = (state.plan?.runs ?? 1) - tallyOf(state, commit).good;
  return { do: 'run', commit, purpose: 'walk', runs };
}

function listCommits(state: State): Next | undefined {
  const good = goodEnds(state);
  if (state.range?.good === good.join(' ')) return undefined;
  // Those that were bad on the way back leave less to search.
  const bad = state.walked.flatMap(({ commit }) =>
    commit !== undefined && verdictOf(state, commit) === 'bad' ? [commit] : [],
  );
  return { do: 'graph', good, bad: bad.at(-1) ?? state.begin.bad };
}

function searchOn(state: State): Next {
  const field = fieldOf(state);
  const { bad: badEnd, settings } = state.begin;
  if (field === undefined || field.graph.ids.length === 0)
    return none('no-commits', badEnd, 'the bad end has no commit that the good end has not');
  const { graph, set, skipped } = field;
  const left = members(set);
  if (left.length === 0)
    return (
      contradiction(state, field) ??
      none('two-faults', badEnd, 'commits that have nothing in common fail: there are two faults')
    );
  const open = new Set(left.filter((at) => skipped.has(at)));
  const at = choose(graph, set, open);
  if (at !== undefined) {
    const commit = graph.ids[at] ?? '';
    const runs = Math.max(1, (state.plan?.runs ?? 1) - tallyOf(state, commit).good);
    return { do: 'run', commit, purpose: 'search', runs };
  }
  const base = boundary(state, field, left);
  const doubtful = base.find(({ runs, commit }) => tallyOf(state, commit).confirmed < runs);
  if (doubtful !== undefined) {
    const { commit, runs } = doubtful;
    const { confirmed } = tallyOf(state, commit);
    return { do: 'run', commit, purpose: 'confirm', runs: runs - confirmed };
  }
  if (settings.prove)
    for (const commit of restsOnBad(state, field, left)) {
      const again = failsAgain(state, commit);
      if (again !== undefined) return again;
    }
  const sure = confidence(state, base);
  const commits = left.map((one) => graph.ids[one] ?? '');
  const [culprit = ''] = commits;
  if (commits.length > 1) {
    const reason = `${commits.length - 1} of them cannot be judged${
      tallyOf(state, culprit).why === undefined ? '' : ` (${tallyOf(state, culprit).why})`
    }`;
    return { do: 'end', answer: { kind: 'range', commits, confidence: sure, reason } };
  }
  return (
    (settings.prove ? prove(state, culprit) : undefined) ?? {
      do: 'end',
      answer: { kind: 'culprit', commit: culprit, confidence: sure },
    }
  );
}

/** Nobody is left. Before that is believed, the good that leave nobody are confirmed, and the bad fail again. */
function contradiction(state: State, { graph, bad, good }: Field): Next | undefined {
  for (const at of trusted(graph, bad, good)) {
    const commit = graph.ids[at] ?? '';
    const place = state.attempts.indexOf(kernelOf(state, commit));
    const wanted = wantedRuns(state, place === -1 ? state.attempts.length : place);
    const runs = wanted - tallyOf(state, commit).confirmed;
    // One that was bad at first is good by a vote, and has been asked enough.
    if (runs > 0 && tallyOf(state, commit).bad === 0)
      return { do: 'run', commit, purpose: 'confirm', runs };
  }
  if (!state.begin.settings.prove) return undefined;
  for (const at of bad) {
    const commit = graph.ids[at] ?? '';
    const again = commit === state.begin.bad ? undefined : failsAgain(state, commit);
    if (again !== undefined) return again;
  }
  return undefined;
}

/** Bad commits that the answer rests on: the one that all that is left leads up to, and those that were not bad each time. */
const restsOnBad = (state: State, { graph, bad }: Field, left: readonly number[]): string[] =>
  bad
    .filter((at) => at === left.at(-1) || tallyOf(state, graph.ids[at] ?? '').good > 0)
    .map((at) => graph.ids[at] ?? '')
    .filter((id) => id !== state.begin.bad || id === graph.ids[left.at(-1) ?? -1]);

/** Undefined: it has, or nothing more is to be had of it. */
function failsAgain(state: State, commit: string): Next | undefined {
  const { maxRuns, retries } = state.begin.settings;
  const { again, skip } = tallyOf(state, commit);
  const missing = Math.max(failAgain - again.bad, failsTooSeldom(state, again) ? 1 : 0);
  const runs = Math.min(missing, maxRuns - again.of);
  if (verdictOf(state, commit) !== 'bad' || runs <= 0 || skip > retries) return undefined;
  return { do: 'run', commit, purpose: 'culprit', runs };
}

function prove(state: State, culprit: string): Next | undefined {
  const { bad, noRevert } = state.begin;
  if (noRevert === true) return undefined;
  if (state.revert === undefined) return { do: 'revert', culprit };
  const { commit } = state.revert;
  if (commit === undefined || commit === bad) return undefined;
  const verdict = verdictOf(state, commit);
  const missing = wantedRuns(state, 0) - tallyOf(state, commit).good;
  if (verdict === 'bad' || verdict === 'skip' || missing <= 0) return undefined;
  return { do: 'run', commit, purpose: 'revert', runs: missing };
}

/** Whether the bad end without the culprit is good; undefined: nobody knows. */
export function revertPasses(state: State): boolean | undefined {
  const commit = state.revert?.commit;
  if (commit === undefined) return undefined;
  const { bad, good } = tallyOf(state, commit);
  if (bad > 0) return false;
  return good >= wantedRuns(state, 0) ? true : undefined;
}

/** What is left to do, roughly: commits that can be it, kernels to try, runs. */
export function remaining(state: State): {
  readonly commits: number;
  readonly kernels: number;
  readonly runs: number;
} {
  const field = fieldOf(state);
  const commits = field === undefined ? 0 : members(field.set).length;
  const kernels = commits < 2 ? 0 : Math.ceil(Math.log2(commits));
  const perKernel = state.plan?.runs ?? 1;
  const atTheEnd = state.plan === undefined ? 9 : wantedRuns(state, state.attempts.length);
  return { commits, kernels, runs: kernels * perKernel + atTheEnd };
}
