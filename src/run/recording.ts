// Runs suites with pgmap_probe watching the subsystem's functions, and learns which test enters which. The verdicts of
// such a run count for nothing: probes cost time, and their code pages split the kernel's linear map.
import { mkdir } from 'node:fs/promises';
import { loadSuites, loadTopologies } from '../config/load.ts';
import { planJobs, type PlannedJob, unmetNeed } from '../core/plan.ts';
import type { Functions, JobReach, Reach } from '../core/reach.ts';
import { subsystem } from '../core/subsystem.ts';
import { parseSize } from '../core/units.ts';
import { runLocally } from '../exec/local.ts';
import { makeImage } from './guest-image.ts';
import type { Guest } from '../guest/ssh.ts';
import { runJob } from '../job/job.ts';
import { functionsOf, type KernelFunction } from '../kernel/functions.ts';
import { pickAccel } from './accel.ts';
import type { Lab, RunRequest } from './request.ts';
import { buildKernel, treeTypes } from './tested-kernel.ts';
import type { Context } from '../util/context.ts';
import { within } from '../util/deadline.ts';
import { missingFor, qemuFacts, timeoutScale } from '../vm/probe.ts';

/** One recording. */
export interface Recording extends Omit<Reach, 'recordings'> {
  /** Functions that could not be watched, as `file:name`, and why. */
  readonly unwatched: ReadonlyMap<string, string>;
}

/**
 * Records the jobs that the request selects. A test that did not get to its end is left out. `dir` gets what a run
 * folder gets; `tell` is told a line per job.
 */
export async function recordReach(
  request: RunRequest,
  lab: Lab,
  dir: string,
  tell: (line: string) => void,
  ctx: Context,
): Promise<Recording> {
  const { build, source, base } = await buildKernel(request, lab, ctx);
  const paths = subsystem.map(({ path }) => path);
  const { functions, lost, headers } = await functionsOf(build, build.request, paths, ctx);
  const suites = await loadSuites(lab.projectDir);
  const topologies = await loadTopologies(lab.projectDir);
  const enumerators = await treeTypes(base, ctx);
  const planned = planJobs(request.selection, { suites, topologies, enumerators }, []);
  await mkdir(dir, { recursive: true });
  const chosen = [...new Set(planned.map((job) => job.suite))];
  const image = await makeImage({ build, source, base, lab, suites: chosen, dir }, ctx);
  const { accel } = await pickAccel(request, build, lab, ctx);
  const facts = await qemuFacts(lab.qemu, ctx.signal);
  const kernel = {
    release: build.release,
    config: build.config,
    lost: new Map(build.unmet.map(({ symbol, reason }) => [symbol, reason])),
  };
  const jobs: Record<string, JobReach> = {};
  const unwatched = new Map(lost.map((label) => [label, 'its place is not known']));
  const tasks = planned.map((plan) => ({
    needs: { cpus: 1, memoryBytes: parseSize(plan.topology.memory) + 256 * 2 ** 20 },
    async run() {
      if (missingFor(plan.topology, facts) !== undefined || image.broken.has(plan.suite.name))
        return;
      const recorder = newRecorder(plan, functions, ctx.signal);
      const unfinished = new Set<string>();
      let points = 0;
      await runJob(
        {
          ...{ plan: recorder.plan, through: recorder.through, runDir: dir },
          ...{ qemu: lab.qemu, image: build.image, release: build.release, accel },
          ...(build.notes === undefined ? {} : { notes: build.notes }),
          ...{ initrd: image.initrd, keys: image.keys },
          timeoutScale: patience * timeoutScale[accel],
          unmet: (test) => unmetNeed(test, kernel),
        },
        {
          signal: ctx.signal,
          emit(event) {
            if (event.type === 'test') points++;
            if (event.type === 'test' && event.point.status === 'ERROR')
              unfinished.add(event.point.path[1] ?? '');
            if (event.type === 'step-end' && event.failure !== undefined)
              tell(`${plan.id}: ${event.failure.title}`);
          },
        },
      );
      const { reach, refused } = recorder.end();
      for (const [label, why] of refused) unwatched.set(label, why);
      const tests = Object.entries(reach.tests).filter(([name]) => !unfinished.has(name));
      // Of what was not seen nothing is said: it then runs whatever is changed.
      if (tests.length > 0) jobs[plan.id] = { ...reach, tests: Object.fromEntries(tests) };
      const rest = unfinished.size === 0 ? '' : `, left out: ${[...unfinished].join('; ')}`;
      tell(`${plan.id}: ${tests.length} tests, ${points} results${rest}`);
    },
  }));
  await runLocally(tasks, {
    cpus: lab.cpus,
    memoryBytes: lab.memoryBytes * 0.75,
    jobs: request.jobs,
  });
  const watched = functions.map(labelOf).filter((label) => !unwatched.has(label));
  return {
    ...{ release: build.release, watched: byFile(watched), jobs, unwatched },
    headers: Object.fromEntries(headers),
  };
}

