// What is remembered, and what is run again.
import { describe, expect, test } from 'vitest';
import {
  baseKey,
  isFinished,
  type Line,
  mutantKey,
  type ProjectFile,
  recall,
  suiteHashes,
} from './state.ts';
import { type Verdict, withoutResult } from './verdict.ts';

const verdict: Verdict = {
  outcome: 'caught',
  by: [{ kind: 'test', job: 'j', what: 't' }],
  rightType: true,
  otherTypes: [],
  buildMs: 1,
  testMs: 2,
};
const line = (key: string, outcome: Verdict['outcome'] = 'caught'): Line => ({
  kind: 'mutant',
  key,
  name: 'm',
  run: '/r',
  verdict: { ...verdict, outcome },
});
const base: Line = { kind: 'base', key: 'b', verdict: { suite: 's', green: true, why: '' } };
const text = (...lines: Line[]): string => lines.map((one) => `${JSON.stringify(one)}\n`).join('');

test('lines come back by key, the last one counts', () => {
  const memory = recall(text(line('a', 'missed'), base, line('c'), line('a')));
  expect([...memory.mutants.keys()]).toEqual(['a', 'c']);
  expect(memory.mutants.get('a')?.verdict.outcome).toBe('caught');
  expect(memory.bases.get('b')).toEqual(base);
});

test('a record that was cut anywhere loses at most its last line', () => {
  const whole = text(line('a'), line('b'));
  for (let length = 0; length < whole.length; length++) {
    const full = whole.slice(0, length).split('\n').length - 1;
    const known = recall(whole.slice(0, length)).mutants.size;
    // A line that lacks nothing but its end is whole.
    expect([full, full + 1]).toContain(known);
  }
});

test.each([
  '',
  'null',
  '[]',
  '{}',
  '{"kind":"mutant"}',
  '{"kind":"x","key":"k","verdict":{}}',
  '{',
])('garbage is left out: %s', (garbage) => {
  const memory = recall(`${garbage}\n${text(line('a'))}`);
  expect([memory.mutants.size, memory.bases.size]).toEqual([1, 0]);
});

test('a verdict stands as long as patch, kernel, suites and the choice of suites stay', () => {
  const suites = new Map([
    ['devdax', '1'],
    ['kmem', '2'],
  ]);
  const edited = new Map([...suites, ['kmem', '3']]);
  const around = { kernelKey: 'k', suites };
  const keys = [
    mutantKey(around, 'patch', ['devdax']),
    mutantKey(around, 'patch', ['devdax'], 'quick'),
    mutantKey(around, 'patch', ['devdax', 'kmem']),
    mutantKey(around, 'patch 2', ['devdax']),
    mutantKey({ ...around, kernelKey: 'k2' }, 'patch', ['devdax']),
    mutantKey({ ...around, suites: edited }, 'patch', ['devdax', 'kmem']),
    baseKey(around, 'devdax'),
    baseKey(around, 'kmem'),
    baseKey({ ...around, suites: edited }, 'kmem'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  // An edit of a suite that is not run changes nothing.
  expect(mutantKey({ ...around, suites: edited }, 'patch', ['devdax'])).toBe(keys[0]);
});

describe('what a suite is made of', () => {
  const files: ProjectFile[] = [
    ['suites/devdax/suite.yaml', 'types: []'],
    ['suites/devdax/edges.c', 'int main;'],
    ['suites/kmem/suite.yaml', 'sources: [../devdax/edges.c]'],
    ['suites/kmem-more/run.sh', 'exit'],
    ['images/init', 'init'],
  ];
  const names = ['devdax', 'kmem', 'kmem-more'];
  const before = suiteHashes(names, files);
  const changed = (path: string): string[] => {
    const after = suiteHashes(
      names,
      files.map(([name, content]) => [name, name === path ? `${content} ` : content]),
    );
    return names.filter((name) => before.get(name) !== after.get(name));
  };
  test.each<[string, string[]]>([
    ['suites/kmem/suite.yaml', ['kmem']],
    ['suites/devdax/edges.c', ['devdax', 'kmem']],
    ['suites/kmem-more/run.sh', ['kmem-more']],
    ['images/init', names],
  ])('an edit of %s', (path, suites) => {
    expect(changed(path)).toEqual(suites);
  });
  test('the order of files does not matter', () => {
    expect(suiteHashes(names, files.toReversed())).toEqual(before);
  });
});

test.each<[Verdict['outcome'], boolean]>([
  ['caught', true],
  ['missed', true],
  ['not applied', true],
  ['not built', true],
  ['unclear', false],
])('%s is finished: %s', (outcome, finished) => {
  expect(isFinished({ ...verdict, outcome })).toBe(finished);
});

test('a run without a result is unclear', () => {
  expect(isFinished(withoutResult('why'))).toBe(false);
});
