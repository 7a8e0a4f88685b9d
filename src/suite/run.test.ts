import { expect, test } from 'vitest';
import type { TestPoint } from '../core/event.ts';
import { FailureError } from '../core/failure.ts';
import type { Suite, SuiteTest } from '../core/suite.ts';
import { oraclePoint } from './oracle.ts';
import { runSuite, type SuiteHost } from './run.ts';

const named = (name: string, timeoutMs = 2_500): SuiteTest => ({
  name,
  run: ['./x', '-v'],
  timeoutMs,
  needs: { config: [] },
  leaves: {},
  cases: [],
});
const suite: Suite = {
  ...{ name: 's', description: 's', types: [], topologies: ['t'], tests: [named('one')] },
  ...{ nightly: false, config: [], modules: [], programs: [], allow: [], append: [] },
};

type End = ReturnType<ReturnType<SuiteHost['parseTap']>['end']>;

/** What a program did: output, exit code, and what its TAP came to. */
interface Played {
  readonly stdout?: readonly string[];
  readonly stderr?: string;
  readonly code?: number | undefined;
  readonly points?: readonly TestPoint[];
  readonly end?: Partial<End>;
  /** It dies before it comes to its end; else run-test has the last word. */
  readonly oracle?: 'silent';
}

const oracleDone = '\n# pgmap: oracle done\n';

function play(program: Played, host: Partial<SuiteHost> = {}) {
  const points: TestPoint[] = [];
  const argvs: (readonly string[])[] = [];
  const output: Buffer[] = [];
  const parsed: Buffer[] = [];
  const answers: string[] = [];
  const patience: number[] = [];
  const whole: SuiteHost = {
    async exec(argv, options) {
      argvs.push(argv);
      options.interactive((text) => answers.push(text));
      for (const text of program.stdout ?? []) options.onStdout(Buffer.from(text));
      if (program.oracle !== 'silent' && program.code !== 124 && program.code !== 125)
        options.onStdout(Buffer.from(oracleDone));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { code: 'code' in program ? program.code : 0, stderr: program.stderr ?? '' };
    },
    parseTap: (onPoint) => ({
      write: (chunk) => void parsed.push(chunk),
      end() {
        for (const point of program.points ?? []) onPoint(point);
        const count = program.points?.length ?? 0;
        return { status: 'PASS', problems: [], points: count, ...program.end };
      },
    }),
    async reset() {
      argvs.push(['reset']);
    },
    lab: async (request) => `did ${request}`,
    onPoint: (point) => points.push(point),
    onOutput: (chunk) => output.push(chunk),
    unmet: () => undefined,
    answers: () => Promise.resolve('yes'),
    pause(ms) {
      patience.push(ms);
      return new Promise(() => undefined);
    },
    signal: new AbortController().signal,
    timeoutScale: 1,
    ...host,
  };
  return { whole, points, argvs, output, parsed, answers, patience };
}

const pass: TestPoint = { path: ['case'], status: 'PASS', diagnostics: [] };
const fail: TestPoint = { path: ['case'], status: 'FAIL', diagnostics: ['why'] };

/** What a program came to, without its own points: status and first diagnostic. */
const verdict = async (program: Played) => {
  const stage = play(program);
  await runSuite(suite, suite.tests, stage.whole);
  const own = stage.points.filter((point) => point.path.length === 2);
  return own.map((point) => [point.status, point.directive?.reason ?? point.diagnostics[0]]);
};

test.each<[string, Played, unknown[]]>([
  ['points and exit code 0 speak for themselves', { points: [pass] }, []],
  ['so does not ok with exit code 1', { points: [fail], code: 1, end: { status: 'FAIL' } }, []],
  [
    'green results, red exit code',
    { points: [pass], code: 1 },
    [['ERROR', 'its results are PASS, but it exited with 1']],
  ],
  [
    'only skips, red exit code',
    { points: [pass], code: 2, end: { status: 'SKIP' } },
    [['ERROR', 'its results are SKIP, but it exited with 2']],
  ],
  [
    'green results, killed',
    { points: [pass], code: undefined },
    [['ERROR', 'its results are PASS, but it ended by a signal']],
  ],
  ['run out of time', { points: [pass], code: 124 }, [['ERROR', 'killed: not done after 3 s']]],
  ['stuck', { code: 125 }, [['FAIL', 'stuck in the kernel: SIGKILL does not end it']]],
  [
    'no TAP',
    { end: { status: 'ERROR', problems: ['no plan and no result'] } },
    [['ERROR', 'no plan and no result']],
  ],
  [
    'everything skipped, as kselftest says it',
    { code: 4, end: { status: 'SKIP', plan: { skipAll: 'no device' } } },
    [['SKIP', 'no device']],
  ],
])('%s', async (_, program, wanted) => {
  expect(await verdict(program)).toEqual(wanted);
});

