// The report as it is printed.
import { expect, test } from 'vitest';
import { benchReport, evidenceText } from './table.ts';
import type { Verdict } from './verdict.ts';

const verdict = (outcome: Verdict['outcome'], more: Partial<Verdict> = {}): Verdict => ({
  outcome,
  by: [],
  otherTypes: [],
  buildMs: 61_000,
  testMs: 21_400,
  ...more,
});

test('a row per mutant, then totals per type', () => {
  const generic = ['MEMORY_DEVICE_GENERIC'];
  const report = benchReport([
    {
      mutant: { name: 'a-hang', types: generic },
      verdict: verdict('caught', {
        rightType: true,
        by: [{ kind: 'hang', job: 'devdax@nvdimm', what: 'it goes' }],
      }),
    },
    {
      mutant: { name: 'b-wrong', types: ['MEMORY_DEVICE_FS_DAX', ...generic] },
      verdict: verdict('caught', {
        rightType: false,
        otherTypes: ['MEMORY_DEVICE_DEVDAX', 'MEMORY_DEVICE_PRIVATE'],
        by: [{ kind: 'test', job: 'hmm@x', what: 'data' }],
      }),
    },
    {
      mutant: { name: 'd', types: generic },
      verdict: verdict('caught', { rightType: true, exact: false }),
    },
    { mutant: { name: 'c', types: [] }, verdict: verdict('missed') },
  ]);
  expect(report).toBe(
    [
      'mutant   type            verdict  right type        build      tests   by',
      'a-hang   GENERIC         caught   yes               1 min 1 s  21.4 s  hang: devdax@nvdimm it goes',
      'b-wrong  FS_DAX GENERIC  caught   no, also PRIVATE  1 min 1 s  21.4 s  hmm@x data',
      'd        GENERIC         caught   among others      1 min 1 s  21.4 s',
      'c        all             missed                     1 min 1 s  21.4 s',
      '',
      'type      mutants  caught  right type',
      'FS_DAX    1        1       0',
      'GENERIC   3        3       2',
      'all       1        0       0',
      'in total  4        3       2',
      '',
    ].join('\n'),
  );
});

test('long evidence is cut and the rest is counted', () => {
  const one = { kind: 'test', job: 'j', what: 'x'.repeat(200) } as const;
  const text = evidenceText([one, { ...one, kind: 'splat', what: 'short' }, one, one]);
  expect(text).toMatch(/^j x{89}…; splat: j short; 2 more$/);
});
