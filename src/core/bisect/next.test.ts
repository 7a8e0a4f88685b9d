// Bisections of random histories, played against a truth that the search does not see.
import { expect, test, vi } from 'vitest';
import {
  judgeAnswer,
  type Played,
  randomHistory,
  play,
  randomFrom,
  row,
} from '../../testing/bisect-play.ts';
import { next } from './next.ts';
import { foldSteps } from './state.ts';
import { defaults, type Outcome, type Purpose, type Step } from './step.ts';

// A second of work, and much more on a host that is busy.
vi.setConfig({ testTimeout: 120_000 });

// Another each time; PGMAP_SEED=N repeats one.
const seed = Number(process.env['PGMAP_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** What is allowed to be wrong so often by chance that a correct search fails less than once in 10^6 runs. */
const limit = (count: number, share: number): number =>
  count * share + 5 * Math.sqrt(count * share * (1 - share)) + 1;

test(`10,000 histories give the culprit, or a range with it, as surely as they say; seed ${seed}`, () => {
  const random = randomFrom(seed);
  const all = { count: 0, wrong: 0, doubt: 0 };
  const flaky = { ...all };
  const ends: Record<string, number> = {};
  for (let count = 0; count < 10_000; count++) {
    const history = randomHistory(random, { maxCommits: 16 });
    const played = play(history, random, { ...defaults, prove: false });
    const { answer } = played;
    const end = answer.kind === 'none' ? answer.code : answer.kind;
    ends[end] = (ends[end] ?? 0) + 1;
    if (answer.kind === 'none') continue;
    const verdict = judgeAnswer(history, played);
    // A fault that always shows leaves nothing to chance.
    if (verdict !== 'right') expect(history.rate, `${count}: ${verdict}`).toBeLessThan(1);
    for (const one of history.rate < 1 ? [all, flaky] : [all]) {
      one.count++;
      one.wrong += verdict === 'right' ? 0 : 1;
      one.doubt += 1 - answer.confidence;
    }
  }
  expect(all.doubt / all.count).toBeLessThan(0.01);
  for (const { count, doubt, wrong } of [all, flaky])
    expect(wrong).toBeLessThan(limit(count, doubt / count));
  expect(flaky.count).toBeGreaterThan(2000);
  expect(ends['culprit']).toBeGreaterThan(5000);
  expect(ends['range']).toBeGreaterThan(500);
  // Ten runs of the bad end that all pass, and a lab that fails three times in a row, do happen; nothing else does.
  expect(
    Object.keys(ends).filter((end) => !/^(culprit|range|bad-end-good|lab-failed)$/.test(end)),
  ).toEqual([]);
  expect(all.count).toBeGreaterThan(9900);
});

test(`where the asked confidence is low, no more is claimed than is so; seed ${seed}`, () => {
  const random = randomFrom(seed + 1);
  for (const settings of [
    { ...defaults, confidence: 0.7 },
    // So few runs that the asked confidence is out of reach: less is claimed.
    { ...defaults, maxRuns: 12, patience: 12 },
  ]) {
    let wrong = 0;
    let doubt = 0;
    let total = 0;
    for (let count = 0; count < 600; count++) {
      const history = { ...randomHistory(random, { maxCommits: 16 }), rate: 0.25 };
      const played = play(history, random, settings);
      if (played.answer.kind === 'none') continue;
      total++;
      doubt += 1 - played.answer.confidence;
      if (judgeAnswer(history, played) !== 'right') wrong++;
    }
    expect(total).toBeGreaterThan(300);
    expect(wrong).toBeLessThan(limit(total, doubt / total));
  }
});

test(`what fails once for another reason is no culprit; seed ${seed}`, () => {
  const random = randomFrom(seed + 3);
  let [right, wrong, none] = [0, 0, 0];
  for (let count = 0; count < 500; count++) {
    const plain = randomHistory(random, { maxCommits: 16 });
    const history = { ...plain, rate: 1, infra: 0, fluke: 0.01 };
    const played = play(history, random, defaults);
    // A good end that failed once ends it: nobody is blamed.
    if (played.answer.kind === 'none') none++;
    else if (judgeAnswer(history, played) === 'right') right++;
    else wrong++;
  }
  // Four failures of this kind in one commit make it the culprit: 1 of 100,000 histories, and three of 500 in one run of 10^8.
  expect(wrong).toBeLessThanOrEqual(2);
  expect(right).toBeGreaterThan(450);
  expect(none).toBeGreaterThan(0);
});

test('a clean row of n commits takes ceil(log2 n) kernels at most, wherever the fault is', () => {
  for (const size of [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65])
    for (let culprit = 0; culprit < size; culprit++) {
      const history = row(size, culprit);
      const { answer, kernels } = play(history, () => 0.5, { ...defaults, rate: 1 });
      expect(answer).toMatchObject({ kind: 'culprit', commit: history.culprit, confidence: 1 });
      expect(kernels).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
    }
});

test('a fault that always shows costs eight runs at the bad end and nine at the parent', () => {
  const played = play(row(64, 40), () => 0.5, defaults);
  expect(played.answer).toMatchObject({ kind: 'culprit' });
  const count = (purpose: string): number =>
    played.steps.filter((step) => step.type === 'observe' && step.purpose === purpose).length;
  expect(count('bad-end') + count('rate')).toBe(8);
  expect(count('confirm')).toBe(9);
  expect(count('search')).toBe(6);
  expect(count('culprit')).toBe(3);
});

test('eight commits in a row that do not build are left behind in a few tries', () => {
  const history = row(64, 50);
  const skipped = new Set(Array.from({ length: 8 }, (_, at) => `c${28 + at}`));
  const played = play({ ...history, skipped }, () => 0.5, { ...defaults, rate: 1 });
  expect(played.answer).toMatchObject({ kind: 'culprit', commit: 'c50' });
  expect(played.kernels).toBeLessThanOrEqual(9);
});

test('a culprit among those that do not build: they are the answer, with the reason', () => {
  const history = row(16, 7);
  const played = play({ ...history, skipped: new Set(['c6', 'c7', 'c8']) }, () => 0.5, defaults);
  expect(played.answer).toMatchObject({
    kind: 'range',
    commits: ['c6', 'c7', 'c8', 'c9'],
    reason: '3 of them cannot be judged (does not build)',
  });
});

test('without a good end: back in doubling steps, then as ever', () => {
  const history = row(100, 80);
  const { answer, steps } = play(history, () => 0.5, { ...defaults, rate: 1 }, { walk: true });
  expect(answer).toMatchObject({ kind: 'culprit', commit: 'c80' });
  expect(steps.flatMap((step) => (step.type === 'walk' ? [step.distance] : []))).toEqual([
    1, 2, 4, 8, 16, 32,
  ]);
});

test('what has been good is not given up for runs that cannot tell', () => {
  const { steps } = play(row(2, 1), () => 0.5, defaults);
  const at = steps.findIndex((step) => step.type === 'observe' && step.purpose === 'confirm');
  const observe = (outcome: Outcome): Step => ({
    ...{ type: 'observe', commit: 'c0', purpose: 'confirm', outcome, why: 'killed' },
  });
  const known = [...steps.slice(0, at), observe('good')];
  const skipped = [...known, observe('skip'), observe('skip'), observe('skip')];
  expect(next(foldSteps(skipped))).toMatchObject({ do: 'run', commit: 'c0', purpose: 'confirm' });
  // There is an end to it: then what it builds on has to do.
  const more = [...skipped, observe('skip'), observe('skip')];
  expect(next(foldSteps(more))).toMatchObject({ do: 'run', commit: 'good', purpose: 'confirm' });
});

const observed = (purpose: Purpose, commit: string, outcomes: string): Step[] =>
  outcomes.split('').map((one) => {
    const outcome = one === '-' ? 'bad' : 'good';
    return { type: 'observe', commit, purpose, outcome };
  });

/** c4 and c3 are on two branches that end in c5; all three build on c0. */
const forked: Step[] = [
  ...play(row(1, 0), () => 0.5, { ...defaults, rate: 0.9 })
    .steps.slice(0, 1)
    .map((step) => ({ ...step, bad: 'c5' })),
  ...observed('bad-end', 'c5', '-'),
  ...observed('good-end', 'good', '++++++++'),
  {
    type: 'graph',
    commits: [
      ['c5', 'c4', 'c3'],
      ['c4', 'c2'],
      ['c3', 'c1'],
      ['c2', 'c0'],
      ['c1', 'c0'],
      ['c0', 'good'],
    ],
  },
];

test('two branches that fail on a good commit: it is asked again, and so are they, before there are two faults', () => {
  const misled = [
    ...forked,
    ...observed('search', 'c0', '++'),
    ...observed('search', 'c4', '-'),
    ...observed('search', 'c3', '-'),
  ];
  const asked = next(foldSteps(misled));
  expect(asked).toMatchObject({ do: 'run', commit: 'c0', purpose: 'confirm' });
  const found = [...misled, ...observed('confirm', 'c0', '-')];
  expect(next(foldSteps(found))).toMatchObject({ do: 'run', commit: 'good', purpose: 'confirm' });
  const sure = [...misled, ...observed('confirm', 'c0', '+++')];
  expect(next(foldSteps(sure))).toMatchObject({ do: 'run', commit: 'c3', purpose: 'culprit' });
  const all = [...sure, ...observed('culprit', 'c3', '---'), ...observed('culprit', 'c4', '---')];
  expect(next(foldSteps(all))).toMatchObject({ do: 'end', answer: { code: 'two-faults' } });
});

test('three failures in many runs are not the fault that shows nearly always', () => {
  const { steps } = play(row(2, 1), () => 0.5, defaults);
  const at = steps.findIndex((step) => step.type === 'observe' && step.purpose === 'culprit');
  const known = steps.slice(0, at);
  const after = (outcomes: string): unknown =>
    next(foldSteps([...known, ...observed('culprit', 'c1', outcomes)]));
  expect(after('---')).toMatchObject({ do: 'revert', culprit: 'c1' });
  expect(after('+-+--')).toMatchObject({ do: 'revert', culprit: 'c1' });
  expect(after('+++++++-+++-++-')).toMatchObject({ do: 'run', commit: 'c1', runs: 1 });
  // Bad luck at first.
  expect(after('+++++++--------')).toMatchObject({ do: 'revert', culprit: 'c1' });
});

test('history may be too short to find a good commit', () => {
  const history = row(10, 0);
  const played = play({ ...history, goodIsBad: true }, () => 0.5, defaults, { walk: true });
  expect(played.answer).toMatchObject({ kind: 'none', code: 'no-good-commit' });
});

const ends: [string, Partial<Parameters<typeof play>[0]>, string][] = [
  ['a bad end that is good', { rate: 0 }, 'bad-end-good'],
  ['a good end that is bad', { goodIsBad: true }, 'good-end-bad'],
  ['a bad end that does not build', { skipped: new Set(['c9']) }, 'end-skipped'],
  ['a good end that does not build', { skipped: new Set(['good']) }, 'end-skipped'],
  ['a lab that fails', { infra: 1 }, 'lab-failed'],
];
test.each(ends)('%s ends with %s', (_, what, code) => {
  const played = play({ ...row(10, 5), ...what }, () => 0.5, defaults);
  expect(played.answer).toMatchObject({ kind: 'none', code });
});

test('a good end that only seems good is found out', () => {
  const random = randomFrom(7);
  let caught = 0;
  for (let count = 0; count < 50; count++) {
    const history = { ...row(10, 0), goodIsBad: true, rate: 0.5 };
    const { answer } = play(history, random, defaults);
    if (answer.kind === 'none' && answer.code === 'good-end-bad') caught++;
  }
  expect(caught).toBeGreaterThanOrEqual(48);
});

test('a commit with the kernel of a judged one is not run', () => {
  const history = row(16, 7);
  // Nothing but the culprit changes the kernel.
  const images = new Map(history.commits.map(([id = ''], at) => [id, at <= 8 ? 'new' : 'old']));
  images.set('good', 'old');
  const played = play({ ...history, images }, () => 0.5, { ...defaults, rate: 1 });
  expect(played.answer).toMatchObject({ kind: 'culprit', commit: 'c7' });
  const ran = played.steps.flatMap((step) =>
    step.type === 'observe' && step.purpose === 'search' ? [step.commit] : [],
  );
  expect(ran).toEqual([]);
});

test('the log alone gives the same state, and the same next step', () => {
  const random = randomFrom(seed + 2);
  for (let count = 0; count < 20; count++) {
    const played: Played = play(randomHistory(random, { maxCommits: 12 }), random, defaults);
    const { asked, steps, foldPrefix } = played;
    for (const [at, wanted] of asked) expect(next(foldPrefix(at))).toEqual(wanted);
    expect(steps.length).toBeGreaterThan(3);
  }
});

test.each([
  ['nothing', []],
  ['no beginning', [{ type: 'resume' }]],
  ['a beginning of nothing', [{ type: 'begin', version: 1 }]],
  ['another version', [{ type: 'begin', version: 2 }]],
  ['steps without what they should hold', ['graph', 'commit', 'begin']],
])('a log of %s is no log', (_, what) => {
  const { foldPrefix, steps } = play(row(2, 0), () => 0.5, defaults);
  expect(foldPrefix(1).begin).toEqual(steps[0]);
  const damaged = what.map((step) => (typeof step === 'string' ? { type: step } : step));
  const log = what.some((step) => typeof step === 'string') ? [steps[0], ...damaged] : damaged;
  expect(() => foldSteps(log as Step[])).toThrow('bad-log');
});

test('eight thousand commits with merges are chosen from in a moment', () => {
  const commits: string[][] = [];
  for (let at = 8000; at > 0; at--)
    commits.push([`c${at}`, `c${at - 1}`, ...(at % 14 === 0 ? [`c${Math.max(0, at - 9)}`] : [])]);
  const history = { ...row(1, 0), commits, culprit: 'c777', bad: 'c8000', good: 'c0' };
  const before = process.cpuUsage().user;
  const { answer } = play(history, () => 0.5, { ...defaults, rate: 1, prove: false });
  expect(answer).toMatchObject({ kind: 'culprit', commit: 'c777' });
  // Some 25 choices; microseconds of this process, however busy the host is.
  expect(process.cpuUsage().user - before).toBeLessThan(5e6);
});
