// The words behind `npm run SCRIPT --`.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { exitCodes } from '../core/exit-code.ts';
import { asFailure, FailureError } from '../core/failure.ts';
import { complaint } from '../report/complaint.ts';

type Words<Config extends ParseArgsConfig> = ReturnType<typeof parseArgs<Config>>;

/** What the words mean. Throws FailureError `usage/usage`, with the first line of `usage` as its hint. */
export function readWords<const Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): Words<Config> {
  try {
    return parseArgs(config);
  } catch (error) {
    const [title = ''] = String(error instanceof Error ? error.message : error).split('. ');
    const [hint = ''] = usage.split('\n');
    throw new FailureError({ blame: 'usage', code: 'usage', title, hint });
  }
}

/** The words of this process. Ends it where they ask for `--help`, or mean nothing. */
export function commandLine<const Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): Words<Config> {
  answerHelp(usage);
  try {
    return readWords(usage, config);
  } catch (error) {
    console.error(complaint(asFailure(error), { color: false }));
    return process.exit(exitCodes.usage);
  }
}

/** Ends the process with `usage` on standard output if that is what is asked for. */
export function answerHelp(usage: string): void {
  if (!process.argv.includes('--help')) return;
  console.log(usage);
  process.exit(exitCodes.good);
}
