import { expect, test } from 'vitest';
import { randomFrom, randomHistory } from '../../testing/bisect-play.ts';
import { ancestors, candidates, makeGraph, makeRow, members, reach } from './graph.ts';

test('counts are those of a plain walk, in histories with merges of merges', () => {
  const random = randomFrom(3);
  for (let count = 0; count < 300; count++) {
    const graph = makeGraph(randomHistory(random, { maxCommits: 30 }).commits);
    const all = new Uint8Array(graph.ids.length).fill(1);
    const counts = reach(graph, all);
    for (const at of graph.ids.keys())
      expect(counts[at]).toBe(members(ancestors(graph, [at])).length);
  }
});

test('the fault is in what the bad has and the good has not', () => {
  // e merges b and d; both build on a.
  const graph = makeGraph([
    ['e', 'b', 'd'],
    ['d', 'c'],
    ['c', 'a'],
    ['b', 'a'],
    ['a', 'good'],
  ]);
  const named = (bad: string, ...good: string[]): string[] => {
    const at = (id: string): number => graph.index.get(id) ?? -1;
    return members(candidates(graph, [at(bad)], good.map(at))).map((one) => graph.ids[one] ?? '');
  };
  expect(named('e').sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(named('e', 'b').sort()).toEqual(['c', 'd', 'e']);
  expect(named('e', 'b', 'd')).toEqual(['e']);
  // d is bad, so it was not good that builds on it.
  expect(named('d', 'e').sort()).toEqual(['a', 'c', 'd']);
  expect(graph.open[graph.index.get('a') ?? -1]).toBe(true);
});

test('a row is a graph without branches', () => {
  const graph = makeRow(['one', 'two', 'three']);
  expect(graph.parents).toEqual([[], [0], [1]]);
  expect(graph.open).toEqual([true, false, false]);
});

test.each([
  [
    'parents before their children',
    [
      ['a', 'good'],
      ['b', 'a'],
    ],
  ],
  [
    'a commit twice',
    [
      ['b', 'a'],
      ['b', 'a'],
      ['a', 'good'],
    ],
  ],
  ['a commit that builds on itself', [['a', 'a']]],
])('%s: no topological order', (_, commits) => {
  expect(() => makeGraph(commits)).toThrow('topological order');
});
