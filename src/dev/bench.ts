// `npm run bench`: the figures that the project promises, measured on this host, next to what was promised for two
// processors under TCG. Nothing else should run meanwhile. `-- --cold` also builds a kernel from nothing.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { RunResult } from '../core/result.ts';
import { table } from '../report/table.ts';

interface Measured {
  readonly ms: number;
  readonly code: number | null;
  readonly peakBytes: number;
  readonly stdout: string;
}

/** Runs the tool and watches its own resident memory, children not included. Source: proc(5), VmHWM. */
async function pgmap(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Measured> {
  const start = performance.now();
  const child = spawn(process.execPath, ['dist/cli.js', ...argv], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  let peakBytes = 0;
  const timer = setInterval(() => {
    readFile(`/proc/${child.pid ?? 0}/status`, 'utf8').then(
      (text) =>
        (peakBytes = Math.max(peakBytes, 1024 * Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0))),
      () => undefined,
    );
  }, 200);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(timer);
  return { ms: performance.now() - start, code, peakBytes, stdout };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

const { values: options } = parseArgs({
  options: {
    cold: { type: 'boolean', default: false },
    source: { type: 'string', default: 'distro:6.12' },
  },
});
const source = ['--source', options.source];
const scratch = await mkdtemp(join(tmpdir(), 'pgmap-bench-'));
const rows: string[][] = [['what', 'measured', 'promised']];
let broken = 0;
const must = (name: string, measured: Measured): Measured => {
  if (measured.code !== 0) {
    broken++;
    console.error(`${name} exited with ${measured.code}`);
  }
  return measured;
};

try {
  // The first one may have to build; it does not count.
  must('build', await pgmap(['build', ...source]));
  const builds = [];
  for (let i = 0; i < 5; i++) builds.push(must('build', await pgmap(['build', ...source])).ms);
  rows.push(['a second build of the same input, median of 5', seconds(median(builds)), '0.5 s']);

  const dir = join(scratch, 'run');
  const run = must('run', await pgmap(['run', ...source, '--out', dir]));
  rows.push(['everything, kernel and image cached', seconds(run.ms), '75 s']);
  rows.push(["the tool's own memory", `${Math.round(run.peakBytes / 2 ** 20)} MiB`, '200 MB']);

  const boots = [];
  for (let i = 0; i < 5; i++) {
    const one = join(scratch, `boot${i}`);
    must(
      'boot',
      await pgmap([
        'run',
        ...source,
        '--test',
        'hmm-private > unloads in time and leaves nothing behind',
        '--out',
        one,
      ]),
    );
    const result = JSON.parse(await readFile(join(one, 'results.json'), 'utf8')) as RunResult;
    boots.push(result.jobs[0]?.bootMs ?? Number.NaN);
  }
  rows.push(['QEMU start to first ssh command, median of 5', seconds(median(boots)), '1.8 s']);

  if (options.cold) {
    const env = { XDG_CACHE_HOME: join(scratch, 'cache') };
    // Listing the types imports the sources, which is no part of a build.
    must('import', await pgmap(['list', 'types', ...source], env));
    const cold = must('cold build', await pgmap(['build', ...source], env));
    rows.push(['cold kernel build, ccache empty', seconds(cold.ms), '300 s']);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
console.log(table(rows));
process.exit(broken === 0 ? 0 : 1);