/** Factor on time limits: a probed function costs a trap. */
const patience = 4;

/** Milliseconds. */
const limits = { watch: 180_000, read: 60_000 };

/** Stands between one job and its guest: loads the modules itself, so that their start is seen, and reads after each test. */
export function newRecorder(
  plan: PlannedJob,
  functions: readonly KernelFunction[],
  signal: AbortSignal,
) {
  const file = '/proc/pgmap_probe/reach';
  const modules = [...plan.topology.modules, ...plan.suite.modules];
  const list = functions.map((one) => `watch ${labelOf(one)} ${one.place}\n`).join('');
  const labels = new Set(functions.map(labelOf));
  const tests: Record<string, Functions> = {};
  const refused = new Map<string, string>();
  let boot: Functions | undefined;

  const read = async (guest: Guest): Promise<Functions> => {
    const { stdout } = await guest.exec(['cat', file], { signal: within(signal, limits.read) });
    for (const [, label = '', error = ''] of stdout.matchAll(/^refused (\S+) (-\d+)$/gm))
      refused.set(label, `kprobes: ${error}`);
    const hits = [...stdout.matchAll(/^hit (\S+)$/gm)].map((match) => match[1] ?? '');
    // A guest under test may say anything.
    return byFile(hits.filter((label) => labels.has(label)));
  };
  return {
    /** The job without modules: those are loaded once the recorder listens. */
    plan: {
      ...plan,
      topology: { ...plan.topology, modules: [] },
      suite: { ...plan.suite, modules: [] },
    },
    async through(guest: Guest): Promise<Guest> {
      // A command is a write of its own.
      const script = `while read -r line; do echo "$line"; done >${file}; echo start >${file}; for module; do modprobe "$module" || true; done`;
      await guest.exec(['sh', '-c', script, 'sh', ...modules], {
        input: list,
        signal: within(signal, limits.watch),
      });
      return {
        ...guest,
        [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
        async exec(argv, options) {
          const [runner = '', suite = '', test = '', seconds = '', ...program] = argv;
          if (runner !== '/pgmap/lib/run-test') return guest.exec(argv, options);
          boot ??= await read(guest);
          // Around the program only: what looks after it before and after is none of the test.
          const around = `echo start >${file}; "$@"; code=$?; echo stop >${file}; exit $code`;
          const wrapped = [runner, suite, test, seconds, 'sh', '-c', around, 'sh', ...program];
          const done = await guest.exec(wrapped, options);
          // A test that goes on after a reset is two programs.
          tests[test] = byFile([...labelsOf(tests[test] ?? {}), ...labelsOf(await read(guest))]);
          return done;
        },
      };
    },
    end: (): { reach: JobReach; refused: ReadonlyMap<string, string> } => ({
      reach: { boot: boot ?? {}, tests },
      refused,
    }),
  };
}

const labelOf = ({ file, name }: Pick<KernelFunction, 'file' | 'name'>): string =>
  `${file}:${name}`;

const labelsOf = (functions: Functions): string[] =>
  Object.entries(functions).flatMap(([file, names]) =>
    names.map((name) => labelOf({ file, name })),
  );

/** `['mm/hmm.c:hmm_range_fault']` → `{ 'mm/hmm.c': ['hmm_range_fault'] }`, sorted. */
function byFile(labels: readonly string[]): Functions {
  const found: Record<string, string[]> = {};
  for (const label of [...new Set(labels)].sort()) {
    const colon = label.lastIndexOf(':');
    (found[label.slice(0, colon)] ??= []).push(label.slice(colon + 1));
  }
  return found;
}
