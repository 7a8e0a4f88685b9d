// The one job that shows what a bisection is after: one boot, one test, or a command of the user's.
import { join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import { narrowJob, type PlannedJob } from '../core/plan.ts';
import { commandTest, describePredicate, judge, type Predicate } from '../core/predicate.ts';
import type { RunResult } from '../core/result.ts';
import type { Specimen } from './specimen.ts';
import type { Lab, RunPlace } from '../run/request.ts';
import { runAt } from '../run/run-at.ts';
import type { Source } from '../tree/source.ts';
import type { Context } from '../util/context.ts';

/** Of the jobs that a selection leaves, what each has to run for the predicate. */
export function shapeJobs(jobs: readonly PlannedJob[], predicate: Predicate): PlannedJob[] {
  const [first] = jobs;
  if (first === undefined) return [];
  switch (predicate.kind) {
    case 'test':
    case 'timing':
    case 'splat':
      return [...jobs];
    case 'boot': {
      const topologies = new Map(jobs.map((job) => [job.topology.name, job]));
      return [...topologies.values()].map((job) => ({ ...job, tests: job.tests.slice(0, 1) }));
    }
    case 'cmd':
  }
  return [withCommand(first, predicate.command)];
}

/** Exit codes as for `git bisect run`: 0 is good, 125 cannot tell, anything else is bad. */
const script = [
  'echo 1..1',
  'log=${TMPDIR:-/tmp}/pgmap-cmd.$$',
  'sh -c "$1" </dev/null >"$log" 2>&1',
  'code=$?',
  'tail -n 20 "$log" | sed \'s/^/# /\'',
  // A last line of the command's may have no end.
  'echo',
  'rm -f "$log"',
  'case $code in',
  '0) echo "ok 1 - exit code 0" ;;',
  '125) echo "ok 1 - exit code 125 # SKIP the command cannot tell" ;;',
  '*) echo "not ok 1 - exit code $code"; exit 1 ;;',
  'esac',
].join('\n');

function withCommand(job: PlannedJob, command: string): PlannedJob {
  const name = commandTest(command);
  return {
    ...job,
    tests: [
      {
        name,
        run: ['sh', '-c', script, 'sh', command],
        timeoutMs: 120_000,
        ...{ needs: { config: [] }, leaves: {}, cases: [] },
      },
    ],
  };
}

interface Where {
  readonly base: Source;
  readonly lab: Lab;
  readonly place: RunPlace;
}

/**
 * Of several, the first that is bad at the bad end; of one that shows a kernel report, the tests that it came during, if they
 * show it alone. Throws FailureError `usage/bad-end-good`.
 */
export async function pickJob(
  jobs: readonly PlannedJob[],
  predicate: Predicate,
  bad: Specimen,
  where: Where,
  ctx: Context,
): Promise<PlannedJob> {
  const [first] = jobs;
  const whole = predicate.kind !== 'splat' || first?.tests.length === 1;
  if (first !== undefined && jobs.length === 1 && whole) return first;
  const result = await runBad('which-job', jobs, bad, where, ctx);
  const judged = jobs.map((job) => {
    const own = result.jobs.filter(({ id }) => id === job.id);
    return { job, ...judge(predicate, { ...result, jobs: own }) };
  });
  const found = judged.find(({ outcome }) => outcome === 'bad');
  if (found !== undefined) {
    if (predicate.kind !== 'splat') return found.job;
    const narrow = duringSplat(found.job, predicate.title, result);
    if (narrow === undefined) return found.job;
    const alone = await runBad('which-test', [narrow], bad, where, ctx);
    return judge(predicate, alone).outcome === 'bad' ? narrow : found.job;
  }
  throw new FailureError({
    blame: 'usage',
    code: 'bad-end-good',
    title: `at the bad end, none of ${jobs.length} jobs shows that ${describePredicate(predicate)}`,
    detail: judged.map(({ job, outcome, why }) => `${job.id}: ${outcome}, ${why}`).join('\n'),
    hint: 'If it shows at times, name the one with --topology and --suite: then it is run more often.',
  });
}

function runBad(
  name: string,
  jobs: readonly PlannedJob[],
  { request, source, subject }: Specimen,
  { base, lab, place }: Where,
  ctx: Context,
): Promise<RunResult> {
  const at = { source, base, jobs, dir: join(place.dir, name), subject, reuse: true };
  return runAt(at, { request, lab, place }, ctx);
}

/** The job with those tests only that ran when the report came; undefined if nobody knows, or if it is all of them. */
function duringSplat(job: PlannedJob, title: string, result: RunResult): PlannedJob | undefined {
  const splats = result.jobs.find(({ id }) => id === job.id)?.splats ?? [];
  const during = splats.filter((splat) => splat.title === title).flatMap((splat) => splat.during);
  const names = during.map((path) => path.split(' > ')[1] ?? '');
  const narrow = narrowJob(job, new Set(names));
  return narrow.tests.length === 0 || narrow.tests.length === job.tests.length ? undefined : narrow;
}
