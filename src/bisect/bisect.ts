// The one place that composes a bisection: asks the pure core what to do next, does it, and tells it what came of it, until there
// is an answer. Every step is on disk before the next one begins.
import { loadSuites, loadTopologies } from '../config/load.ts';
import { loadVariant } from '../config/variant.ts';
import { type Next, next } from '../core/bisect/next.ts';
import { foldSteps, learn, type State } from '../core/bisect/state.ts';
import type { Begin, Purpose, Step } from '../core/bisect/step.ts';
import { FailureError } from '../core/failure.ts';
import { narrowJob, type PlannedJob, planJobs } from '../core/plan.ts';
import { pickJob, shapeJobs } from './job.ts';
import { revertOn } from './specimen.ts';
import { type BisectRequest, layTable, type Table } from './table.ts';
import { type Bench, buildOne, tryOne, worthTelling } from './trial.ts';
import type { Lab, RunPlace } from '../run/request.ts';
import { treeTypes } from '../run/tested-kernel.ts';
import { commitBefore, describeCommits } from '../tree/history.ts';
import type { Context } from '../util/context.ts';
import { withSandbox } from '../util/sandbox-trial.ts';
import type { AccelChoice } from '../vm/probe.ts';

/** Whoever follows it, and keeps it. */
export interface Follower {
  /** Called before anything follows from the step. */
  keep(step: Step): void;
  onNext(state: State, todo: Next): void;
  onStep(state: State, step: Step): void;
}

/** From the beginning. Rejects with what is wrong with the request, or when interrupted. */
export async function bisect(
  wanted: BisectRequest,
  place: RunPlace,
  lab: Lab,
  follower: Follower,
  given: Context,
): Promise<State> {
  const { ctx, info } = await withSandbox(wanted.request.sandbox ?? 'auto', given);
  const table = await layTable(wanted, place.dir, ctx);
  const good = await table.goodEnds(ctx);
  const jobs = shapeJobs(await plannedJobs(table, lab, ctx), wanted.predicate);
  const worst = await table.shelf.take(table.bad, ctx);
  const job = await pickJob(jobs, wanted.predicate, worst, { ...table, lab, place }, ctx);
  const begin: Begin = {
    ...{ type: 'begin', version: 1, settings: wanted.settings, bad: table.bad },
    ...(good === undefined ? {} : { good }),
    ...{ predicate: wanted.predicate, firstParent: wanted.firstParent },
    ...{ job: job.id, tests: job.tests.map(({ name }) => name) },
    ...(wanted.configs === undefined ? {} : { noRevert: true }),
    ...{ startedAt: place.startedAt, argv: place.argv, more: { wanted, builds: info.text } },
  };
  follower.keep(begin);
  return drive(foldSteps([begin]), table, { lab, place, base: table.base, job }, follower, ctx);
}

/** From where a log ends. Throws FailureError `usage/bad-log` besides. */
export async function resume(
  steps: readonly Step[],
  place: RunPlace,
  lab: Lab,
  follower: Follower,
  given: Context,
): Promise<State> {
  const before = foldSteps(steps);
  const { begin } = before;
  const wanted = wantedOf(begin);
  const { ctx } = await withSandbox(wanted.request.sandbox ?? 'auto', given);
  const table = await layTable({ ...wanted, bad: begin.bad }, place.dir, ctx);
  const jobs = shapeJobs(await plannedJobs(table, lab, ctx), begin.predicate);
  const planned = jobs.find(({ id }) => id === begin.job);
  const job =
    planned === undefined || begin.tests === undefined
      ? planned
      : narrowJob(planned, new Set(begin.tests));
  if (job === undefined || table.bad !== begin.bad)
    throw new FailureError({
      blame: 'usage',
      code: 'bad-log',
      title:
        job === undefined
          ? `there is no job ${begin.job} any more`
          : 'what was bisected is not the same any more',
    });
  const step: Step = { type: 'resume' };
  follower.keep(step);
  const bench = { lab, place, base: table.base, job };
  return drive(learn(before, step), table, bench, follower, ctx);
}

