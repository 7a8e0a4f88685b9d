import { expect, test } from 'vitest';
import type { Suite, SuiteTest } from './suite.ts';
import { skippedIn, suiteIn, type Variant, wordsOf } from './variant.ts';

const variant: Variant = {
  ...{ name: 'kasan', description: 'd', fragment: 'CONFIG_KASAN=y\n', required: ['KASAN'] },
  ...{ slower: 4, append: ['slub_debug=-'], findsLeaks: false },
  allow: [
    { splat: '^everywhere$', reason: 'because of that' },
    { splat: '^suite$', during: ['other', 'hmm'], reason: 'because of that' },
    { splat: '^tests$', during: ['hmm > one', 'other > two', 'hmm > three'], reason: 'so it is' },
    { splat: '^elsewhere$', during: ['other > one'], reason: 'because of that' },
  ],
  skip: [
    { test: 'hmm > one', reason: 'the stock kernel fails' },
    { test: 'hmm > two', topologies: ['nvdimm'], reason: 'too little memory' },
  ],
};

const one: SuiteTest = {
  ...{ name: 'one', run: ['./x'], timeoutMs: 1000, needs: { config: [] }, leaves: {}, cases: [] },
};
const suite: Suite = {
  ...{ name: 'hmm', description: 'd', types: [], topologies: [], nightly: false, config: [] },
  ...{ modules: [], programs: [], tests: [one] },
  allow: [{ splat: '^own$', reason: 'its own' }],
  append: ['own=1'],
};

test("a variant's words stand last, so that they win", () => {
  expect(suiteIn(variant, suite).append).toEqual([
    'own=1',
    'pgmap.slower=4',
    'watchdog_thresh=40',
    'rcupdate.rcu_cpu_stall_timeout=84',
    'sysctl.kernel.hung_task_timeout_secs=80',
    'slub_debug=-',
  ]);
});

test('the kernel takes its limits only so far', () => {
  const words = wordsOf({ ...variant, slower: 50, append: [] });
  expect(words).toEqual([
    'pgmap.slower=50',
    'watchdog_thresh=60',
    'rcupdate.rcu_cpu_stall_timeout=300',
    'sysctl.kernel.hung_task_timeout_secs=1000',
  ]);
});

test('exceptions of other suites do not count, and those of tests lose the name of the suite', () => {
  expect(suiteIn(variant, suite).allow).toEqual([
    { splat: '^own$', reason: 'its own' },
    { splat: '^everywhere$', reason: 'because of that' },
    { splat: '^suite$', reason: 'because of that' },
    { splat: '^tests$', during: ['one', 'three'], reason: 'so it is' },
  ]);
});

test('the plain suite stays as it is', () => {
  const before = JSON.stringify(suite);
  suiteIn(variant, suite);
  expect(JSON.stringify(suite)).toBe(before);
});

test.each([
  ['hmm > one', 'nvdimm', 'not with --variant kasan: the stock kernel fails'],
  ['hmm > one', 'hotplug', 'not with --variant kasan: the stock kernel fails'],
  ['hmm > two', 'nvdimm', 'not with --variant kasan: too little memory'],
  ['hmm > two', 'hotplug', undefined],
  ['hmm > three', 'nvdimm', undefined],
])('%s on %s', (path, topology, reason) => {
  expect(skippedIn(variant, topology, path)).toBe(reason);
});
