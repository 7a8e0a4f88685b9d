// Whether a fault came to what it must: status, owner, code, titles, the next test, and nothing left behind.
import type { JobResult } from '../../core/job-result.ts';
import type { RunResult } from '../../core/result.ts';
import { type Status, worst } from '../../core/status.ts';
import type { Expected, Fault } from './faults.ts';

/** What there is to look at when the run is over. */
export interface Evidence {
  /** Absent if the run left none. */
  readonly result?: RunResult;
  /** The plain report. */
  readonly said: string;
  readonly complaints: string;
  readonly code: number | null;
  /** The bench lost its patience. */
  readonly late: boolean;
  /** Files and processes that should be gone. */
  readonly left: readonly string[];
  /** Milliseconds from the fault to the next test. */
  readonly ms?: number;
}

export interface Outcome {
  readonly fault: Fault;
  readonly expected: string;
  readonly got: string;
  readonly ms?: number;
  /** What is wrong; nothing if all is as it must be. */
  readonly wrong: readonly string[];
  /** The kernel does not have what it takes. */
  readonly skipped?: string;
}

/** `timed`: whether it must also be as quick as promised. */
export function judge(fault: Fault, evidence: Evidence, timed: boolean): Outcome {
  const { expect } = fault;
  const wrong: string[] = [];
  const check = (is: boolean, what: string): void => {
    if (!is) wrong.push(what);
  };
  check(!evidence.late, 'the run did not come to an end');
  check(evidence.left.length === 0, `left behind: ${evidence.left.slice(0, 4).join(', ')}`);
  const id = fault.suite === undefined ? 'faults@bare' : `${fault.suite}@bare`;
  const job = evidence.result?.jobs.find((one) => one.id === id);
  const next = evidence.result?.jobs
    .find((one) => one.suite === 'faults')
    ?.tests.filter((point) => point.path[1] === 'next');
  check(worst(next?.map(({ status }) => status) ?? []) === 'PASS', 'the next test did not pass');
  if (job === undefined) {
    const last = evidence.complaints.trimEnd().split('\n').slice(-3).join(' / ');
    wrong.push(`no result, exit code ${evidence.code}: ${last}`);
    return { fault, expected: words(expect), got: 'nothing', wrong };
  }
  const failure = job.failure;
  const own = job.tests.filter((point) => point.path[1] === fault.test);
  const test = fault.test === undefined ? undefined : worst(own.map(({ status }) => status));
  const titles = job.splats.flatMap(({ allowed, title }) => (allowed === undefined ? title : []));
  check(job.status === expect.status, `status ${job.status}`);
  if (test !== undefined && expect.status !== 'PASS')
    check(!['PASS', 'SKIP'].includes(test), `its test is ${test}`);
  if (expect.test !== undefined) check(test === expect.test, `its test is ${test}`);
  const codes = (expect.code ?? '').split('|');
  check(codes.includes(failure?.code ?? ''), `code ${failure?.code ?? 'none'}`);
  if (failure !== undefined || expect.code !== undefined)
    check(
      failure?.blame === expect.owner || (failure === undefined && codes.includes('')),
      `owner ${failure?.blame ?? 'nobody'}`,
    );
  if (expect.reports !== undefined || expect.status !== 'FAIL') checkReports(expect, titles, check);
  if (expect.says !== undefined) check(expect.says.test(evidence.said), `no ${expect.says} in it`);
  const { ms } = evidence;
  if (timed && expect.withinMs !== undefined)
    check(ms !== undefined && ms <= expect.withinMs, `${ms ?? '?'} ms to the next test`);
  return {
    ...{ fault, expected: words(expect), got: gotOf(job, titles), wrong },
    ...(ms === undefined ? {} : { ms }),
  };
}

function checkReports(
  { reports: wanted = [], also = [] }: Expected,
  titles: readonly string[],
  check: (is: boolean, what: string) => void,
): void {
  for (const want of wanted)
    check(
      titles.some((title) => want.test(title)),
      `no report ${want.source}`,
    );
  const others = titles.filter((title) => ![...wanted, ...also].some((one) => one.test(title)));
  check(others.length === 0, `reports that nobody asked for: ${others.slice(0, 3).join(', ')}`);
}

const words = ({ status, owner, code, reports = [] }: Expected): string =>
  line(
    status,
    owner,
    code,
    reports.map((one) => one.source.replace(/^\^|\$$/g, '')),
  );

const gotOf = (job: JobResult, titles: readonly string[]): string =>
  line(job.status, job.failure?.blame, job.failure?.code, [...new Set(titles)]);

const line = (
  status: Status,
  owner: string | undefined,
  code: string | undefined,
  titles: readonly string[],
): string =>
  [status, ...(owner === undefined ? [] : [`${owner}/${code ?? ''}`]), ...titles].join(', ');
