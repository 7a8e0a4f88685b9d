// pgmap compare OLD NEW: what changed between two runs.
import type { CommandModule } from 'yargs';
import { loadKnownFailures } from '../config/known.ts';
import type { BaselineInfo } from '../core/change.ts';
import { isWorse } from '../core/change.ts';
import { compare } from '../core/compare.ts';
import { exitCodes } from '../core/exit-code.ts';
import { fold, type RunResult } from '../core/result.ts';
import { comparison, comparisonMarkdown } from '../report/changes.ts';
import { readRecord } from '../store/run-folder.ts';
import type { App } from './app.ts';
import { runFolder } from './report.ts';

interface Arguments {
  old: string;
  new: string;
  format: string;
}

export const compareCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'compare <old> <new>',
  describe: 'What changed between two runs; exits with 1 if something got worse',
  builder: (yargs) =>
    yargs
      .positional('old', { type: 'string', demandOption: true, describe: 'Run id or run folder' })
      .positional('new', { type: 'string', demandOption: true, describe: 'Run id or run folder' })
      .option('format', {
        choices: ['plain', 'json', 'markdown'],
        default: 'plain',
        describe: 'Output format',
      })
      .example('$0 compare 2026-11-22T143005-3f2a 2026-11-23T090112-07c1', 'two runs by their ids')
      .example('$0 compare before/ after/ --format markdown', 'two folders, for a pull request'),
  async handler({ old: oldRun, new: newRun, format }) {
    const [old, now] = [await resultOf(app, oldRun), await resultOf(app, newRun)];
    const { changes, notes } = compare(old, now, {
      known: await loadKnownFailures(app.places.projectDir),
      today: new Date(app.now()).toISOString().slice(0, 10),
      onlyPlanned: false,
    });
    const baseline: BaselineInfo = {
      ...{ kind: 'run', id: old.id, subject: old.subject, status: old.status, cached: 0 },
      built: old.steps.every((step) => step.step !== 'build' || step.status === 'PASS'),
      jobs: old.jobs.length,
    };
    const result = { baseline, changes, notes };
    app.out.write(
      format === 'json'
        ? `${JSON.stringify({ old: old.id, new: now.id, changes, notes }, undefined, 2)}\n`
        : format === 'markdown'
          ? comparisonMarkdown(result)
          : comparison(result, { color: app.out.color, width: app.out.columns() }),
    );
    if (changes.some(isWorse)) app.exitWith(exitCodes.bad);
  },
});

/** Throws FailureError `usage/no-run`. */
const resultOf = async (app: App, run: string): Promise<RunResult> =>
  fold(await readRecord((await runFolder(app, run)) ?? run));
