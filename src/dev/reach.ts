// `npm run reach`: records which functions of the subsystem each test enters, and writes configs/reach.json. Recorded
// twice: what only one of the two saw is marked. With --suite only that suite's part is replaced.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { format } from 'node:util';
import { qemuProgram } from '../commands/qemu.ts';
import { loadSuites } from '../config/load.ts';
import { loadReach, reachPath, reachText } from '../config/reach.ts';
import { asFailure, FailureError } from '../core/failure.ts';
import { mergeRecordings, type Reach } from '../core/reach.ts';
import { type Recording, recordReach } from '../run/recording.ts';
import type { RunRequest } from '../run/request.ts';
import { complaint } from '../report/complaint.ts';
import { places } from '../store/places.ts';
import { commandLine } from './words.ts';

const usage = `npm run reach -- [--source 6.12] [--suite NAME]... [--topology NAME]... [--times N]

  --suite, --topology  record these alone, and keep the rest
  --times              how often: what only some of them saw is marked`;

const { values: asked } = commandLine(usage, {
  options: {
    source: { type: 'string', default: '6.12' },
    suite: { type: 'string', multiple: true, default: [] },
    topology: { type: 'string', multiple: true, default: [] },
    times: { type: 'string', default: '2' },
  },
});
const times = Number(asked.times);
const isPart = asked.suite.length + asked.topology.length > 0;
const { projectDir, cacheDir, stateDir } = places();
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
const tell = (...what: unknown[]): void => console.error(format(...what));

async function record(): Promise<void> {
  if (!Number.isInteger(times) || times < 1)
    throw new FailureError({
      blame: 'usage',
      code: 'bad-times',
      title: '--times takes a whole number from 1',
    });
  const cpus = availableParallelism();
  const lab = {
    ...{ projectDir, stateDir, cpus, qemu: qemuProgram, version: 'recording' },
    memoryBytes: totalmem(),
  };
  const ctx = {
    ...{ signal: stop.signal, cacheDir, cpus, path: process.env['PATH'] ?? '' },
    onProgress: () => undefined,
  };
  const request: RunRequest = {
    source: { kind: 'distro', version: asked.source.replace('distro:', '') },
    ...{ series: [], configFiles: [], accel: 'auto', jobs: cpus, command: [] },
    selection: {
      types: [],
      ...{ suites: asked.suite, topologies: asked.topology, tests: [], nightly: true },
    },
  };
  const recordings: Recording[] = [];
  const dir = await mkdtemp(join(tmpdir(), 'pgmap-reach-'));
  try {
    for (let i = 0; i < times; i++) {
      tell(`recording ${i + 1} of ${times}`);
      recordings.push(await recordReach(request, lab, join(dir, String(i)), tell, ctx));
      // After each one, so that what is done is done.
      await writeFile(reachPath(projectDir), reachText(await withTheRest(recordings)));
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  for (const [label, why] of recordings[0]?.unwatched ?? []) tell(`not watched: ${label}: ${why}`);
  const jobs = Object.values(recordings[0]?.jobs ?? {});
  const tests = jobs.reduce((sum, { tests: all }) => sum + Object.keys(all).length, 0);
  tell(`${jobs.length} jobs, ${tests} tests: ${reachPath(projectDir)}`);
}

/** What was recorded, in place of that part of what is on record; jobs that are no more are dropped. */
async function withTheRest(recordings: readonly Recording[]): Promise<Reach> {
  const now = mergeRecordings(recordings);
  const before = isPart ? await loadReach(projectDir) : undefined;
  if (before === undefined) return now;
  if (before.release !== now.release)
    throw new FailureError({
      blame: 'usage',
      code: 'other-release',
      title: `the rest was recorded on ${before.release}, this on ${now.release}`,
      hint: 'Record everything: leave --suite and --topology out.',
    });
  const suites = [...(await loadSuites(projectDir)).values()];
  const ids = new Set(suites.flatMap((suite) => suite.topologies.map((t) => `${suite.name}@${t}`)));
  const rest = Object.entries(before.jobs).filter(([id]) => ids.has(id));
  return { ...now, jobs: { ...Object.fromEntries(rest), ...now.jobs } };
}

try {
  await record();
} catch (error) {
  tell(complaint(asFailure(error), { color: false }));
  process.exitCode = 1;
}
