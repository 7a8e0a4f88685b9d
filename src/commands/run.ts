// pgmap run: the main job.
import { randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Event, Reporter } from '../core/event.ts';
import { exitCode, exitCodes } from '../core/exit-code.ts';
import { asFailure } from '../core/failure.ts';
import { fold } from '../core/result.ts';
import type { Lab } from '../run/request.ts';
import { complaint } from '../report/complaint.ts';
import { json } from '../report/json.ts';
import { junit } from '../report/junit.ts';
import { live } from '../report/live.ts';
import { plain } from '../report/plain.ts';
import { tap } from '../report/tap.ts';
import { readRecord, startRecord, writeDerived } from '../store/run-folder.ts';
import { type App, contextOf } from './app.ts';
import { qemuProgram } from './qemu.ts';
import { type Format, render, runFolder } from './report.ts';
import {
  type RunArguments,
  runRequest,
  withComparisonOptions,
  withKernelOptions,
  withSelectionOptions,
} from './run-options.ts';

interface Arguments extends RunArguments {
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
      .example('$0 run', 'the newest installed linux-source package')
      .example('$0 run --tree ~/linux', 'your tree as it stands, uncommitted changes included')
      .example('$0 run --source distro:6.12 0001-fix.patch', 'a patch on a distribution kernel')
      .example('$0 run --tree ~/linux v2.mbox', 'what a series breaks, and which patch of it')
      .example('$0 run --suite races --until-fail', 'again and again, until it FAILs')
      .example('$0 run --type coherent', 'only what is for MEMORY_DEVICE_COHERENT')
      .example(
        "$0 run --test 'devdax > every page of a 4 KiB aligned device is its own'",
        'one test',
      ) as never,
  async handler(args) {
    const request = runRequest(app, args, await baselineFolder(app, args.baseline));
    const lab = labOf(app);
    if (args.dryRun) {
      const context = contextOf(app, (text) => app.err.write(`${text}\n`));
      const { dryRun } = await import('../run/dry-run.ts');
      app.out.write(await dryRun(request, lab, context));
      return;
    }
    const id = `${stamp(app.now())}-${randomBytes(2).toString('hex')}`;
    const dir =
      args.out === undefined
        ? join(app.places.runsDir, id)
        : isAbsolute(args.out)
          ? args.out
          : join(app.cwd, args.out);
    const reporters = newReporters(app, args.format);
    let broken = false;
    const recorder = await startRecord(dir, (event) => {
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
    });
    const run = { id, dir, startedAt: new Date(app.now()).toISOString(), argv: app.argv };
    // Loaded here, so that commands which boot nothing start without what talks to guests.
    const { runPipeline } = await import('../pipeline.ts');
    const status = await runPipeline(request, run, lab, recorder.emit, (report) =>
      contextOf(app, report),
    );
    recorder.emit({ type: 'run-end', status: broken && status === 'PASS' ? 'MISS' : status });
    recorder.close();
    for (const reporter of reporters) await reporter.close?.();

    const result = fold(await readRecord(dir));
    await writeDerived(dir, 'results.json', json(result));
    await writeDerived(dir, 'report.tap', tap(result));
    await writeDerived(dir, 'junit.xml', junit(result));
    await writeDerived(dir, 'report.txt', plain(result, { color: false, width: 100 }));
    if (args.format !== 'ndjson') app.out.write(render(result, args.format as Format, app.out));
    app.err.write(`run folder: ${dir}\n`);
    app.exitWith(app.signal.aborted ? exitCodes.interrupted : exitCode(result));
  },
});

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
const stamp = (now: number): string => new Date(now).toISOString().slice(0, 19).replaceAll(':', '');