test('points stand below suite and test, with the time since the one before', async () => {
  const stage = play({ points: [pass, { ...fail, path: ['group', 'deep'] }] });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.points.map((point) => point.path)).toEqual([
    ['s', 'one', 'case'],
    ['s', 'one', 'group', 'deep'],
    ['s', 'one', oraclePoint],
  ]);
  for (const { ms } of stage.points.slice(0, 2)) expect(ms).toBeGreaterThanOrEqual(0);
});

test('run-test is told suite, test, whole seconds and what is left on purpose; our own patience is longer', async () => {
  const stage = play({}, { timeoutScale: 3 });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.argvs).toEqual([['/pgmap/lib/run-test', 's', 'one', '8', '', './x', '-v']]);
  expect(stage.patience[0]).toBeGreaterThan(8_000);
});

test('raw output goes to the log and to the parser, byte for byte', async () => {
  const stdout = ['TAP version 13\n1.', '.1\n# pgmap: lab plug x\nok 1\n'];
  const stage = play({ stdout });
  await runSuite(suite, suite.tests, stage.whole);
  const whole = stdout.join('') + oracleDone;
  expect(Buffer.concat(stage.output).toString()).toBe(whole);
  expect(Buffer.concat(stage.parsed).toString()).toBe(whole);
});

test('where a stuck test hangs is shown, but no more than a screen of it', async () => {
  const lines = Array.from({ length: 100 }, (_, at) => `# pgmap: stuck: frame ${at}\n`);
  const stage = play({ stdout: ['ok 1\n', ...lines], code: 125 });
  await runSuite(suite, suite.tests, stage.whole);
  const shown = stage.points[0]?.diagnostics ?? [];
  expect(shown.slice(1, 3)).toEqual(['frame 0', 'frame 1']);
  expect(shown.length).toBeLessThanOrEqual(41);
});

test('the end of standard error explains a broken program', async () => {
  const stderr = Array.from({ length: 50 }, (_, at) => `line ${at}\n`).join('');
  const stage = play({ stderr, code: 139, end: { status: 'ERROR', problems: ['cut short'] } });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.points.at(-1)?.diagnostics).toEqual([
    'cut short',
    'exited with 139',
    ...['line 45', 'line 46', 'line 47', 'line 48', 'line 49'],
  ]);
});

test('lab requests are answered on standard input, wherever chunks are cut', async () => {
  const text = 'ok 1\n# pgmap: lab plug dimm0\n# pgmap: labour\n# pgmap: lab unplug dimm0\n';
  for (let cut = 0; cut <= text.length; cut++) {
    const stage = play({ stdout: [text.slice(0, cut), text.slice(cut)] });
    await runSuite(suite, suite.tests, stage.whole);
    expect(stage.answers, String(cut)).toEqual(['did plug dimm0\n', 'did unplug dimm0\n']);
  }
});

test('a lab that fails says so in one line, and the test goes on', async () => {
  const stage = play(
    { stdout: ['# pgmap: lab a\n'], points: [pass] },
    {
      lab: () =>
        Promise.reject(new FailureError({ blame: 'lab', code: 'x', title: 'no\nsuch device' })),
    },
  );
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.answers).toEqual(['error no such device\n']);
  expect(stage.points.map((point) => point.status)).toEqual(['PASS', 'PASS']);
});

test('an answer of several lines becomes one', async () => {
  const stage = play({ stdout: ['# pgmap: lab a\n'] }, { lab: async () => 'error a\nb' });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.answers).toEqual(['error a b\n']);
});

test('output without line ends is not hoarded, and asks for nothing', async () => {
  const blob = 'x'.repeat(64_000);
  const stage = play({ stdout: [blob, blob, blob, '\n# pgmap: lab plug y\n'] });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.answers).toEqual(['did plug y\n']);
});

test('a need that is not met is a SKIP with its reason, and nothing is run for it', async () => {
  const stage = play(
    { points: [pass] },
    { unmet: (one) => (one.name === 'two' ? 'needs Linux 6.2' : undefined) },
  );
  await runSuite(suite, [named('one'), named('two'), named('three')], stage.whole);
  const own = stage.points.filter((point) => point.path[2] !== oraclePoint);
  expect(own.map((point) => [point.path[1], point.status])).toEqual([
    ['one', 'PASS'],
    ['two', 'SKIP'],
    ['three', 'PASS'],
  ]);
  expect(own[1]?.directive).toEqual({ name: 'SKIP', reason: 'needs Linux 6.2' });
  expect(stage.argvs.map((argv) => argv[2])).toEqual(['one', 'three']);
});

