// What the bench remembers: one line of JSON per finished mutant and per suite proved on the base, under a key made of
// all that the verdict depends on. After an interruption, what has a line is not run again.
import { createHash } from 'node:crypto';
import type { BaseVerdict } from './base.ts';
import type { Verdict } from './verdict.ts';

export type Line =
  | {
      readonly kind: 'mutant';
      readonly key: string;
      readonly name: string;
      /** Its run folder. */
      readonly run: string;
      readonly verdict: Verdict;
    }
  | { readonly kind: 'base'; readonly key: string; readonly verdict: BaseVerdict };

export interface Memory {
  readonly mutants: ReadonlyMap<string, Extract<Line, { kind: 'mutant' }>>;
  readonly bases: ReadonlyMap<string, Extract<Line, { kind: 'base' }>>;
}

/** The last line for a key counts; what is no line of ours, such as one that was cut off, is left out. */
export function recall(text: string): Memory {
  const mutants = new Map<string, Extract<Line, { kind: 'mutant' }>>();
  const bases = new Map<string, Extract<Line, { kind: 'base' }>>();
  for (const one of text.split('\n')) {
    const line = asLine(one);
    if (line?.kind === 'mutant') mutants.set(line.key, line);
    if (line?.kind === 'base') bases.set(line.key, line);
  }
  return { mutants, bases };
}

/** What cannot be judged is not finished: the next call tries again. */
export const isFinished = (verdict: Verdict): boolean => verdict.outcome !== 'unclear';

/** What every verdict of one call depends on. */
export interface Surroundings {
  /** Of the unmodified kernel: source, configuration, compiler. */
  readonly kernelKey: string;
  /** Suite → hash of what it is made of. */
  readonly suites: ReadonlyMap<string, string>;
}

/** `how` names the way the suites were run, if it was not all of them at once. */
export const mutantKey = (
  around: Surroundings,
  patch: string,
  suites: readonly string[],
  how = '',
): string =>
  hash([
    ...['mutant', around.kernelKey, how, patch],
    ...suites.flatMap((name) => [name, around.suites.get(name) ?? '']),
  ]);

export const baseKey = (around: Surroundings, suite: string): string =>
  hash(['base', around.kernelKey, suite, around.suites.get(suite) ?? '']);

/** A file of the project: its path from there, and what is in it. */
export type ProjectFile = readonly [path: string, content: string];

/**
 * Suite → hash of its folder, of the folders of other suites that it mentions (`../devdax/edges.c`), and of all that is
 * no suite: what every guest has in it. Files may come in any order.
 */
export function suiteHashes(
  names: readonly string[],
  files: readonly ProjectFile[],
): Map<string, string> {
  const ordered = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const of = (name: string): ProjectFile[] =>
    ordered.filter(([path]) => path.startsWith(`suites/${name}/`));
  const common = ordered.filter(([path]) => !path.startsWith('suites/'));
  return new Map(
    names.map((name) => {
      const own = of(name);
      const others = own.flatMap(([, content]) =>
        [...content.matchAll(/\.\.\/([a-z0-9-]+)\//g)].map((match) => match[1] ?? ''),
      );
      const used = [...new Set(others)].filter((other) => other !== name).sort();
      return [name, hash([...common, ...own, ...used.flatMap(of)].flat())];
    }),
  );
}

const hash = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);

function asLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, key, verdict } = value as { kind?: unknown; key?: unknown; verdict?: unknown };
  const known = kind === 'mutant' || kind === 'base';
  return known && typeof key === 'string' && typeof verdict === 'object' && verdict !== null
    ? (value as Line)
    : undefined;
}
