// What a bisection came to: for the terminal, and as a mail to those whom it concerns.
import { effortOf } from '../core/bisect/effort.ts';
import { type Answer, next, remaining, revertPasses } from '../core/bisect/next.ts';
import { goodEnds, type State, tallyOf } from '../core/bisect/state.ts';
import type { Step } from '../core/bisect/step.ts';
import { describePredicate } from '../core/predicate.ts';
import { formatDuration } from '../core/units.ts';
import { visible, wrap } from './escape.ts';

export interface BisectFacts {
  readonly state: State;
  readonly steps: readonly Step[];
  /** One line that shows it again on a checked-out commit. */
  readonly reproduce: string;
  /** The commits are patches that nobody has yet, not history. */
  readonly series: boolean;
}

/** `1a2b3c4d5e6f ("its title")`, as the kernel's `Fixes:` lines have it; settings stand for themselves. */
export function nameCommit(id: string, commits: State['commits']): string {
  const short = /^[0-9a-f]{40,}$/.test(id) ? id.slice(0, 12) : id;
  const title = commits.get(id)?.title;
  return title === undefined ? short : `${short} ("${visible(title)}")`;
}

/** Undefined while there is none. */
export function answerOf(state: State): Answer | undefined {
  const todo = next(state);
  return todo.do === 'end' ? todo.answer : undefined;
}

/** All there is to say: the report, and the mail that can be made of it. */
export function wholeBisectReport(facts: BisectFacts): string {
  const mail = regressionMail(facts);
  return `${bisectReport(facts)}${mail === undefined ? '' : `\nA mail to send:\n\n${mail.replaceAll(/^(?=.)/gm, '  ')}`}`;
}

/** A screen of text. */
export function bisectReport(facts: BisectFacts): string {
  const { state } = facts;
  const { commits } = state;
  const answer = answerOf(state);
  const lines: string[] = [];
  const row = (label: string, text: string): void => {
    const [first = '', ...rest] = wrap(text, 88);
    lines.push(`${label.padEnd(8)}${first}`, ...rest.map((line) => `${' '.repeat(8)}${line}`));
  };
  lines.push(headline(answer, facts), '');
  if (answer?.kind === 'culprit') {
    const culprit = commits.get(answer.commit);
    if (culprit !== undefined) row('author', `${culprit.author}, ${culprit.date}`);
  }
  row('bad', describePredicate(state.begin.predicate));
  row('where', state.begin.job);
  for (const text of endLines(facts)) row('ends', text);
  const rate = rateLine(state);
  if (rate !== undefined) row('shows', rate);
  if (answer !== undefined && answer.kind !== 'none')
    row('sure', `${percent(answer.confidence)}${asked(state, answer.confidence)}`);
  if (answer?.kind === 'culprit')
    for (const text of proof(state, answer.commit)) row('proof', text);
  row('took', effort(facts));
  const builds = state.begin.more?.['builds'];
  if (typeof builds === 'string') row('builds', builds);
  if (answer?.kind === 'range') {
    lines.push('', 'One of these, oldest first:');
    for (const id of answer.commits) lines.push(`  ${nameCommit(id, commits)}`);
  }
  const hint = answer?.kind === 'none' ? hints[answer.code] : undefined;
  if (hint !== undefined) lines.push('', ...wrap(`hint: ${hint}`, 96));
  return lines.map((line) => `${line}\n`).join('');
}

/** By the code of what is no answer. */
const hints: Readonly<Record<string, string>> = {
  'bad-end-good':
    'If it shows at times, raise --patience; if the test is an ERROR there, add --error-is-bad.',
  'good-end-bad': 'Give an older --good, or none: then one is looked for.',
  'end-skipped':
    'Take a commit nearby that builds and boots, or get over it with --with-patch FIX.',
  'lab-failed': 'Mend it and go on with --resume.',
  'no-good-commit': 'Perhaps it was always so: look at what is called bad.',
  'two-faults': 'Take an older --bad, or a --splat or --test that only one of them shows.',
};

function headline(answer: Answer | undefined, { state }: BisectFacts): string {
  const { commits } = state;
  switch (answer?.kind) {
    case 'culprit':
      return `first bad ${state.begin.noRevert === true ? 'setting' : 'commit'}: ${nameCommit(answer.commit, commits)}`;
    case 'range':
      return `the first bad commit is one of ${answer.commits.length}: ${answer.reason}`;
    case 'none':
      return `no answer: ${visible(answer.reason)} [${answer.code}] at ${nameCommit(answer.commit, commits)}`;
    case undefined:
  }
  const { commits: left } = remaining(state);
  return `not finished${left === 0 ? '' : `: ${left} commits are left`}`;
}

const endLines = ({ state }: BisectFacts): string[] => [
  `bad ${nameCommit(state.begin.bad, state.commits)}`,
  ...goodEnds(state).map((id) => `good ${nameCommit(id, state.commits)}`),
];

function rateLine(state: State): string | undefined {
  const { plan, begin } = state;
  if (plan === undefined) return undefined;
  const { rate } = begin.settings;
  if (rate === 1) return 'each time, as told';
  if (rate !== undefined) return `in ${percent(rate)} of runs or more, as told`;
  const { bad, of } = plan.tries;
  return `in ${bad} of ${of} runs at the bad end: in ${percent(plan.low)} or more, ${percent(1 - plan.doubt)} sure`;
}

const asked = (state: State, confidence: number): string => {
  const { confidence: wanted, maxRuns } = state.begin.settings;
  return confidence >= wanted - 1e-9
    ? ''
    : `; ${percent(wanted)} was asked, which takes more than --max-runs ${maxRuns}`;
};