/** What the bisection that a log is of was asked for. Throws FailureError `usage/bad-log`. */
export function wantedOf(begin: Begin): BisectRequest {
  const wanted = begin.more?.['wanted'];
  if (typeof wanted === 'object' && wanted !== null) return wanted as BisectRequest;
  throw new FailureError({
    blame: 'usage',
    code: 'bad-log',
    title: 'the log does not say what was asked for',
  });
}

async function plannedJobs(table: Table, lab: Lab, ctx: Context): Promise<PlannedJob[]> {
  const { request, source } = table;
  const suites = await loadSuites(lab.projectDir);
  const topologies = await loadTopologies(lab.projectDir);
  const enumerators = await treeTypes(source, ctx);
  const variant = await loadVariant(lab.projectDir, request.variant);
  const catalogue = { suites, topologies, enumerators, ...(variant && { variant }) };
  return planJobs(request.selection, catalogue, request.command);
}

type Seat = Omit<Bench, 'predicate'>;

async function drive(
  begun: State,
  table: Table,
  seat: Seat,
  follower: Follower,
  ctx: Context,
): Promise<State> {
  let state = begun;
  let accel: AccelChoice | undefined;
  const tell = (step: Step): void => {
    follower.keep(step);
    state = learn(state, step);
    follower.onStep(state, step);
  };
  const run = async (commit: string, purpose: Purpose, runs: number): Promise<void> => {
    const begin = performance.now();
    const specimen = await table.shelf.take(commit, ctx);
    if (!state.images.has(commit)) {
      const built = await buildOne(specimen, seat.lab, ctx);
      const ms = since(begin);
      if ('image' in built) tell({ type: 'image', commit, image: built.image, purpose, ms });
      else tell({ type: 'observe', commit, purpose, ...built, ms });
      return;
    }
    const bench = { ...seat, predicate: state.begin.predicate };
    const count = Math.min(runs, (unlikelyToEnd.has(purpose) ? 5 : 1) * table.request.jobs);
    // What was seen before is as good as seeing it now, once: repeating it would tell nothing.
    const reuse = runs === 1 && (purpose === 'search' || purpose === 'walk');
    const how = { runs: count, reuse, ...(accel === undefined ? {} : { accel }) };
    const { trials, accel: used } = await tryOne(specimen, how, bench, ctx);
    if (used === 'tcg' || used === 'kvm') accel = { accel: used };
    const told = worthTelling(trials);
    const ms = Math.round(since(begin) / told.length);
    for (const trial of told) tell({ type: 'observe', commit, purpose, ...trial, ms });
  };
  const introduce = async (ids: readonly string[]): Promise<void> => {
    const unknown = ids.filter((id) => isCommit(id) && !state.commits.has(id));
    const found = await describeCommits(table.source, unknown, ctx);
    for (const commit of found.values()) tell({ type: 'commit', commit });
  };
  await introduce([table.bad, ...(state.begin.good ?? [])]);
  for (;;) {
    const todo = next(state);
    if (todo.do === 'run' && todo.purpose !== 'revert') await introduce([todo.commit]);
    follower.onNext(state, todo);
    ctx.signal.throwIfAborted();
    switch (todo.do) {
      case 'walk': {
        const commit = await commitBefore(table.source, table.bad, todo.distance, ctx);
        const { distance } = todo;
        tell({ type: 'walk', distance, ...(commit === undefined ? {} : { commit }) });
        break;
      }
      case 'graph':
        tell({ type: 'graph', commits: await table.list(todo.good, todo.bad, ctx) });
        break;
      case 'revert': {
        const { dir } = seat.place;
        tell({ type: 'revert', ...(await revertOn(table.source, todo.culprit, dir, ctx)) });
        break;
      }
      case 'run':
        await run(todo.commit, todo.purpose, todo.runs);
        break;
      case 'end':
        if (todo.answer.kind === 'range') await introduce(todo.answer.commits);
        return state;
    }
  }
}

/** Purposes for which one run seldom makes the others needless: guests follow each other without a pause. */
const unlikelyToEnd: ReadonlySet<Purpose> = new Set(['rate', 'confirm', 'culprit', 'revert']);

const isCommit = (name: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name);

const since = (begin: number): number => Math.round(performance.now() - begin);
