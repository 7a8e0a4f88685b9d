// pgmap run --resume: which run is meant, and whether there is anything to go on with.
import { readRecord } from '../store/run-folder.ts';
import { FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import { type Asked, isWhole, readAsked } from '../run/resume.ts';
import { exists } from '../util/files.ts';
import type { App } from './app.ts';
import { runFolder } from './report.ts';
import { join } from 'node:path';

export interface Interrupted extends Asked {
  /** Its folder. */
  readonly dir: string;
  /** All jobs are done, only the reports were not written any more. */
  readonly reportOnly: boolean;
}

/** Options that change nothing of what is tested. */
const harmless = ['--resume', '--format', '--jobs'];

/**
 * The run to go on with. Throws FailureError `usage/no-run`, `usage/run-ended`, `usage/not-resumable`, and
 * `usage/resume-options` for what would make it another run.
 */
export async function interruptedRun(
  app: App,
  wanted: string,
  series: readonly string[],
): Promise<Interrupted> {
  const words = app.argv.filter((word) => word.startsWith('-')).map((word) => word.split('=')[0]);
  const others = [...words.filter((word) => !harmless.includes(word ?? '')), ...series];
  if (others.length > 0)
    throw new FailureError({
      blame: 'usage',
      code: 'resume-options',
      title: `--resume goes on with what was asked for; it takes no ${others.join(', ')}`,
      hint: `Only ${harmless.slice(1).join(' and ')} go with it.`,
    });
  const dir = (await runFolder(app, wanted)) ?? wanted;
  const events = await readRecord(dir);
  const reported = await exists(join(dir, 'results.json'));
  const asked = readAsked(events, dir);
  if (isWhole(events) && reported)
    throw new FailureError({
      blame: 'usage',
      code: 'run-ended',
      title: `the run ${asked.run.id} came to its end, there is nothing to go on with`,
      hint: `Its report: ${commandLine(['npx', 'pgmap', 'report', wanted])}`,
    });
  return { ...asked, dir, reportOnly: isWhole(events) };
}
