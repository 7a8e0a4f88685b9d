// `npm run mutants -- DIR`: puts one faulty patch after the other on a kernel and says which the suites catch, and
// whether for the right memory type. Each goes through `pgmap run`, as a user's series would.
import { mkdir, readdir, readFile, rm, appendFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { loadSuites } from '../config/load.ts';
import { exitCodes } from '../core/exit-code.ts';
import { asFailure, FailureError } from '../core/failure.ts';
import type { Suite } from '../core/suite.ts';
import { formatDuration } from '../core/units.ts';
import { complaint } from '../report/complaint.ts';
import { places } from '../store/places.ts';
import { judgeBase } from './mutants/base.ts';
import { type Options, readOptions, usage } from './mutants/options.ts';
import { type Mutant, readMutant } from './mutants/patch.ts';
import { kernelKeyOf, listenForStop, runSuites, type SuitesRun } from './mutants/pgmap.ts';
import * as state from './mutants/state.ts';
import { stages, suitesFor } from './mutants/suites.ts';
import { benchReport, evidenceText, type Judged } from './mutants/table.ts';
import { judge, together, type Verdict, withoutResult } from './mutants/verdict.ts';
import { answerHelp } from './words.ts';

const { projectDir, stateDir } = places();
const folder = join(stateDir, 'mutants');
const record = join(folder, 'verdicts.ndjson');

async function mutantsIn({ dir, only }: Options): Promise<Mutant[]> {
  const names = (await readdir(dir).catch(() => []))
    .filter((file) => file.endsWith('.patch'))
    .map((file) => basename(file, '.patch'))
    .sort();
  const unknown = only.find((name) => !names.includes(name));
  if (names.length === 0 || unknown !== undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'no-mutant',
      title: `there is no ${unknown ?? ''}.patch in ${dir}`,
      hint: `It holds: ${names.join(', ') || 'no patches'}`,
    });
  const chosen = names.filter((name) => only.length === 0 || only.includes(name));
  return Promise.all(
    chosen.map(async (name) =>
      readMutant(name, await readFile(join(dir, `${name}.patch`), 'utf8')),
    ),
  );
}

async function suitesOf({ suites }: Options): Promise<Suite[]> {
  const known = await loadSuites(projectDir);
  const unknown = suites.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'unknown-suite',
      title: `there is no suite '${unknown}'`,
      hint: `There are: ${[...known.keys()].join(', ')}`,
    });
  return [...known.values()].filter(({ name }) => suites.length === 0 || suites.includes(name));
}