/** Downwards, so that nothing is surer than it is. */
const percent = (share: number): string => `${Math.floor(share * 1000 + 1e-6) / 10} %`;

function proof(state: State, culprit: string): string[] {
  const { again } = tallyOf(state, culprit);
  const base = state.attempts.flatMap((kernel) => {
    const tally = state.tallies.get(kernel);
    return tally === undefined || tally.bad > 0 ? [] : [tally.confirmed];
  });
  const lines = [];
  if (again.of > 0) lines.push(`it failed again in ${again.bad} of ${again.of} runs`);
  for (const runs of base) lines.push(`what it builds on was good in ${runs} of ${runs} more runs`);
  const { revert } = state;
  if (revert === undefined) return lines;
  const passes = revertPasses(state);
  if (revert.commit === undefined)
    lines.push(`it cannot be reverted on the bad end: ${revert.why ?? ''}`);
  else {
    const { bad, good, why } = tallyOf(state, revert.commit);
    lines.push(
      passes === undefined
        ? `the bad end with it reverted cannot be judged: ${why ?? ''}`
        : passes
          ? `the bad end with it reverted was good in ${good} of ${good} runs`
          : `the bad end with it reverted still failed in ${bad} of ${bad + good} runs: something else breaks it, too`,
    );
  }
  return lines;
}

function effort({ state, steps }: BisectFacts): string {
  const { kernels, searched, runs, ms } = effortOf(state, steps);
  const commits = state.range?.graph.ids.length ?? 0;
  const found = commits === 0 ? '' : ` (${searched} to search ${commits} commits)`;
  return `${kernels} kernels${found}, ${runs} runs, ${formatDuration(ms)}`;
}

/** What is left, for a view: `5 commits left, about 3 kernels, 2 min 10 s`. */
export function outlook(state: State, steps: readonly Step[], lanes: number): string {
  const { commits, kernels, runs } = remaining(state);
  if (commits === 0) return 'checking the ends';
  const mean = (values: readonly number[]): number =>
    values.length === 0 ? 0 : values.reduce((sum, one) => sum + one, 0) / values.length;
  const build = mean(steps.flatMap((step) => (step.type === 'image' ? [step.ms ?? 0] : [])));
  const run = mean(steps.flatMap((step) => (step.type === 'observe' ? [step.ms ?? 0] : [])));
  // Times are shares of what ran side by side already; the last runs fill all lanes, the first of a kernel does not.
  const ms = kernels * build + (runs - kernels) * run + kernels * run * Math.max(1, lanes);
  const time = ms === 0 ? '' : `, ${formatDuration(ms)}`;
  if (commits === 1) return `1 commit left, to be confirmed${time}`;
  return `${commits} commits left, about ${kernels} ${kernels === 1 ? 'kernel' : 'kernels'}${time}`;
}

/** One finished step in one line; undefined for what needs no line. */
export function stepLine(step: Step, commits: State['commits']): string | undefined {
  if (step.type === 'observe') {
    const ms = step.ms === undefined ? '' : `  ${formatDuration(step.ms)}`;
    const why = step.why === undefined ? '' : `  ${visible(step.why).slice(0, 200)}`;
    return `${step.outcome.padEnd(5)}  ${nameCommit(step.commit, commits)}${ms}${why}`;
  }
  if (step.type === 'revert' && step.commit === undefined)
    return `the culprit cannot be reverted on the bad end: ${visible(step.why ?? '')}`;
  return undefined;
}

/**
 * The culprit as a mail to its author and those who signed it, with what regzbot wants to read
 * (Documentation/process/handling-regressions.rst). Undefined without a culprit that is a commit with an author.
 */
export function regressionMail(facts: BisectFacts): string | undefined {
  const { state } = facts;
  const { commits } = state;
  const answer = answerOf(state);
  if (answer?.kind !== 'culprit') return undefined;
  const culprit = commits.get(answer.commit);
  if (culprit === undefined) return undefined;
  const what = describePredicate(state.begin.predicate);
  const header = (text: string): string => visible(text);
  const others = culprit.people.filter((one) => one !== culprit.author);
  const cc = [...(facts.series ? [] : ['regressions@lists.linux.dev']), ...others];
  const rate = rateLine(state);
  const paragraphs = [
    `since commit ${nameCommit(answer.commit, commits)}, ${visible(what)}.`,
    `It is the first bad commit between ${goodEnds(state)
      .map((id) => nameCommit(id, commits))
      .join(
        ', ',
      )} and ${nameCommit(state.begin.bad, commits)}, found by bisecting (${percent(answer.confidence)} sure).`,
    ...(rate === undefined ? [] : [`It shows ${rate}.`]),
  ];
  return [
    `To: ${header(culprit.author)}`,
    ...(cc.length === 0 ? [] : [`Cc: ${cc.map(header).join(',\n ')}`]),
    `Subject: ${facts.series ? '' : '[REGRESSION] '}${header(what).slice(0, 120)} since ${answer.commit.slice(0, 12)}`,
    '',
    'Hi,',
    '',
    ...paragraphs.flatMap((text) => [...wrap(text, 75), '']),
    ...proof(state, answer.commit).map((text) => `- ${visible(text)}`),
    '',
    'To see it:',
    '',
    ...(facts.series ? [] : [`  git checkout ${answer.commit}`]),
    `  ${visible(facts.reproduce)}`,
    '',
    ...((why) => (why === undefined ? [] : ['What it looks like:', '', `  ${visible(why)}`, '']))(
      tallyOf(state, answer.commit).why,
    ),
    ...(facts.series ? [] : [`#regzbot introduced: ${answer.commit}`, '']),
  ].join('\n');
}
