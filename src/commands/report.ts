// pgmap report RUN: render a finished run, or a bare (K)TAP stream, again.
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Event } from '../core/event.ts';
import { fold, type RunResult } from '../core/result.ts';
import { json } from '../report/json.ts';
import { junit } from '../report/junit.ts';
import { plain } from '../report/plain.ts';
import { tap } from '../report/tap.ts';
import { readRecord } from '../store/run-folder.ts';
import { parseTap } from '../tap/parse.ts';
import type { App, Output } from './app.ts';
import { givenFile, inputOf } from './splats.ts';

interface Arguments {
  run: string;
  format: string;
}

/** What a finished run can be rendered as. */
export const formats = ['plain', 'json', 'junit', 'tap'] as const;
export type Format = (typeof formats)[number];

export const reportCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'report <run>',
  describe: 'Render a finished run, or a (K)TAP file, in another format',
  builder: (yargs) =>
    yargs
      .positional('run', {
        type: 'string',
        demandOption: true,
        describe: 'Run id, run folder, (K)TAP file, or - for standard input',
      })
      .option('format', { choices: formats, default: 'plain', describe: 'Output format' })
      .example('$0 report 2026-11-22T1430-6.12.117-3f2a --format junit', 'a run by its id')
      .example('dmesg | $0 report - --format json', 'KTAP from a pipe'),
  async handler({ run: given, format }) {
    const run = givenFile(app, given);
    const dir = await runFolder(app, run);
    const events = dir === undefined ? await tapEvents(run) : await readRecord(dir);
    app.out.write(render(fold(events), format as Format, app.out));
  },
});

const renderers: Record<Format, (result: RunResult, out: Output) => string> = {
  plain: (result, out) => plain(result, { color: out.color, width: out.columns() }),
  json,
  junit,
  tap,
};

export const render = (result: RunResult, format: Format, out: Output): string =>
  renderers[format](result, out);

/** The folder a run id or path stands for; undefined for a file or `-`. */
export async function runFolder(app: App, run: string): Promise<string | undefined> {
  if (run === '-') return undefined;
  for (const dir of [join(app.cwd, run), run, join(app.places.runsDir, run)]) {
    const info = await stat(dir).catch(() => undefined);
    if (info?.isDirectory() === true) return dir;
    if (info !== undefined) return undefined;
  }
  return join(app.places.runsDir, run);
}

/** A bare stream, which may be larger than memory, as the record of a run with one job. */
async function tapEvents(file: string): Promise<Event[]> {
  const suite = file === '-' ? 'stdin' : basename(file);
  const events: Event[] = [];
  const job = suite;
  const reader = parseTap((point) =>
    events.push({ at: 0, type: 'test', job, point: { ...point, path: [suite, ...point.path] } }),
  );
  for await (const chunk of inputOf(file)) reader.write(chunk);
  const end = reader.end();
  if (end.problems.length > 0)
    events.push({
      at: 0,
      type: 'test',
      job,
      point: { path: [suite], status: 'ERROR', diagnostics: end.problems },
    });
  else if (end.plan?.skipAll !== undefined)
    events.push({
      at: 0,
      type: 'test',
      job,
      point: {
        path: [suite],
        status: 'SKIP',
        directive: { name: 'SKIP', reason: end.plan.skipAll },
        diagnostics: [],
      },
    });
  return [
    {
      at: 0,
      type: 'run-begin',
      run: {
        id: suite,
        startedAt: '',
        argv: [],
        version: '',
        host: { cpus: 0, memoryBytes: 0, accel: 'none' },
        subject: suite,
        jobs: [{ id: job, topology: '', suite, tests: [], types: [], reproduce: '' }],
      },
    },
    ...events,
    { at: 0, type: 'run-end', status: 'PASS' },
  ];
}
