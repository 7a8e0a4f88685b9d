// configs/reach.json: what a recording saw each test enter. Written by `npm run reach`, a line per test and file.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../core/failure.ts';
import type { Functions, Reach } from '../core/reach.ts';

const functions = z.record(z.string(), z.array(z.string().regex(/^[\w.]+\??$/)));

export const reachSchema = z
  .strictObject({
    about: z.string(),
    release: z.string(),
    recordings: z.int().positive(),
    watched: functions,
    headers: z.record(z.string(), z.array(z.string())),
    jobs: z.record(
      z.string(),
      z.strictObject({
        boot: functions,
        /** Entered by every test of the job. */
        all: functions,
        tests: z.record(z.string(), functions),
      }),
    ),
  })
  .meta({
    title: 'pgmap reach',
    description: 'Which functions tests enter; `name?`: in some of the recordings only',
  });

export const reachPath = (projectDir: string): string => join(projectDir, 'configs/reach.json');

/** What was recorded; undefined if nothing was. Throws FailureError `tool/bad-reach`. */
export async function loadReach(projectDir: string): Promise<Reach | undefined> {
  const file = reachPath(projectDir);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { about: _, jobs, ...rest } = reachSchema.parse(JSON.parse(text));
    return {
      ...rest,
      jobs: Object.fromEntries(
        Object.entries(jobs).map(([id, { boot, all, tests }]) => [
          id,
          {
            boot,
            tests: Object.fromEntries(
              Object.entries(tests).map(([name, own]) => [name, together(all, own)]),
            ),
          },
        ]),
      ),
    };
  } catch (cause) {
    throw new FailureError(
      {
        blame: 'tool',
        code: 'bad-reach',
        title: `${file} is not what npm run reach writes`,
        hint: 'Record it again, or take it away: then nothing is left out.',
      },
      { cause },
    );
  }
}

/** The text of configs/reach.json: a line per list, sorted, so that two recordings compare. */
export function reachText(reach: Reach): string {
  const jobs = sorted(reach.jobs).map(([id, { boot, tests }]) => {
    const all = common(Object.values(tests));
    const own = sorted(tests).map(([name, functionsOf]) => [name, without(functionsOf, all)]);
    return [id, { boot, all, tests: Object.fromEntries(own) }];
  });
  const value = {
    about: 'Written by npm run reach: which functions tests enter. name?: in some recordings only.',
    release: reach.release,
    recordings: reach.recordings,
    watched: Object.fromEntries(sorted(reach.watched)),
    headers: Object.fromEntries(sorted(reach.headers)),
    jobs: Object.fromEntries(jobs),
  };
  // Indented, but for the lists.
  return `${JSON.stringify(value, undefined, 1).replaceAll(/\[\n\s*([^\]]*?)\n\s*\]/g, (_, list: string) => `[${list.replaceAll(/\s+/g, ' ')}]`)}\n`;
}

const sorted = <T>(record: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

const together = (a: Functions, b: Functions): Functions =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])]
      .sort()
      .map((file) => [file, [...(a[file] ?? []), ...(b[file] ?? [])].sort()]),
  );

function common(all: readonly Functions[]): Functions {
  const [first, ...rest] = all;
  if (first === undefined || rest.length === 0) return {};
  return filtered(first, (file, name) => rest.every((other) => other[file]?.includes(name)));
}

const without = (some: Functions, all: Functions): Functions =>
  filtered(some, (file, name) => all[file]?.includes(name) !== true);

const filtered = (some: Functions, keep: (file: string, name: string) => boolean): Functions =>
  Object.fromEntries(
    sorted(some)
      .map(([file, names]): [string, string[]] => [file, names.filter((name) => keep(file, name))])
      .filter(([, names]) => names.length > 0),
  );
