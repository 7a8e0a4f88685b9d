#!/usr/bin/env node
// argv → command → exit code. The only process.exit, the only signal handlers, the only place that talks to the terminal.
import { readFileSync, writeSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { isatty } from 'node:tty';
import yargs from 'yargs';
import type { App, Output } from './commands/app.ts';
import { bisectCommand } from './commands/bisect.ts';
import { buildCommand } from './commands/build.ts';
import { cleanCommand } from './commands/clean.ts';
import { compareCommand } from './commands/compare.ts';
import { doctorCommand } from './commands/doctor.ts';
import { givenOnce } from './commands/given-once.ts';
import { listCommand } from './commands/list.ts';
import { reportCommand } from './commands/report.ts';
import { runCommand } from './commands/run.ts';
import { shellCommand } from './commands/shell.ts';
import { splatsCommand } from './commands/splats.ts';
import { exitCodes } from './core/exit-code.ts';
import { asFailure, FailureError } from './core/failure.ts';
import { complaint } from './report/complaint.ts';
import { places } from './store/places.ts';

const argv = process.argv.slice(2);
let code: number = exitCodes.good;

const output = (stream: NodeJS.WriteStream & { fd: number }): Output => {
  // Not stream.isTTY, which a pipe leaves undefined: picocolors would then decide by CI and FORCE_COLOR.
  const isTerminal = isatty(stream.fd);
  return {
    // Synchronous, so that nothing is lost at process.exit; a reader that went away is no reason to fail.
    write(text) {
      for (let bytes = Buffer.from(text); bytes.length > 0;) {
        try {
          bytes = bytes.subarray(writeSync(stream.fd, bytes));
        } catch (error) {
          if (!(error instanceof Error && 'code' in error)) throw error;
          if (error.code === 'EPIPE') return;
          if (error.code !== 'EAGAIN') throw error;
        }
      }
    },
    isTerminal,
    color: isTerminal && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb',
    columns: () => stream.columns || 100,
  };
};

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(exitCodes.interrupted);
    err.write('\nstopping; once more stops at once\n');
    stop.abort(new FailureError({ blame: 'usage', code: 'interrupted', title: 'interrupted' }));
  });

const err = output(process.stderr);
const app: App = {
  places: places(),
  version: version(),
  argv,
  signal: stop.signal,
  path: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
  cwd: process.cwd(),
  cpus: availableParallelism(),
  memoryBytes: totalmem(),
  now: Date.now,
  out: output(process.stdout),
  err,
  exitWith(value) {
    code = value;
  },
};

try {
  await yargs(argv)
    .scriptName('pgmap')
    // So that `--suite a fix.patch` is a suite and a patch.
    .parserConfiguration({ 'greedy-arrays': false })
    .usage('$0 <command>\n\nEnd-to-end tests for memremap patches on real kernels in QEMU.')
    .command(runCommand(app))
    .command(buildCommand(app))
    .command(bisectCommand(app))
    .command(shellCommand(app))
    .command(reportCommand(app))
    .command(compareCommand(app))
    .command(splatsCommand(app))
    .command(listCommand(app))
    .command(doctorCommand(app))
    .command(cleanCommand(app))
    .completion('completion', 'Print a completion script for bash or zsh')
    .example('$0 run', 'test the newest installed linux-source package')
    .example('$0 run --tree ~/linux fix.patch', 'a patch on your own tree')
    .epilogue(
      'Exit codes: 0 good · 1 bad · 125 cannot be judged · 130 interrupted · 255 usage or host',
    )
    .demandCommand(1, 'Which command?')
    .strict()
    .check(givenOnce, true)
    .recommendCommands()
    .version(app.version)
    .wrap(Math.min(app.out.columns(), 100))
    .fail((message, error) => {
      // yargs gives a message or a YError for its own complaints, another error for what a command threw.
      throw error === undefined || error.name === 'YError'
        ? usageFailure(message ?? error?.message ?? '')
        : error;
    })
    .parseAsync();
} catch (error) {
  const failure = asFailure(error);
  err.write(complaint(failure, { color: err.color }));
  code = stop.signal.aborted
    ? exitCodes.interrupted
    : failure.blame === 'usage' || failure.blame === 'lab'
      ? exitCodes.usage
      : failure.blame === 'series'
        ? exitCodes.bad
        : exitCodes.cannotJudge;
}
process.exit(code);

function usageFailure(message: string): FailureError {
  return new FailureError({
    blame: 'usage',
    code: 'usage',
    title: message,
    hint: '`pgmap --help` and `pgmap COMMAND --help` show what there is.',
  });
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
