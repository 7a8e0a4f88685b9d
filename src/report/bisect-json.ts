// bisect.json: what a bisection came to, for programs. Its shape is configs/schema/bisect.json.
import { effortOf } from '../core/bisect/effort.ts';
import { type Answer, revertPasses } from '../core/bisect/next.ts';
import { goodEnds, type State, tallyOf } from '../core/bisect/state.ts';
import type { Step } from '../core/bisect/step.ts';
import { answerOf } from './bisect.ts';
import { escapeActing } from './json.ts';

/** Two spaces, one final newline; an unfinished bisection has the answer `unfinished`. */
export function bisectJson(state: State, steps: readonly Step[]): string {
  const { begin, plan, commits } = state;
  const answer: Answer | { readonly kind: 'unfinished' } = answerOf(state) ?? {
    kind: 'unfinished',
  };
  const report = {
    schema: 1,
    answer,
    ...{ predicate: begin.predicate, job: begin.job, tests: begin.tests ?? [] },
    ...{ bad: begin.bad, good: goodEnds(state), firstParent: begin.firstParent === true },
    ...{ startedAt: begin.startedAt, argv: begin.argv, settings: begin.settings },
    ...(plan === undefined ? {} : { rate: { ...plan.tries, atLeast: plan.low } }),
    ...(answer.kind === 'culprit' ? { proof: proofOf(state, answer.commit) } : {}),
    effort: effortOf(state, steps),
    commits: [...commits.values()],
  };
  return escapeActing(`${JSON.stringify(report, undefined, 2)}\n`);
}

function proofOf(state: State, culprit: string): object {
  const { again } = tallyOf(state, culprit);
  const bases = state.attempts.flatMap((kernel) => {
    const tally = state.tallies.get(kernel);
    return tally === undefined || tally.bad > 0 ? [] : [{ good: tally.confirmed }];
  });
  const { revert } = state;
  return { again, bases, ...(revert === undefined ? {} : { revert: revertOf(state, revert) }) };
}

function revertOf(state: State, { commit, why }: NonNullable<State['revert']>): object {
  if (commit === undefined) return { applies: false, ...(why === undefined ? {} : { why }) };
  const { bad, good } = tallyOf(state, commit);
  const passes = revertPasses(state);
  return { applies: true, commit, bad, good, ...(passes === undefined ? {} : { passes }) };
}
