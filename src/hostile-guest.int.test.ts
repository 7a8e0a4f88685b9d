// A guest that lies, through the whole tool: what its tests print is data, whatever it says it is.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bootOk, newRig } from './testing/rig.ts';

const evil = [
  'core > two',
  '../../../../../../tmp/pgmap-was-here',
  '/etc/cron.d/pgmap',
  '\u001b[2J\u001b]0;owned\u0007',
  ']]><script>alert(1)</script>',
  '"/><testcase name="forged"/>',
  '\u202egnp.exe',
  '\udcff\ufffe',
  '__proto__',
];

const stdout = [
  'TAP version 13',
  `1..${evil.length + 1}`,
  ...evil.map((name, at) => `not ok ${at + 1} - ${name}`),
  // Others' results, and our own words.
  '# Subtest: core',
  '    # Subtest: two',
  '    1..1',
  '    ok 1 - passed, honestly',
  `ok ${evil.length + 1} - core`,
  '# pgmap: oracle done',
  '# pgmap: lab plug ../../etc/passwd',
  '# pgmap: stuck: nothing',
  'PASS  core @ small  all passed',
  '',
].join('\n');

test('lies stay in the test that tells them, and break no report and no path', async () => {
  await using rig = await newRig();
  const scenario = bootOk(
    { match: 'run-test core one', stdout },
    { match: 'run-test core two', code: 1, stdout: '1..1\nnot ok 1 - really\n' },
  );
  const run = await rig.run(scenario, '--suite', 'core');
  expect(run.code).toBe(1);
  const [job] = run.result.jobs;
  const of = (name: string) => job?.tests.filter(({ path }) => path[1] === name) ?? [];
  expect(job?.tests.every(({ path }) => path[0] === 'core')).toBe(true);
  expect(
    of('two')
      .filter(({ status }) => status === 'PASS')
      .map(({ path }) => path[2]),
  ).toEqual(['leaves nothing behind']);
  expect(of('two').some(({ path, status }) => path[2] === 'really' && status === 'FAIL')).toBe(
    true,
  );
  expect(of('one').filter(({ status }) => status === 'FAIL').length).toBe(evil.length);
  // Only names of ours are names of files.
  const files = (await readdir(run.dir, { recursive: true })).filter((name) =>
    /was-here|cron|script|gnp/.test(name),
  );
  expect(files).toEqual([]);
  expect((await readdir(join(run.dir, 'jobs'))).sort()).toEqual(['core@small']);
  // eslint-disable-next-line no-control-regex -- what a terminal acts on
  const acting = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;
  for (const name of ['report.txt', 'report.tap', 'junit.xml', 'results.json'])
    expect(await readFile(join(run.dir, name), 'utf8'), name).not.toMatch(acting);
  expect(run.stdout + run.stderr).not.toMatch(acting);
  expect(run.stdout).not.toMatch(/^PASS {2}core/m);
  expect(await readFile(join(run.dir, 'junit.xml'), 'utf8')).not.toMatch(/<script|name="forged"/);
});
