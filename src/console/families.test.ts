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

describe.each(['families.list', 'arches.list', 'prefixes.list', 'innocent.list'])('%s', (file) => {
  it.each(cases(file).map((one, at) => [`${at + 1} ${one.titles.join(', ')}`, one] as const))(
    '%s',
    (_name, { titles, log }) => {
      expect(scanSplats(log).map((splat) => splat.title)).toEqual(titles);
    },
  );
});