test('a guest that goes away rejects: no verdict, no PASS, and nothing after it', async () => {
  const gone = new FailureError({ blame: 'lab', code: 'connection-lost', title: 'gone' });
  const asked: string[] = [];
  const stage = play(
    {},
    {
      exec(argv) {
        asked.push(argv[2] ?? '');
        return Promise.reject(gone);
      },
    },
  );
  const running = runSuite(suite, [named('one'), named('two')], stage.whole);
  await expect(running).rejects.toBe(gone);
  expect(asked).toEqual(['one']);
  expect(stage.points).toEqual([]);
});

test('what a test leaves behind is a point of it', async () => {
  const ok = '\n# pgmap: oracle done\n';
  const bad = '\n# pgmap: oracle not ok iomem: + 100-200 : x\n# pgmap: oracle not ok pins: + 1\n';
  for (const [stdout, status, diagnostics] of [
    [ok, 'PASS', []],
    [bad + ok, 'FAIL', ['iomem: + 100-200 : x', 'pins: + 1']],
  ] as const) {
    const stage = play({ stdout: ['ok 1\n1..1', stdout], points: [pass] });
    await runSuite(suite, suite.tests, stage.whole);
    expect(stage.points.at(-1)).toEqual({
      path: ['s', 'one', oraclePoint],
      status,
      diagnostics,
    });
  }
});

test('what a test leaves on purpose is no fault, everything else still is', async () => {
  const lines = ['iomem: + a', 'caching: + b', 'iomem: + c', 'toString: + d'];
  const stage = play({
    stdout: lines.map((line) => `# pgmap: oracle not ok ${line.toLowerCase()}\n`),
    points: [pass],
  });
  const untidy: SuiteTest = { ...named('one'), leaves: { iomem: 'it cannot be undone' } };
  await runSuite(suite, [untidy], stage.whole);
  expect(stage.points.at(-1)).toMatchObject({
    status: 'FAIL',
    diagnostics: ['caching: + b', 'tostring: + d'],
  });
});

test('an allowed report may taint the kernel, but only with W and only where it is allowed', async () => {
  const [allowed, other] = [named('one'), named('two')];
  const taint = (letter: string): string => `# pgmap: oracle not ok taint: + taint ${letter}\n`;
  const stage = play({ stdout: [taint('W'), taint('L')], points: [pass] });
  const allow = [{ splat: 'WARNING', during: ['one'], reason: 'it is provoked there' }];
  await runSuite({ ...suite, allow }, [allowed, other], stage.whole);
  const left = stage.points.filter((point) => point.path[2] === oraclePoint);
  expect(left.map((point) => point.diagnostics)).toEqual([
    ['taint: + taint L'],
    ['taint: + taint W', 'taint: + taint L'],
  ]);
});

test('a test that was killed is not asked what it left', async () => {
  const stage = play({ stdout: ['ok 1\n'], points: [pass], code: 124 });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.points.map((point) => point.path.length)).toEqual([3, 2]);
});

test.each<[string, Played]>([
  ['never spoke', {}],
  ['was cut short', { stdout: ['# pgmap: orac', 'le do'] }],
  ['only seems to have spoken', { stdout: ['# pgmap: oracle done and dusted\n'] }],
])('where the oracle %s, nobody knows what was left: ERROR', async (_, program) => {
  const stage = play({ points: [pass], oracle: 'silent', ...program });
  await runSuite(suite, suite.tests, stage.whole);
  const left = stage.points.find((point) => point.path[2] === oraclePoint);
  expect(left).toMatchObject({ status: 'ERROR' });
  expect(left?.diagnostics[0]).toContain('nobody knows');
});

test('a test that skips stays skipped, unless it leaves something', async () => {
  const end: Partial<End> = { status: 'SKIP', plan: { skipAll: 'no device' } };
  const clean = play({ stdout: ['# pgmap: oracle done\n'], end });
  await runSuite(suite, suite.tests, clean.whole);
  expect(clean.points.map((point) => point.status)).toEqual(['SKIP']);
  const dirty = play({ stdout: ['# pgmap: oracle not ok pins: + 1\n'], end });
  await runSuite(suite, suite.tests, dirty.whole);
  expect(dirty.points.map((point) => point.status)).toEqual(['FAIL', 'SKIP']);
});

