// pgmap run: the main job.
import { randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Event, Reporter } from '../core/event.ts';
import { exitCode, exitCodes } from '../core/exit-code.ts';
import { asFailure, FailureError } from '../core/failure.ts';
import { limits } from '../core/limits.ts';
import { fold } from '../core/result.ts';
import { commandLine } from '../core/shell.ts';
import { formatSize } from '../core/units.ts';
import type { Lab, RunPlace, RunRequest } from '../run/request.ts';
import { endOfRun, isWhole } from '../run/resume.ts';
import { complaint } from '../report/complaint.ts';
import { json } from '../report/json.ts';
import { junit } from '../report/junit.ts';
import { live } from '../report/live.ts';
import { plain } from '../report/plain.ts';
import { tap } from '../report/tap.ts';
import { sweepCache } from '../store/leftovers.ts';
import {
  continueRecord,
  type Following,
  readRecord,
  type Recorder,
  startRecord,
  writeDerived,
} from '../store/run-folder.ts';
import { formatDuration } from '../core/units.ts';
import { startDeadline } from '../util/deadline.ts';
import { type App, contextOf } from './app.ts';
import { qemuProgram } from './qemu.ts';
import { type Format, render, runFolder } from './report.ts';
import { interruptedRun } from './run-resume.ts';
import {
  type RunArguments,
  runRequest,
  withComparisonOptions,
  withKernelOptions,
  withSelectionOptions,
} from './run-options.ts';

interface Arguments extends RunArguments {
  resume: string | undefined;
  format: string;
  dryRun: boolean;
}

export const runCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'run [series..]',
  describe: 'Build a kernel, boot every topology, run every suite, report',
  builder: (yargs) =>
    withComparisonOptions(withSelectionOptions(withKernelOptions(yargs)))
      .option('format', {
        choices: ['plain', 'json', 'tap', 'junit', 'ndjson'],
        default: 'plain',
        describe: 'What goes to standard output',
      })
      .option('dry-run', {
        type: 'boolean',
        default: false,
        describe: 'Print the plan and the exact git, make and QEMU command lines, and do nothing',
      })
      .option('resume', {
        type: 'string',
        requiresArg: true,
        describe: 'Go on with this run, which was killed or interrupted; takes no further options',
      })
      .epilogue(
        `A test may have ${limits.results.test} results and ${formatSize(limits.outputBytes.test)} of output, a boot ${formatSize(limits.consoleBytesPerBoot)} of console; more is an ERROR.`,
      )
      .example('$0 run', 'the newest installed linux-source package')
      .example('$0 run --tree ~/linux', 'your tree as it stands, uncommitted changes included')
      .example('$0 run --source distro:6.12 0001-fix.patch', 'a patch on a distribution kernel')
      .example('$0 run --tree ~/linux v2.mbox', 'what a series breaks, and which patch of it')
      .example('$0 run --suite races --until-fail', 'again and again, until it FAILs')
      .example('$0 run --type coherent', 'only what is for MEMORY_DEVICE_COHERENT')
      .example(
        "$0 run --test 'devdax > every page of a 4 KiB aligned device is its own'",
        'one test',
      )
      .example(
        '$0 run --resume 2026-11-23T080532-9cf5',
        'what is left of a run that was killed',
      ) as never,
  async handler(args) {
    if (args.resume !== undefined) {
      await goOn(app, args.resume, args);
      return;
    }
    const request = runRequest(app, args, await baselineFolder(app, args.baseline));
    const lab = labOf(app);
    if (args.dryRun) {
      const context = contextOf(app, (text) => app.err.write(`${text}\n`));
      const { dryRun } = await import('../run/dry-run.ts');
      app.out.write(await dryRun(request, lab, context));
      return;
    }
    const startedAt = new Date(app.now()).toISOString();
    const id = `${stampOf(startedAt)}-${randomBytes(2).toString('hex')}`;
    const dir =
      args.out === undefined
        ? join(app.places.runsDir, id)
        : isAbsolute(args.out)
          ? args.out
          : join(app.cwd, args.out);
    const views = newViews(app, args.format);
    const recorder = await startRecord(dir, views.follow);
    const place = { id, dir, startedAt, argv: app.argv, cwd: app.cwd };
    await perform(app, { request, place, recorder, views, format: args.format });
  },
});

/** `--resume`. */
async function goOn(app: App, wanted: string, args: Arguments): Promise<void> {
  const { run, request, cwd, dir, reportOnly } = await interruptedRun(
    app,
    wanted,
    args.series ?? [],
  );
  const views = newViews(app, args.format);
  const { recorder, events } = await continueRecord(dir, views.follow);
  for (const event of events)
    if (args.format === 'ndjson' || event.type === 'run-begin') views.show(event);
  if (reportOnly) {
    recorder.close();
    await views.close();
    await report(app, dir, args.format);
    return;
  }
  try {
    process.chdir(cwd);
  } catch (cause) {
    throw new FailureError(
      {
        blame: 'usage',
        code: 'run-changed',
        title: `the folder in which the run was started is gone: ${cwd}`,
        hint: 'What was asked for may be relative to it: run it again from the beginning.',
      },
      { cause },
    );
  }
  const resumed = { startedAt: new Date(app.now()).toISOString(), events };
  const place = { ...{ id: run.id, dir, startedAt: run.startedAt }, argv: run.argv, resumed };
  const now = args.jobs === undefined ? request : { ...request, jobs: args.jobs };
  await perform(app, { request: now, place, recorder, views, format: args.format });
}

