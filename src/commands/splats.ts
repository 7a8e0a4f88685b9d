// pgmap splats FILE: the kernel reports in a console log.
import { createReadStream } from 'node:fs';
import type { CommandModule } from 'yargs';
import { newSplatReader, type FoundSplat } from '../console/splat.ts';
import { FailureError } from '../core/failure.ts';
import { visible } from '../report/escape.ts';
import type { App } from './app.ts';

interface Arguments {
  file: string;
  format: string;
}

export const splatsCommand = (app: App): CommandModule<object, Arguments> => ({
  command: 'splats <file>',
  describe: 'List the kernel reports (splats) found in a console log',
  builder: (yargs) =>
    yargs
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'Console log, or - for standard input',
      })
      .option('format', { choices: ['plain', 'json'], default: 'plain', describe: 'Output format' })
      .example('$0 splats jobs/fs-dax@nvdimm/console.log', 'titles, with where each begins')
      .example('dmesg | $0 splats - --format json', 'the same for a log from a pipe'),
  async handler({ file, format }) {
    const splats = await scan(givenFile(app, file));
    if (format === 'json') {
      const rows = splats.map(({ title, kind, from, to, text }) => ({
        title,
        kind,
        from,
        to,
        text,
      }));
      app.out.write(`${JSON.stringify(rows, null, 2)}\n`);
      return;
    }
    for (const splat of splats) app.out.write(`${splat.from}\t${visible(splat.title)}\n`);
    app.err.write(`${splats.length} kernel ${splats.length === 1 ? 'report' : 'reports'}\n`);
  },
});

/** The argument as typed: yargs makes '' of a `-`. */
export const givenFile = (app: App, file: string): string =>
  file === '' && app.argv.includes('-') ? '-' : file;

/** A console may be larger than memory. */
async function scan(file: string): Promise<FoundSplat[]> {
  const found: FoundSplat[] = [];
  const reader = newSplatReader((splat) => found.push(splat));
  for await (const chunk of inputOf(file)) reader.write(chunk);
  reader.end();
  return found.sort((one, other) => one.from - other.from);
}

/**
 * A file's bytes, or standard input's for `-`, piece by piece: as a stream, because standard input may be a socket, which cannot
 * be opened as /dev/stdin. Throws FailureError `usage/unreadable`.
 */
export async function* inputOf(file: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    const stream: AsyncIterable<Uint8Array> =
      file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 2 ** 20 });
    for await (const chunk of stream) yield Buffer.from(chunk);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): FailureError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FailureError(
    { blame: 'usage', code: 'unreadable', title: `cannot read ${file}: ${why}` },
    { cause },
  );
}