test('a flood of what was left is cut', async () => {
  const line = '# pgmap: oracle not ok iomem: + x\n';
  const stage = play({ stdout: [line.repeat(1000)], points: [pass] });
  await runSuite(suite, suite.tests, stage.whole);
  expect(stage.points.at(-1)?.diagnostics).toHaveLength(40);
});

test.each<[string, Played]>([
  ['has oopsed', { stdout: ['# pgmap: oracle not ok taint: + taint D\n'], points: [pass] }],
  ['holds a task for ever', { code: 125 }],
])('a kernel that %s is not tested further: the rest is left', async (_, program) => {
  const tests = [named('one'), named('two'), named('three')];
  const stage = play(program);
  expect(await runSuite(suite, tests, stage.whole)).toEqual(tests.slice(1));
  expect(stage.argvs.length).toBe(1);
});

test('a warning leaves the kernel fit: nothing is left', async () => {
  const warned = { stdout: ['# pgmap: oracle not ok taint: + taint W\n'], points: [pass] };
  expect(await runSuite(suite, [named('one'), named('two')], play(warned).whole)).toEqual([]);
});

test('a test goes on after a reset with its second program, if the first has passed', async () => {
  const halves: SuiteTest = { ...named('one'), reset: ['./after'] };
  const stage = play({ stdout: oracleLeft, points: [pass] });
  await runSuite(suite, [halves], stage.whole);
  expect(stage.argvs.map((argv) => argv.at(-1))).toEqual(['-v', 'reset', './after']);
  const left = stage.points.filter((point) => point.path[2] === oraclePoint);
  // What the first leaves goes with the reset, what the second leaves counts.
  expect(left.map((point) => point.status)).toEqual(['PASS', 'FAIL']);

  const bad = play({ code: 1, end: { status: 'FAIL' }, points: [{ ...pass, status: 'FAIL' }] });
  await runSuite(suite, [halves], bad.whole);
  expect(bad.argvs.map((argv) => argv.at(-1))).toEqual(['-v']);
});

const oracleLeft = ['# pgmap: oracle not ok iomem: + 100000000-1ffffffff : namespace0.0\n'];

/** A guest whose test never ends by itself, and what it answers when it is asked whether it is there. */
function hanging(answers: () => 'yes' | 'partly' | 'no' | 'unknown') {
  const asked: number[] = [];
  let paused = 0;
  const stage = play(
    {},
    {
      exec: (_argv, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      answers() {
        asked.push(paused);
        return Promise.resolve(answers());
      },
      pause(ms) {
        paused += ms;
        return Promise.resolve();
      },
    },
  );
  const code = runSuite(suite, [named('one')], stage.whole).then(
    () => 'ended',
    (error: unknown) => (error instanceof FailureError ? error.failure.code : String(error)),
  );
  return { asked, code };
}

test('a guest that does not answer when the time is up is given up a second later', async () => {
  const { asked, code } = hanging(() => 'no');
  expect(await code).toBe('guest-silent');
  expect(asked).toEqual([3_500]);
});

test('one that has lost a CPU is not waited for either: what is to end the test may be on that CPU', async () => {
  const { asked, code } = hanging(() => 'partly');
  expect(await code).toBe('guest-silent');
  expect(asked).toEqual([3_500]);
});

test('one that answers is given the time that run-test takes to kill', async () => {
  const { asked, code } = hanging(() => 'yes');
  expect(await code).toBe('test-overdue');
  expect(asked.at(-1)).toBeGreaterThan(25_000);
  expect(asked.at(-1)).toBeLessThan(32_000);
});

test('on a host that is too busy to tell, silence means nothing until that time is over', async () => {
  const { asked, code } = hanging(() => 'unknown');
  expect(await code).toBe('guest-silent');
  expect(asked.at(-1)).toBeGreaterThan(25_000);
});

test('a test that ends meanwhile has ended', async () => {
  const stage = play(
    { points: [pass] },
    { answers: () => Promise.resolve('no'), pause: () => new Promise(() => undefined) },
  );
  await runSuite(suite, [named('one')], stage.whole);
  expect(stage.points[0]?.status).toBe('PASS');
});

test('what ends everything ends the test, with its reason', async () => {
  const stop = new AbortController();
  const stage = play(
    {},
    {
      signal: stop.signal,
      exec: (_argv, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          stop.abort(new FailureError({ blame: 'usage', code: 'deadline', title: 'over' }));
        }),
    },
  );
  await expect(runSuite(suite, [named('one')], stage.whole)).rejects.toThrow('deadline: over');
});
