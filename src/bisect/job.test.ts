// What a bisection runs in a guest, made from a plan.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shapeJobs } from './job.ts';
import type { PlannedJob } from '../core/plan.ts';
import { commandTest, type Predicate } from '../core/predicate.ts';
import type { SuiteTest } from '../core/suite.ts';

const tests = ['one', 'two'].map((name): SuiteTest => ({
  ...{ name, run: ['./x'], timeoutMs: 1000, needs: { config: [] }, leaves: {}, cases: [] },
}));
const job = (suite: string, topology: string): PlannedJob =>
  ({
    id: `${suite}@${topology}`,
    suite: { name: suite },
    topology: { name: topology },
    tests,
    reproduce: '',
  }) as unknown as PlannedJob;
const jobs = [job('a', 'x'), job('b', 'x'), job('a', 'y')];
const shape = (predicate: Predicate): [string, string[]][] =>
  shapeJobs(jobs, predicate).map(({ id, tests: own }) => [id, own.map(({ name }) => name)]);

test('a boot is tried once per topology, with one test', () => {
  expect(shape({ kind: 'boot' }).map(([id, own]) => [id.split('@')[1], own])).toEqual([
    ['x', ['one']],
    ['y', ['one']],
  ]);
});

test('tests stay as they are planned', () => {
  expect(shape({ kind: 'splat', title: 'BUG' })).toHaveLength(3);
  expect(shape({ kind: 'test', path: ['a', 'one'], errorIsBad: false })).toHaveLength(3);
});

test.each([
  ['true', 0, '1..1\nok 1 - exit code 0\n'],
  ['echo "it said"; exit 3', 1, '1..1\n# it said\nnot ok 1 - exit code 3\n'],
  ['exit 125', 0, '1..1\nok 1 - exit code 125 # SKIP the command cannot tell\n'],
  ['echo not ok 1; echo Bail out!', 0, '1..1\n# not ok 1\n# Bail out!\nok 1 - exit code 0\n'],
  ["printf '%s' \"it's $0\"; cat", 0, "1..1\n# it's sh\nok 1 - exit code 0\n"],
])('the command `%s` as a test', (command, code, output) => {
  const [own] = shapeJobs(jobs, { kind: 'cmd', suite: 'a', command });
  const [only, ...others] = own?.tests ?? [];
  expect(others).toEqual([]);
  expect(only?.name).toBe(commandTest(command));
  const [program = '', ...argv] = only?.run ?? [];
  const dir = mkdtempSync(join(tmpdir(), 'pgmap-cmd-'));
  const env = { PATH: process.env['PATH'], TMPDIR: dir };
  const ran = spawnSync(program, argv, { encoding: 'utf8', env, input: 'unread' });
  expect(ran.stdout.replaceAll(/\n+/g, '\n')).toBe(output);
  expect(ran.status).toBe(code);
  expect(readdirSync(dir)).toEqual([]);
  rmSync(dir, { recursive: true });
});
