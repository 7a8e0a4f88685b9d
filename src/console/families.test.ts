// One short log per kind of report, architecture and log format: what Linux 4.x to 7.3 prints, with names made up.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scanSplats } from './splat.ts';

/** `%% title`, or `%% -` for a log without a report, then the log. Several titles have lines of their own. */
function cases(file: string): { titles: string[]; log: string }[] {
  const text = readFileSync(new URL(`testdata/${file}`, import.meta.url), 'utf8');
  const found: { titles: string[]; log: string[] }[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const last = found.at(-1);
    if (!line.startsWith('%% ')) {
      last?.log.push(line);
      continue;
    }
    const title = line.slice(3);
    const titles = title === '-' ? [] : [title];
    if (last?.log.length === 0) last.titles.push(...titles);
    else found.push({ titles, log: [] });
  }
  return found.map(({ titles, log }) => ({ titles, log: `${log.join('\n')}\n` }));
}

const files = ['families.list', 'arches.list', 'prefixes.list', 'field.list', 'innocent.list'];

describe.each(files)('%s', (file) => {
  it.each(cases(file).map((one, at) => [`${at + 1} ${one.titles.join(', ')}`, one] as const))(
    '%s',
    (_name, { titles, log }) => {
      expect(scanSplats(log).map((splat) => splat.title)).toEqual(titles);
    },
  );
});

/** The same fault in another run: later, at other addresses and offsets, by another task on another CPU. */
function again(log: string): string {
  return log
    .replace(/(?<=\[ {0,6})(\d{1,6})(?=\.\d{3,6}\])/g, (second) => String(Number(second) + 31))
    .replace(/\b(?:0x)?[0-9a-f]{16}\b/g, (address) => address.replace(/[0-9a-f]{6}$/, '1d3c50'))
    .replace(/\[<[0-9a-f]{8}>\]/g, '[<c0d3f158>]')
    .replace(/\+0x([1-9a-f][0-9a-f]*)\/0x([0-9a-f]+)/g, (whole, at: string, size: string) =>
      at === size ? whole : `+0x1${at}/0x2${size}`,
    )
    .replace(/\[( {0,6})T\d+\]/g, '[$1T4711]')
    .replace(/\bPID: \d+/g, 'PID: 4711')
    .replace(/\b(CPU: |CPU#|cpu=)\d+/g, '$15')
    .replace(/\b(task|Comm:|pgmap)([/:])\d+/g, '$1$24711');
}

describe.each(files)('%s', (file) => {
  it.each(cases(file).map((one, at) => [`${at + 1} ${one.titles.join(', ')}`, one] as const))(
    '%s, once more',
    (_name, { titles, log }) => {
      const other = again(log);
      expect(scanSplats(other).map((splat) => splat.title)).toEqual(titles);
    },
  );
});
