// pgmap bisect: the commit, or the patch of a series, that broke it, and the proof.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { BisectRequest } from '../bisect/table.ts';
import { gitBisectLog } from '../core/bisect/git-log.ts';
import type { Answer } from '../core/bisect/next.ts';
import { foldSteps, type State } from '../core/bisect/state.ts';
import type { Step } from '../core/bisect/step.ts';
import { exitCodes } from '../core/exit-code.ts';
import { commandLine } from '../core/shell.ts';
import {
  answerOf,
  type BisectFacts,
  nameCommit,
  outlook,
  regressionMail,
  stepLine,
  wholeBisectReport,
} from '../report/bisect.ts';
import { bisectJson } from '../report/bisect-json.ts';
import { bisectLogName, openStepLog, readSteps } from '../store/bisect-log.ts';
import { writeDerived } from '../store/run-folder.ts';
import { type App, contextOf } from './app.ts';
import { progressLine } from './build.ts';
import {
  absolute,
  type BisectArguments,
  usage,
  wantedBy,
  withBisectOptions,
} from './bisect-options.ts';
import { labOf } from './run.ts';

export const bisectCommand = (app: App): CommandModule<object, BisectArguments> => ({
  command: 'bisect [series..]',
  describe: 'Find the commit (or the patch of a series) that broke it, and prove it',
  builder: (yargs) => withBisectOptions(yargs) as never,
  async handler(args) {
    if (args.replay !== undefined) {
      const steps = await readSteps(logFile(app, args.replay));
      const { commits } = foldSteps(steps);
      for (const step of steps) tell(app, step, commits);
      finish(app, args, factsOf(steps));
      return;
    }
    const resumed = args.resume === undefined ? undefined : absolute(app, args.resume);
    const id = `${stamp(app.now())}-bisect-${randomBytes(2).toString('hex')}`;
    const out = args.out === undefined ? join(app.places.runsDir, id) : absolute(app, args.out);
    const dir = resumed ?? out;
    const steps: Step[] =
      resumed === undefined ? [] : await readSteps(join(dir, bisectLogName), { mend: true });
    if (resumed === undefined && existsSync(join(dir, bisectLogName)))
      throw usage('run-exists', `${dir} already holds a bisection`, '--resume goes on with it.');
    if (args.dryRun === true) {
      const context = contextOf(app, (text) => app.err.write(`${text}\n`));
      const { dryBisect } = await import('../bisect/dry-run.ts');
      app.out.write(await dryBisect(wantedBy(app, args), dir, labOf(app), context));
      return;
    }
    const progress = progressLine(app);
    const log = openStepLog(dir);
    const place = { id, dir, startedAt: new Date(app.now()).toISOString(), argv: app.argv };
    const lanes = args.jobs ?? app.cpus;
    let now = 'looking at the ends';
    const follower = {
      keep(step: Step) {
        log.append(step);
        steps.push(step);
      },
      onStep(state: State, step: Step) {
        progress.end();
        tell(app, step, state.commits);
      },
      onNext(state: State, todo: { readonly do: string; readonly commit?: string }) {
        if (todo.do !== 'run' || todo.commit === undefined) return;
        now = `[${outlook(state, steps, lanes)}] ${nameCommit(todo.commit, state.commits)}`;
        progress.show(now);
      },
    };
    const ctx = contextOf(app, (text) => progress.show(`${now}: ${text}`));
    // Loaded here, so that commands which boot nothing start without what talks to guests.
    const { bisect, resume } = await import('../bisect/bisect.ts');
    try {
      if (resumed === undefined)
        await bisect(wantedBy(app, args), place, labOf(app), follower, ctx);
      else await resume(steps, place, labOf(app), follower, ctx);
    } catch (error) {
      progress.end();
      if (steps.length > 0)
        app.err.write(`to go on: ${commandLine(['npx', 'pgmap', 'bisect', '--resume', dir])}\n`);
      throw error;
    } finally {
      log.close();
    }
    progress.end();
    const facts = factsOf(steps);
    await writeDerived(dir, 'report.txt', wholeBisectReport(facts));
    // Settings are nothing that git knows, nor does the user's tree know the commits that we made of patches.
    const byHand = facts.state.begin.noRevert !== true && !facts.series;
    if (byHand) await writeDerived(dir, 'bisect.log', gitLog(facts.state));
    await writeDerived(dir, 'bisect.json', bisectJson(facts.state, steps));
    const mail = regressionMail(facts);
    if (mail !== undefined) await writeDerived(dir, 'report.mail', mail);
    finish(app, args, facts);
    app.err.write(`folder: ${dir}\n`);
    if (mail !== undefined) app.err.write(`mail: ${join(dir, 'report.mail')}\n`);
    if (byHand) app.err.write(`by hand: git bisect replay ${join(dir, 'bisect.log')}\n`);
  },
});

const tell = (app: App, step: Step, commits: State['commits']): void => {
  const line = stepLine(step, commits);
  if (line !== undefined) app.err.write(`${line}\n`);
};

function factsOf(steps: readonly Step[]): BisectFacts {
  const state = foldSteps(steps);
  const { begin } = state;
  const [suite = '', topology = ''] = begin.job.split('@');
  const test = 'path' in begin.predicate ? begin.predicate.path.join(' > ') : undefined;
  const argv = ['npx', 'pgmap', 'run', '--tree', '.', '--suite', suite, '--topology', topology];
  const wanted = begin.more?.['wanted'] as BisectRequest | undefined;
  return {
    ...{ state, steps, series: (wanted?.request.series.length ?? 0) > 0 },
    reproduce: commandLine([...argv, ...(test === undefined ? [] : ['--test', test])]),
  };
}

function finish(app: App, args: BisectArguments, facts: BisectFacts): void {
  app.out.write(
    args.format === 'json'
      ? bisectJson(facts.state, facts.steps)
      : args.format === 'git'
        ? gitLog(facts.state)
        : wholeBisectReport(facts),
  );
  app.exitWith(codeOf(answerOf(facts.state)));
}

const gitLog = (state: State): string =>
  gitBisectLog(state, new Map([...state.commits].map(([id, { title }]) => [id, title])));

/** 255 for what repeating will not mend: `git bisect run` would stop there, too. */
function codeOf(answer: Answer | undefined): number {
  if (answer === undefined || answer.kind === 'range') return exitCodes.cannotJudge;
  if (answer.kind === 'culprit') return exitCodes.good;
  const usageCodes = ['bad-end-good', 'good-end-bad', 'end-skipped', 'no-commits', 'lab-failed'];
  return usageCodes.includes(answer.code) ? exitCodes.usage : exitCodes.cannotJudge;
}

const logFile = (app: App, path: string): string => {
  const full = absolute(app, path);
  return full.endsWith('.ndjson') ? full : join(full, bisectLogName);
};

const stamp = (now: number): string => new Date(now).toISOString().slice(0, 19).replaceAll(':', '');
