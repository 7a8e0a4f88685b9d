// Bisections on real kernels, as a user would run them: is the culprit right, and what does it take?
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../core/failure.ts';
import type { Effort } from '../../core/bisect/effort.ts';
import { places } from '../../store/places.ts';
import { readSteps } from '../../store/bisect-log.ts';
import { openSource } from '../../run/tested-kernel.ts';
import { type KernelHistory, kernelHistory, type Traits } from '../../testing/kernel-history.ts';
import { exists } from '../../util/files.ts';
import type { Case } from './bisect-cases.ts';
import type { RunTool } from './tool.ts';

export interface Bisected {
  readonly mutant: string;
  readonly type: string;
  /** Place of the fault among the 64 commits. */
  readonly at: number;
  readonly right: boolean;
  readonly answer: string;
  readonly effort: Effort;
  /** Of the command, from its start to the proved culprit. */
  readonly ms: number;
  /** Of each kernel that the search asked for: its build and its runs. */
  readonly stepMs: readonly number[];
}

/** Always the same folder: what was compiled for the last history is there for the next one. */
const folder = join(places().stateDir, 'histories');

/** Makes a history on a distribution kernel with the fault of `one` at `at`. */
export async function historyOf(one: Case, at: number, traits: Traits): Promise<KernelHistory> {
  const ctx = {
    signal: new AbortController().signal,
    ...{ cacheDir: places().cacheDir, cpus: 2, onProgress: () => undefined },
    path: process.env['PATH'] ?? '/usr/bin:/bin',
  };
  const source = await openSource({ kind: 'distro', version: '6.12' }, ctx);
  const tree = join(folder, 'linux');
  await rm(tree, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const patch = join(places().projectDir, 'src/testing/mutants', `${one.mutant}.patch`);
  const from = { objects: join(source.gitDir, 'objects'), base: source.commit };
  return kernelHistory(from, { patch, at }, tree, traits);
}

/**
 * With `--resume` if an earlier bench was stopped in it; `more`: further options of `pgmap bisect`. The folder of the bisection is
 * left if its answer is wrong.
 */
export async function bisectOne(
  one: Case,
  history: KernelHistory,
  at: number,
  pgmap: RunTool,
  more: readonly string[] = [],
): Promise<Bisected> {
  const out = join(folder, `${one.mutant}-${at}-${history.culprit.slice(0, 8)}`);
  const again = await exists(join(out, 'bisect.ndjson'));
  const argv = again
    ? ['--resume', out]
    : [
        ...['--tree', history.tree, '--good', history.base, '--bad', 'master'],
        ...['--topology', one.topology, '--test', one.test, '--out', out, ...more],
      ];
  const done = await pgmap(['bisect', ...argv, '--format', 'json']);
  if (done.stdout === '')
    throw new FailureError({
      blame: 'tool',
      code: 'no-answer',
      title: `the bisection for ${one.mutant} exited with ${done.code} and said nothing`,
      hint: `See ${out}`,
    });
  const { answer, effort } = JSON.parse(await readFile(join(out, 'bisect.json'), 'utf8')) as {
    answer: { kind: string; commit?: string };
    effort: Effort;
  };
  const right = answer.kind === 'culprit' && answer.commit === history.culprit;
  const stepMs = await searchSteps(join(out, 'bisect.ndjson'));
  if (right) await rm(out, { recursive: true });
  return {
    ...{ mutant: one.mutant, type: one.type, at, right, effort, ms: done.ms, stepMs },
    answer: `${answer.kind} ${answer.commit ?? ''}`.trim(),
  };
}

/** Milliseconds of each commit that the search tried. */
async function searchSteps(log: string): Promise<number[]> {
  const sums = new Map<string, number>();
  for (const step of await readSteps(log))
    if ((step.type === 'image' || step.type === 'observe') && step.purpose === 'search')
      sums.set(step.commit, (sums.get(step.commit) ?? 0) + (step.ms ?? 0));
  return [...sums.values()];
}