/** What the verdicts of now depend on, next to the kernel. */
async function suitesNow(): Promise<ReadonlyMap<string, string>> {
  const files: [string, string][] = [];
  // What is in configs/kernel is in the kernel's key.
  for (const top of ['suites', 'images', 'configs/topologies'])
    for (const item of await readdir(join(projectDir, top), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!item.isFile()) continue;
      const path = join(item.parentPath, item.name);
      files.push([relative(projectDir, path), await readFile(path, 'latin1')]);
    }
  const names = files.flatMap(([path]) => /^suites\/([^/]+)\//.exec(path)?.[1] ?? []);
  return state.suiteHashes([...new Set(names)], files);
}

/** A verdict is not kept if suites that it is from were edited while they ran. */
async function remember(
  line: state.Line,
  names: readonly string[],
  around: state.Surroundings,
): Promise<void> {
  const now = await suitesNow();
  const edited = names.filter((name) => now.get(name) !== around.suites.get(name));
  if (edited.length === 0) await appendFile(record, `${JSON.stringify(line)}\n`);
  else console.log(`  not kept: ${edited.join(', ')} changed meanwhile`);
}

/** A run that tells nothing must not end the whole bench. */
const runAndJudge = (mutant: Mutant, run: SuitesRun, stop: AbortSignal): Promise<Verdict> =>
  runSuites(run, stop).then(
    (result) => judge(mutant, result),
    (error: unknown) => {
      const { code, title } = asFailure(error);
      if (code !== 'no-result') throw error;
      return withoutResult(title);
    },
  );

interface Planned {
  readonly mutant: Mutant;
  /** Suites to run. */
  readonly names: readonly string[];
  readonly key: string;
}

/** Says whether all suites that are needed are green on the unmodified source, from the record where it has them. */
async function proveBase(plan: readonly Planned[], call: Call): Promise<boolean> {
  const { asked, around, memory, stop } = call;
  const isProved = (name: string): boolean =>
    memory.bases.get(state.baseKey(around, name))?.verdict.green === true;
  const needed = [...new Set(plan.flatMap(({ names }) => names))];
  const unproved = needed.filter((name) => asked.base || !isProved(name));
  if (unproved.length === 0) return true;
  console.log(`the unmodified source: ${unproved.join(', ')}`);
  const run = join(folder, 'base');
  const what = { source: asked.source, suites: unproved, run };
  const verdicts = judgeBase(unproved, await runSuites(what, stop));
  for (const verdict of verdicts)
    await remember(
      { kind: 'base', key: state.baseKey(around, verdict.suite), verdict },
      [verdict.suite],
      around,
    );
  const bad = verdicts.filter(({ green }) => !green);
  for (const { suite, why } of bad) console.log(`  ${suite} is not green: ${why}`);
  console.log(bad.length === 0 ? '  green' : `nothing counts until it is green: see ${run}`);
  return bad.length === 0;
}

async function judgeOne({ mutant, names, key }: Planned, call: Call): Promise<Verdict> {
  const { asked, around, memory, stop } = call;
  const known = memory.mutants.get(key)?.verdict;
  if (known !== undefined && !asked.again) return known;
  const run = join(folder, mutant.name);
  const patch = resolve(asked.dir, `${mutant.name}.patch`);
  const steps = asked.quick ? stages(names, call.suites) : [{ names, auto: false }];
  let verdict: Verdict | undefined;
  for (const step of steps) {
    const what = { source: asked.source, suites: step.names, auto: step.auto, run, patch };
    const now = await runAndJudge(mutant, what, stop);
    verdict = verdict === undefined ? now : together(verdict, now);
    if (verdict.rightType === true || verdict.outcome.startsWith('not ')) break;
  }
  verdict ??= withoutResult('no suite was run');
  if (state.isFinished(verdict))
    await remember({ kind: 'mutant', key, name: mutant.name, run, verdict }, names, around);
  // An initramfs per mutant is more than they are worth; `pgmap run` with the patch makes it again.
  await rm(join(run, 'kernel/initrd.cpio'), { force: true });
  return verdict;
}

/** What all steps of one call share. */
interface Call {
  readonly asked: Options;
  readonly around: state.Surroundings;
  readonly memory: state.Memory;
  readonly suites: readonly Suite[];
  readonly stop: AbortSignal;
}

async function bench(): Promise<number> {
  const asked = readOptions(process.argv.slice(2));
  const mutants = await mutantsIn(asked);
  const suites = await suitesOf(asked);
  await mkdir(folder, { recursive: true });
  const stop = listenForStop();
  const around = {
    kernelKey: await kernelKeyOf(asked.source, stop),
    suites: await suitesNow(),
  };
  const memory = state.recall(await readFile(record, 'utf8').catch(() => ''));
  const call: Call = { asked, around, memory, suites, stop };
  const plan = mutants.map((mutant) => {
    const names = suitesFor(mutant, suites, asked.allSuites);
    return {
      mutant,
      names,
      key: state.mutantKey(around, mutant.text, names, asked.quick ? 'quick' : ''),
    };
  });
  if (!(await proveBase(plan, call))) return exitCodes.bad;
  const judged: Judged[] = [];
  for (const one of plan) {
    const verdict = await judgeOne(one, call);
    judged.push({ mutant: one.mutant, verdict });
    const took = formatDuration(verdict.buildMs + verdict.testMs);
    const at = `${judged.length}/${plan.length} ${one.mutant.name}`;
    console.log(`${at}: ${verdict.outcome} (${took}) ${evidenceText(verdict.by)}`.trimEnd());
  }
  console.log(`\n${benchReport(judged)}\nruns and verdicts: ${folder}`);
  const all = judged.every(({ verdict }) => verdict.outcome === 'caught');
  return all ? exitCodes.good : exitCodes.bad;
}

answerHelp(usage);
try {
  process.exitCode = await bench();
} catch (error) {
  const failure = asFailure(error);
  console.error(complaint(failure, { color: false }));
  process.exitCode = failure.code === 'interrupted' ? exitCodes.interrupted : exitCodes.usage;
}
