// `npm test`: every test there is, cheap ones first, closing with one line that machines read.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Of vitest's JSON report, what is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** What failed and why, said again at the end: a log of CI may be cut to its last lines. */
const failures: string[] = [];

function remember({ testResults }: Report): void {
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative('.', name);
    const failed = assertionResults.filter((one) => one.status === 'failed');
    for (const { fullName, failureMessages } of failed)
      failures.push(`${file} > ${fullName}\n${shorten(failureMessages.join('\n'))}`);
    if (status === 'failed' && failed.length === 0) failures.push(`${file}\n${shorten(message)}`);
  }
}

/** The first lines, indented. */
const shorten = (text: string): string =>
  text
    .split('\n')
    .slice(0, 30)
    .map((line) => `    ${line.slice(0, 500)}`)
    .join('\n');

const run = (argv: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });

/** One vitest project; what it did not say is a failure. */
async function project(name: string, dir: string): Promise<Count> {
  const file = join(dir, `${name}.json`);
  const code = await run([
    'node_modules/.bin/vitest',
    ...['run', '--project', name, '--reporter', 'default', '--reporter', 'json'],
    ...['--outputFile.json', file],
  ]);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    failures.push(`the ${name} tests ended with ${code} and left no report`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const totals = JSON.parse(text) as Report;
  remember(totals);
  // A file that does not even load fails the run without a failed test in it.
  const failed = Math.max(totals.numFailedTests, code === 0 ? 0 : 1);
  return {
    passed: totals.numPassedTests,
    failed,
    skipped: totals.numPendingTests + totals.numTodoTests,
  };
}

const dir = await mkdtemp(join(tmpdir(), 'pgmap-test-'));
const sum: Count = { passed: 0, failed: 0, skipped: 0 };
const add = (count: Count): void => {
  sum.passed += count.passed;
  sum.failed += count.failed;
  sum.skipped += count.skipped;
};
const check = async (name: string, ...argv: string[]): Promise<void> => {
  const ok = (await run(argv)) === 0;
  console.log(`${ok ? 'ok' : 'NOT OK'}: ${name}`);
  if (!ok) failures.push(`${name}: ${argv.join(' ')}`);
  add({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 });
};

await check('lint', 'node_modules/.bin/oxlint', '--type-aware', '--deny-warnings', 'src');
await check('format', 'node_modules/.bin/prettier', '--check', '--log-level', 'warn', '.');
await check('types', 'node_modules/.bin/tsc', '--noEmit');
await check('schemas are up to date', 'node', 'dist/dev/schema.js', '--check');
for (const name of ['unit', 'integration', 'e2e']) add(await project(name, dir));
await rm(dir, { recursive: true, force: true });
for (const text of failures) console.log(`\nFAILED ${text}`);
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed === 0 ? 0 : 1);
