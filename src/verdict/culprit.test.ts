// The first bad patch of rows whose outcomes are known, without any kernel.
import { expect, test } from 'vitest';
import type { Change, Culprit } from '../core/change.ts';
import { fold, type RunResult } from '../core/result.ts';
import { findCulprits } from './culprit.ts';

type Outcome = 'good' | 'bad' | 'skip';

const path = ['s', 'one'];
const worse: Change = { path, kind: 'regression', was: 'PASS', is: 'FAIL', job: 's@t' };

function came(outcome: Outcome): RunResult {
  const status = { good: 'PASS', bad: 'FAIL', skip: 'ERROR' } as const;
  return {
    ...fold([]),
    jobs: [
      {
        ...{ id: 's@t', topology: 't', suite: 's', types: [], status: 'PASS', ms: 1, steps: [] },
        ...{ splats: [], reproduce: '' },
        tests: [{ path, status: status[outcome], diagnostics: [] }],
      },
    ],
  };
}

/** Searches a row of outcomes, of which the last is bad, and says what it asked. */
async function find(row: readonly Outcome[]) {
  const asked: number[] = [];
  const patches = row.map((_, at) => ({
    ...{ number: at + 1, title: `patch ${at + 1}`, commit: `c${at}` },
  }));
  const [change] = await findCulprits([worse], {
    ...{ patches, total: row.length },
    shape: () => undefined,
    run({ number }) {
      asked.push(number);
      return Promise.resolve(came(row[number - 1] ?? 'skip'));
    },
  });
  const { number, upTo } = change?.patch ?? ({} as Partial<Culprit>);
  return { range: [number, upTo ?? number], asked };
}

test('the first bad one is found, wherever it is, in a logarithm of steps', async () => {
  for (let patches = 1; patches <= 24; patches++)
    for (let first = 1; first <= patches; first++) {
      const row = Array.from({ length: patches }, (_, index): Outcome =>
        index + 1 >= first ? 'bad' : 'good',
      );
      const { range, asked } = await find(row);
      expect(range).toEqual([first, first]);
      expect(asked.length).toBeLessThanOrEqual(Math.ceil(Math.log2(patches)));
    }
});

test.each<[Outcome[], [number, number]]>([
  [
    ['good', 'skip', 'bad'],
    [2, 3],
  ],
  [
    ['skip', 'skip', 'bad'],
    [1, 3],
  ],
  [
    ['skip', 'bad', 'bad'],
    [1, 2],
  ],
  [
    ['good', 'skip', 'skip', 'bad', 'bad'],
    [2, 4],
  ],
  [
    ['good', 'good', 'skip', 'good', 'bad'],
    [5, 5],
  ],
  [['bad'], [1, 1]],
])('what cannot be judged leaves a range: %j', async (row, wanted) => {
  const { range, asked } = await find(row);
  expect(range).toEqual(wanted);
  expect(new Set(asked).size).toBe(asked.length);
});

test('a series without patches has no culprit', async () => {
  const { range } = await find([]);
  expect(range).toEqual([undefined, undefined]);
});
