import { expect, test } from 'vitest';
import type { RunResult } from '../../core/result.ts';
import type { Fault } from './faults.ts';
import { type Evidence, judge } from './judge.ts';

const fault: Fault = {
  ...{ name: 'crash', what: 'crashes', test: 'crash' },
  expect: {
    ...{ status: 'FAIL', owner: 'series', code: 'guest-crashed' },
    ...{ reports: [/^panic: x$/], says: /panic/, withinMs: 5000 },
  },
};

/** Of a run in which all was as it must be, but for `job` and what stands in `more`. */
function evidence(job: object = {}, more: Partial<Evidence> = {}): Evidence {
  const whole = {
    ...{ id: 'faults@bare', suite: 'faults', status: 'FAIL' },
    failure: { blame: 'series', code: 'guest-crashed', title: 'panic: x' },
    splats: [{ title: 'panic: x' }, { title: 'WARNING in y', allowed: 'it is meant' }],
    tests: [
      { path: ['faults', 'crash'], status: 'FAIL' },
      { path: ['faults', 'next', 'survives'], status: 'PASS' },
    ],
    ...job,
  };
  return {
    result: { jobs: [whole] } as unknown as RunResult,
    ...{ said: 'a panic', complaints: '', code: 1, late: false, left: [], ms: 4000 },
    ...more,
  };
}

test('all as it must be', () => {
  const outcome = judge(fault, evidence(), true);
  expect(outcome.wrong).toEqual([]);
  expect(outcome.got).toBe('FAIL, series/guest-crashed, panic: x');
});

const passed = { path: ['faults', 'crash'], status: 'PASS' };
const next = { path: ['faults', 'next'], status: 'PASS' };

test.each<[string, object, Partial<Evidence>, string]>([
  ['another status', { status: 'ERROR' }, {}, 'status ERROR'],
  ['another owner', { failure: { blame: 'lab', code: 'guest-crashed' } }, {}, 'owner lab'],
  ['another code', { failure: { blame: 'series', code: 'guest-hung' } }, {}, 'code guest-hung'],
  ['no report', { splats: [] }, {}, 'no report ^panic: x$'],
  ['one too many', { splats: [{ title: 'panic: x' }, { title: 'z' }] }, {}, 'nobody asked for: z'],
  ['the test passes', { tests: [passed, next] }, {}, 'its test is PASS'],
  [
    'the next did not run',
    { tests: [{ ...passed, status: 'FAIL' }] },
    {},
    'next test did not pass',
  ],
  ['nothing is said of it', {}, { said: '' }, 'no /panic/'],
  ['a process stays', {}, { left: ['1 qemu'] }, 'left behind: 1 qemu'],
  ['too slow', {}, { ms: 5001 }, '5001 ms'],
  ['no end', {}, { late: true }, 'did not come to an end'],
])('wrong: %s', (_, job, more, why) => {
  expect(judge(fault, evidence(job, more), true).wrong.join('; ')).toContain(why);
});

test('a run without a result is wrong, whatever it said', () => {
  const { result: _, ...none } = evidence();
  expect(judge(fault, none, true).wrong.join()).toContain('no result');
});

test('time does not count where it is not asked for', () => {
  expect(judge(fault, evidence({}, { ms: 60_000 }), false).wrong).toEqual([]);
});
