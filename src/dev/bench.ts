// `npm run bench`: the figures that the project promises, measured on this host, next to what was promised for two
// processors under TCG. Nothing else should run meanwhile.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../core/result.ts';
import { table } from '../report/table.ts';
import { measureBisections } from './bench/bisect-all.ts';
import { measureIntake } from './bench/intake.ts';
import { measureKtap } from './bench/ktap.ts';
import { type Measured, pgmap } from './bench/tool.ts';
import { commandLine } from './words.ts';

const resultsOf = async (dir: string): Promise<RunResult> =>
  JSON.parse(await readFile(join(dir, 'results.json'), 'utf8')) as RunResult;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** A build from nothing, where none is measured: what is promised for it, so that the share is not made to look small. */
const promisedColdMs = 300_000;

const usage = `npm run bench -- [--source distro:6.12] [--cold] [--each] [--bisect [--only MUTANT]... [--again]]

  --cold    also build a kernel from nothing: five minutes
  --each    also take a series of eight patches apart: minutes
  --bisect  bisections and nothing else, for hours; --only: this fault alone, --again: also those that are done`;

const { values: options } = commandLine(usage, {
  options: {
    cold: { type: 'boolean', default: false },
    each: { type: 'boolean', default: false },
    bisect: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    again: { type: 'boolean', default: false },
    source: { type: 'string', default: 'distro:6.12' },
  },
});
if (options.bisect) {
  const { only, again } = options;
  console.log(table(await measureBisections({ only, again, coldBuildMs: promisedColdMs }, pgmap)));
  process.exit(0);
}
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

  const version = options.source.split(':')[1];
  const distro = { kind: 'distro', ...(version === undefined ? {} : { version }) } as const;
  const intakes = await measureIntake(distro, 30, 3);
  rows.push(['a 30-patch mbox to a ready work tree, median of 3', seconds(median(intakes)), '3 s']);

  const { bytesPerSecond, peakBytes } = await measureKtap();
  rows.push([
    'KTAP of nothing but results',
    `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`,
    '20 MB/s',
  ]);
  rows.push(['memory for a gigabyte of it', `${Math.round(peakBytes / 1e6)} MB`, '300 MB']);

  const dir = join(scratch, 'run');
  const run = must('run', await pgmap(['run', ...source, '--out', dir]));
  rows.push(['everything, kernel and image cached', seconds(run.ms), '75 s']);
  rows.push(["the tool's own memory", `${Math.round(run.peakBytes / 2 ** 20)} MiB`, '200 MB']);

  const boots = [];
  const oneTest = ['--test', 'hmm-private > unloads in time and leaves nothing behind'];
  for (let i = 0; i < 5; i++) {
    const one = join(scratch, `boot${i}`);
    must('boot', await pgmap(['run', ...source, ...oneTest, '--out', one]));
    boots.push((await resultsOf(one)).jobs[0]?.bootMs ?? Number.NaN);
  }
  rows.push(['QEMU start to first ssh command, median of 5', seconds(median(boots)), '1.8 s']);

  // The base's part of a run with a series: the same job was run above.
  const dirOfSeries = join(scratch, 'series');
  const harmless = ['src/testing/series/clean-up.mbox', '--out', dirOfSeries];
  must('series', await pgmap(['run', ...source, ...oneTest, ...harmless]));
  const { baseline, steps } = await resultsOf(dirOfSeries);
  const baseRecord = await readFile(join(dirOfSeries, 'base/events.ndjson'), 'utf8');
  const baseMs = steps.find(({ step }) => step === 'baseline')?.ms ?? Number.NaN;
  const booted = (baseline?.jobs ?? Number.NaN) - (baseline?.cached ?? 0);
  rows.push([
    'base result reused when nothing about it changed',
    `${baseRecord.split('"step-begin","step":"build"').length - 1} builds, ${booted} boots, ${seconds(baseMs)}`,
    '0 builds, 0 boots',
  ]);

  let coldBuildMs = promisedColdMs;
  if (options.cold) {
    const env = { XDG_CACHE_HOME: join(scratch, 'cache') };
    // Listing the types imports the sources, which is no part of a build.
    must('import', await pgmap(['list', 'types', ...source], env));
    const cold = must('cold build', await pgmap(['build', ...source], env));
    rows.push(['cold kernel build, ccache empty', seconds(cold.ms), '300 s']);
    coldBuildMs = cold.ms;
  }

  if (options.each) {
    const series = join(scratch, 'eight.mbox');
    const text = await readFile('src/testing/series/eight.mbox', 'utf8');
    // A tree that no cache has seen: what was learnt the last time must not help.
    const fresh = text.replace(/^(\+static noinline .*)$/m, `$1 /* ${Date.now()} */`);
    await writeFile(series, fresh);
    const each = must(
      'each',
      await pgmap(['run', ...source, '--each', series, '--out', join(scratch, 'each')]),
    );
    const single = coldBuildMs + run.ms;
    const share = each.ms / (8 * single);
    const of = `8 x (${seconds(coldBuildMs)} + ${seconds(run.ms)})`;
    rows.push([
      'series of 8 patches, --each',
      `${seconds(each.ms)} = ${share.toFixed(3)} of ${of}`,
      '0.15',
    ]);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
console.log(table(rows));
process.exit(broken === 0 ? 0 : 1);
