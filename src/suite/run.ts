// Runs the tests of one suite in a booted guest and says what each came to. It knows neither ssh nor TAP: both are
// handed in, so that the rules here can be tested without either.
import type { TestPoint } from '../core/event.ts';
import { FailureError } from '../core/failure.ts';
import { limits } from '../core/limits.ts';
import { oracles, type Suite, type SuiteTest } from '../core/suite.ts';
import { newOracle } from './oracle.ts';

/** What a program's TAP came to; tap/parse.ts gives it. */
interface TapEnd {
  readonly status: TestPoint['status'];
  readonly problems: readonly string[];
  readonly plan?: { readonly skipAll?: string };
  readonly points: number;
}

export interface SuiteHost {
  /** Runs a program in the guest; rejects with `lab/connection-lost` when the guest goes away. */
  exec(
    argv: readonly string[],
    options: {
      readonly signal: AbortSignal;
      readonly onStdout: (chunk: Buffer) => void;
      readonly interactive: (write: (text: string) => void) => void;
    },
  ): Promise<{ readonly code: number | undefined; readonly stderr: string }>;
  parseTap(onPoint: (point: TestPoint) => void): {
    write(chunk: Buffer): void;
    end(): TapEnd;
  };
  /** Resets the machine as its button does; `exec` then goes to the guest that has booted. */
  reset(): Promise<void>;
  /** Does what a test asked of the machine: `plug dimm0`. Answers `ok` or `error TEXT`. */
  lab(request: string): Promise<string>;
  onPoint(point: TestPoint): void;
  /** The program's raw output, for tap.log. */
  onOutput(chunk: Buffer): void;
  /** Why a test makes no sense here; undefined if it does. */
  unmet(test: SuiteTest): string | undefined;
  /**
   * Whether the guest still answers: a program of it ran and ended within a few seconds. `partly` if it did, but not all of
   * its CPUs get on; `unknown` if this host is too busy to tell. Never rejects.
   */
  answers(): Promise<'yes' | 'partly' | 'no' | 'unknown'>;
  /** Sleeps; ends early, and quietly, with `signal` or when everything is to end. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly timeoutScale: number;
}

/** Exit codes of images/lib/run-test. */
const timedOut = 124;
const stuck = 125;
/** On top of a test's limit: run-test's own eight seconds after SIGKILL, and a slow connection. */
const graceMs = 25_000;
/** After a test's limit run-test has its say; before that, silence means nothing. */
const silenceMs = 1_000;
/** Pause between two questions whether the guest is still there. */
const askMs = 3_000;

/**
 * Runs the given tests in order. Returns those that are left because the kernel is no longer fit to be tested: it has
 * oopsed, or holds a task for ever. Rejects when the guest is gone, or with FailureError `lab/guest-silent` or
 * `test/test-overdue` when a test's time is up and the guest does not answer any more, or does but cannot end the test.
 */
export async function runSuite(
  suite: Suite,
  tests: readonly SuiteTest[],
  host: SuiteHost,
): Promise<readonly SuiteTest[]> {
  for (const [at, test] of tests.entries()) {
    const reason = host.unmet(test);
    if (reason !== undefined)
      host.onPoint({
        path: [suite.name, test.name],
        status: 'SKIP',
        directive: { name: 'SKIP', reason },
        diagnostics: [],
      });
    else if ((await runTest(suite, test, host)) === 'unfit') return tests.slice(at + 1);
  }
  return [];
}

async function runTest(suite: Suite, test: SuiteTest, host: SuiteHost): Promise<'fit' | 'unfit'> {
  const { reset } = test;
  if (reset === undefined) return (await runPart(suite, test, test.run, host)).guest;
  const before = await runPart(suite, { ...test, leaves: allLeft }, test.run, host);
  if (!before.passed) return before.guest;
  await host.reset();
  return (await runPart(suite, test, reset, host)).guest;
}

/** What is left when the machine is about to be reset is left to the reset. */
const allLeft = Object.fromEntries(
  oracles.map((name) => [name, 'the machine is reset']),
) as SuiteTest['leaves'];

interface PartEnd {
  readonly passed: boolean;
  /** Whether the guest is good for another test. */
  readonly guest: 'fit' | 'unfit';
}

async function runPart(
  suite: Suite,
  test: SuiteTest,
  argv: readonly string[],
  host: SuiteHost,
): Promise<PartEnd> {
  const own = [suite.name, test.name];
  let last = performance.now();
  const tap = host.parseTap((point) => {
    const now = performance.now();
    host.onPoint({ ...point, path: [...own, ...point.path], ms: Math.round(now - last) });
    last = now;
  });
  const limitMs = test.timeoutMs * host.timeoutScale;
  const requests = labRequests(host);
  const stuckLines: string[] = [];
  const oracle = newOracle(test, suite.allow);

  const leaves = Object.keys(test.leaves).join(' ');
  const limit = String(seconds(limitMs));
  const command = ['/pgmap/lib/run-test', suite.name, test.name, limit, leaves, ...argv];
  const run = (signal: AbortSignal) =>
    host.exec(command, {
      signal,
      onStdout(chunk) {
        host.onOutput(chunk);
        for (const line of requests.lines(chunk)) {
          oracle.line(line);
          if (line.startsWith('# pgmap: stuck: ') && stuckLines.length < limits.diagnosticLines)
            stuckLines.push(line.slice(16, 16 + limits.nameCharacters));
        }
        tap.write(chunk);
      },
      interactive: requests.answerWith,
    });
  const done = await whileItAnswers(host, limitMs, run);
  const end = tap.end();
  const left = oracle.point(own, done.code === timedOut || done.code === stuck);
  // One that tested nothing is not better for leaving nothing.
  if (left !== undefined && (left.status !== 'PASS' || end.status !== 'SKIP')) host.onPoint(left);

  const verdict = (status: TestPoint['status'], diagnostics: readonly string[]): void =>
    host.onPoint({ path: own, status, diagnostics });
  if (done.code === stuck)
    verdict('FAIL', ['stuck in the kernel: SIGKILL does not end it', ...stuckLines]);
  else if (done.code === timedOut) verdict('ERROR', [`killed: not done after ${limit} s`]);
  else if (end.problems.length > 0)
    verdict('ERROR', [...end.problems, ...exitNote(done.code), ...tail(done.stderr)]);
  else if (end.plan?.skipAll !== undefined)
    host.onPoint({
      path: own,
      status: 'SKIP',
      directive: { name: 'SKIP', reason: end.plan.skipAll },
      diagnostics: [],
    });
  else if (done.code !== 0 && (end.status === 'PASS' || end.status === 'SKIP'))
    verdict('ERROR', [
      `its results are ${end.status}, but it ${exitNote(done.code)[0] ?? 'failed'}`,
      ...tail(done.stderr),
    ]);
  return {
    passed: done.code === 0 && end.status === 'PASS',
    guest: done.code === stuck || oracle.died() ? 'unfit' : 'fit',
  };
}

/** Runs a test, and gives it up when its time is over and the guest is not there to say so. */
async function whileItAnswers<T>(
  host: SuiteHost,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const gaveUp = new AbortController();
  const watch = async (): Promise<void> => {
    await host.pause(limitMs + silenceMs, over.signal);
    for (let late = silenceMs; !over.signal.aborted && !host.signal.aborted; late += askMs) {
      const there = await host.answers();
      if (over.signal.aborted) return;
      if (there === 'partly') gaveUp.abort(stuckCpu(limitMs));
      else if (there === 'no' || (there === 'unknown' && late > graceMs))
        gaveUp.abort(silent(limitMs));
      else if (late > graceMs) gaveUp.abort(overdue(limitMs));
      else await host.pause(askMs, over.signal);
      if (gaveUp.signal.aborted) return;
    }
  };
  void watch();
  try {
    return await work(AbortSignal.any([host.signal, gaveUp.signal]));
  } finally {
    over.abort();
  }
}

const silent = (limitMs: number): FailureError =>
  new FailureError({
    blame: 'lab',
    code: 'guest-silent',
    title: `not done after ${seconds(limitMs)} s, and the guest does not answer any more`,
  });

const stuckCpu = (limitMs: number): FailureError =>
  new FailureError({
    blame: 'lab',
    code: 'guest-silent',
    title: `not done after ${seconds(limitMs)} s, and a CPU of the guest takes no interrupts any more`,
  });

const overdue = (limitMs: number): FailureError =>
  new FailureError({
    blame: 'test',
    code: 'test-overdue',
    title: `not done after ${seconds(limitMs)} s; the guest answers, but cannot put an end to it`,
  });

const seconds = (ms: number): number => Math.ceil(ms / 1000);

const exitNote = (code: number | undefined): string[] =>
  code === 0 ? [] : [code === undefined ? 'ended by a signal' : `exited with ${code}`];

const tail = (text: string): string[] =>
  text.slice(-limits.diagnosticCharacters).trimEnd().split('\n').filter(Boolean).slice(-5);

/** Watches a program's output for `# pgmap: lab REQUEST` lines and answers each on its standard input. */
function labRequests(host: SuiteHost): {
  lines(chunk: Buffer): string[];
  answerWith(write: (text: string) => void): void;
} {
  const prefix = '# pgmap: lab ';
  let rest = '';
  let asked = 0;
  let answer = (_text: string): void => undefined;
  return {
    answerWith(write) {
      answer = write;
    },
    lines(chunk) {
      const parts = (rest + chunk.toString('latin1')).split('\n');
      // Requests are short: of a line that has no end, only the beginning is of interest.
      rest = (parts.pop() ?? '').slice(0, 4096);
      for (const line of parts)
        if (line.startsWith(prefix) && ++asked <= limits.requestsPerTest)
          host.lab(line.slice(prefix.length)).then(
            (text) => answer(`${text.replaceAll('\n', ' ')}\n`),
            (error: unknown) => answer(`error ${reasonOf(error)}\n`),
          );
      return parts;
    },
  };
}

const reasonOf = (error: unknown): string =>
  (error instanceof FailureError ? error.failure.title : String(error)).replaceAll('\n', ' ');