interface Performance {
  readonly request: RunRequest;
  readonly place: RunPlace;
  readonly recorder: Recorder;
  readonly views: Views;
  readonly format: string;
}

/** Runs, writes the reports, and says with what to exit. Throws FailureError `lab/disk-full` besides. */
async function perform(
  app: App,
  { request, place, recorder, views, format }: Performance,
): Promise<void> {
  const deadline = startDeadline(request.deadlineMs, formatDuration(request.deadlineMs ?? 0));
  const signal = AbortSignal.any([app.signal, views.signal, deadline.end]);
  await sweepCache(app.places);
  // Loaded here, so that commands which boot nothing start without what talks to guests.
  const { runPipeline } = await import('../pipeline.ts');
  const { emit } = recorder;
  const status = await runPipeline(request, place, labOf(app), emit, (onProgress) => ({
    ...contextOf(app, onProgress),
    signal,
    deadline: deadline.over,
  }));
  deadline.clear();
  const stopped = AbortSignal.any([signal, deadline.over]);
  emit(endOfRun(stopped, views.broken() && status === 'PASS' ? 'MISS' : status));
  recorder.close();
  await views.close();
  const lost = recorder.broken();
  if (lost !== undefined) throw new FailureError(lost);
  const whole = await report(app, place.dir, format);
  if (deadline.over.aborted) app.exitWith(exitCodes.interrupted);
  if (!whole)
    app.err.write(`to go on: ${commandLine(['npx', 'pgmap', 'run', '--resume', place.dir])}\n`);
}

/** results.json comes last: where it is, all is. Gives back whether nothing is left to go on with. */
async function report(app: App, dir: string, format: string): Promise<boolean> {
  const events = await readRecord(dir);
  const result = fold(events);
  await writeDerived(dir, 'report.tap', tap(result));
  await writeDerived(dir, 'junit.xml', junit(result));
  await writeDerived(dir, 'report.txt', plain(result, { color: false, width: 100 }));
  await writeDerived(dir, 'results.json', json(result));
  if (format !== 'ndjson') app.out.write(render(result, format as Format, app.out));
  app.err.write(`run folder: ${dir}\n`);
  app.exitWith(app.signal.aborted ? exitCodes.interrupted : exitCode(result));
  return isWhole(events);
}

/** What shows a run while it goes on. */
interface Views {
  readonly follow: Following;
  show(event: Event): void;
  /** One of them threw, and has gone. */
  broken(): boolean;
  close(): Promise<void>;
  /** Aborted when the record cannot be written any more. */
  readonly signal: AbortSignal;
}

function newViews(app: App, format: string): Views {
  const reporters = newReporters(app, format);
  const stop = new AbortController();
  let broken = false;
  const show = (event: Event): void => {
    for (const reporter of [...reporters]) {
      try {
        reporter.on(event);
      } catch (error) {
        // A view that breaks must not take the run with it, nor go unseen.
        reporters.delete(reporter);
        broken = true;
        app.err.write(complaint(asFailure(error), { color: app.err.color }));
      }
    }
  };
  return {
    follow: { onEvent: show, onBroken: (failure) => stop.abort(new FailureError(failure)) },
    show,
    broken: () => broken,
    async close() {
      for (const reporter of reporters) await reporter.close?.();
    },
    signal: stop.signal,
  };
}

/** Throws FailureError `usage/no-run` before anything is done. */
async function baselineFolder(app: App, run: string | undefined): Promise<string | undefined> {
  if (run === undefined || run === 'none') return undefined;
  const dir = (await runFolder(app, run)) ?? run;
  await readRecord(dir);
  return dir;
}

export const labOf = (app: App): Lab => ({
  projectDir: app.places.projectDir,
  stateDir: app.places.stateDir,
  qemu: qemuProgram,
  cpus: app.cpus,
  memoryBytes: app.memoryBytes,
  version: app.version,
});

function newReporters(app: App, format: string): Set<Reporter> {
  const reporters = new Set<Reporter>([
    live({
      write: (text) => app.err.write(text),
      isTerminal: app.err.isTerminal,
      color: app.err.color,
      columns: () => app.err.columns(),
      clock: {
        now: () => performance.now(),
        every(ms, tick) {
          const timer = setInterval(tick, ms);
          timer.unref();
          return () => clearInterval(timer);
        },
      },
    }),
  ]);
  if (format === 'ndjson')
    reporters.add({ on: (event: Event) => app.out.write(`${JSON.stringify(event)}\n`) });
  return reporters;
}

/** `2026-11-22T143005`, UTC: sorts by time and is fit for a file name. */
const stampOf = (time: string): string => time.slice(0, 19).replaceAll(':', '');
