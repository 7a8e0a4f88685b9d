// `npm test`: every test there is, cheap ones first, closing with one line that machines read.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

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
  if (text === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const totals = JSON.parse(text) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
  };
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
  add({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 });
};

await check('lint', 'node_modules/.bin/oxlint', '--type-aware', '--deny-warnings', 'src');
await check('format', 'node_modules/.bin/prettier', '--check', '--log-level', 'warn', '.');
await check('types', 'node_modules/.bin/tsc', '--noEmit');
await check('schemas are up to date', 'node', 'dist/dev/schema.js', '--check');
for (const name of ['unit', 'integration', 'e2e']) add(await project(name, dir));
await rm(dir, { recursive: true, force: true });
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed === 0 ? 0 : 1);
