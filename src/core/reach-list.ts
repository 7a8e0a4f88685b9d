// What a recording says of single functions: who enters them, and which nobody does.
import { type Functions, plainName, type Reach } from './reach.ts';
import { partOf } from './subsystem.ts';

/** A function, or all of a file, and a test that enters it. */
export interface Entry {
  readonly file: string;
  readonly name: string;
  /** `suite@topology > test`; `suite@topology` alone while its modules start; absent if nothing enters the function. */
  readonly by?: string;
  /** In all recordings; otherwise in some. */
  readonly always: boolean;
}

/** Who enters a function of this name, or the functions of this file; nothing if it was not watched. */
export function entriesOf(reach: Reach, wanted: string): Entry[] {
  return watchedBy(reach)
    .filter(({ file, name }) => name === wanted || file === wanted)
    .flatMap(({ file, name }): Entry[] => {
      const entries = Object.entries(reach.jobs).flatMap(([id, { boot, tests }]) => {
        const places: (readonly [string, Functions])[] = [
          [id, boot],
          ...Object.entries(tests).map(([test, own]) => [`${id} > ${test}`, own] as const),
        ];
        return places.flatMap(([by, functions]): Entry[] => {
          const seen = functions[file]?.find((one) => plainName(one) === name);
          return seen === undefined ? [] : [{ file, name, by, always: seen === name }];
        });
      });
      return entries.length === 0 ? [{ file, name, always: true }] : entries;
    });
}

export interface Gap {
  readonly file: string;
  readonly name: string;
  /** The start of modules enters it, before any test. */
  readonly atBoot: boolean;
}

/** Functions of the subsystem that no test enters. */
export function gaps(reach: Reach): Gap[] {
  const jobs = Object.values(reach.jobs);
  const byTests = entered(jobs.flatMap(({ tests }) => Object.values(tests)));
  const byBoot = entered(jobs.map(({ boot }) => boot));
  return watchedBy(reach)
    .filter(({ file, name }) => partOf(file)?.part?.test(name) ?? true)
    .filter(({ file, name }) => !byTests.has(`${file} ${name}`))
    .map(({ file, name }) => ({ file, name, atBoot: byBoot.has(`${file} ${name}`) }));
}

/** How many functions each test enters on any of its topologies, by `suite > test`. */
export function reachSizes(reach: Reach): Map<string, number> {
  const seen = new Map<string, Set<string>>();
  for (const [id, { tests }] of Object.entries(reach.jobs))
    for (const [test, own] of Object.entries(tests)) {
      const key = `${id.replace(/@.*/, '')} > ${test}`;
      seen.set(key, new Set([...(seen.get(key) ?? []), ...entered([own])]));
    }
  return new Map([...seen].map(([key, functions]) => [key, functions.size]));
}

const watchedBy = (reach: Reach): { file: string; name: string }[] =>
  Object.entries(reach.watched).flatMap(([file, names]) => names.map((name) => ({ file, name })));

const entered = (all: readonly Functions[]): Set<string> =>
  new Set(
    all.flatMap((functions) =>
      Object.entries(functions).flatMap(([file, names]) =>
        names.map((name) => `${file} ${plainName(name)}`),
      ),
    ),
  );
