// Which tests reach a change: from what a recording saw each test enter. Where the recording cannot tell, the answer is
// yes: a test too many costs seconds, one too few a bug.
import type { PlannedJob } from './plan.ts';

/** File → names of functions, sorted. `name?` was entered in some of the recordings only. */
export type Functions = Readonly<Record<string, readonly string[]>>;

export interface JobReach {
  /** Entered by the modules' start and the devices' probing, before any test. */
  readonly boot: Functions;
  readonly tests: Readonly<Record<string, Functions>>;
}

/** What `npm run reach` recorded; configs/reach.json. */
export interface Reach {
  /** `uname -r` of the kernel it was recorded on. */
  readonly release: string;
  readonly recordings: number;
  /** What could have been seen: functions that the compiler inlined everywhere are in none. */
  readonly watched: Functions;
  /** Headers that only watched files include → which of those do. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** By `suite@topology`. */
  readonly jobs: Readonly<Record<string, JobReach>>;
}

/** A file that a series changes. */
export interface Touched {
  readonly file: string;
  /** The functions it changes; absent if it changes more than functions, or nobody knows. */
  readonly functions?: readonly string[];
  /** Functions of the file that name one of those: the compiler may have inlined it into them. */
  readonly callers?: readonly string[];
}

export interface ChangeReach {
  /** Why nothing can be left out; absent if something can. */
  readonly everything?: string;
  /** Changed functions that no recorded test enters: `dax_holder (drivers/dax/super.c)`. */
  readonly unreached: readonly string[];
  /** Whether a test may run changed code; a test that was never recorded may. */
  reaches(job: string, test: string): boolean;
}

/** What a series can reach. */
export function reachOf(reach: Reach, touched: readonly Touched[]): ChangeReach {
  const code = touched.filter(({ file }) => !isInert(file));
  const index = indexOf(reach);
  const strange = code.find(({ file }) => !sourcesOf(reach, file).some((one) => index.has(one)));
  if (strange !== undefined)
    return {
      everything: `it is not recorded what reaches ${strange.file}`,
      unreached: [],
      reaches: () => true,
    };
  const unreached: string[] = [];
  // What to look for: `file` for all of a file, `file name` for a function.
  const wanted = new Set<string>();
  for (const { file, functions, callers = [] } of code)
    if (functions === undefined || reach.watched[file] === undefined)
      for (const one of sourcesOf(reach, file)) wanted.add(one);
    else
      for (const name of [...functions, ...callers]) {
        const isSeen = index.has(`${file} ${name}`);
        wanted.add(isSeen ? `${file} ${name}` : file);
        const isWatched = reach.watched[file].includes(name);
        if (isWatched && !isSeen && functions.includes(name)) unreached.push(`${name} (${file})`);
      }
  const chosen = new Set([...wanted].flatMap((key) => [...(index.get(key) ?? [])]));
  return {
    unreached,
    reaches: (job, test) =>
      reach.jobs[job]?.tests[test] === undefined || chosen.has(`${job} ${test}`),
  };
}

/** `file` and `file name` → the tests, as `job test`, that enter it or whose boot does. */
function indexOf(reach: Reach): ReadonlyMap<string, ReadonlySet<string>> {
  const index = new Map<string, Set<string>>();
  const add = (key: string, test: string): void => {
    const others = index.get(key);
    if (others === undefined) index.set(key, new Set([test]));
    else others.add(test);
  };
  for (const [job, { boot, tests }] of Object.entries(reach.jobs))
    for (const [test, own] of Object.entries(tests))
      for (const functions of [boot, own])
        for (const [file, names] of Object.entries(functions)) {
          add(file, `${job} ${test}`);
          for (const name of names) add(`${file} ${plainName(name)}`, `${job} ${test}`);
        }
  return index;
}

/** Without the mark of a function that was seen in some of the recordings only. */
export const plainName = (name: string): string => name.replace(/\?$/, '');

/** No kernel comes out differently for these. */
const isInert = (file: string): boolean =>
  /^Documentation\/(?!Kconfig)|^MAINTAINERS$|^CREDITS$|^\.mailmap$|\.rst$/.test(file);

/** A source file itself, or those that include a header. */
const sourcesOf = (reach: Reach, file: string): readonly string[] =>
  Object.hasOwn(reach.headers, file) ? (reach.headers[file] ?? []) : [file];

export interface Choice {
  readonly jobs: readonly PlannedJob[];
  /** For the report: what was left out, and why. */
  readonly notes: readonly string[];
}

/** Of the jobs of a run, what a change reaches, and one short test of each memory type besides. */
export function chooseReached(
  jobs: readonly PlannedJob[],
  reach: Reach,
  touched: readonly Touched[],
): Choice {
  const change = reachOf(reach, touched);
  const gaps = change.unreached.map((name) => `No recorded test enters ${name}.`);
  if (change.everything !== undefined)
    return { jobs, notes: [`--type auto runs everything: ${change.everything}`] };
  const smoke = smokeTests(jobs, reach);
  const left: string[] = [];
  const chosen = jobs.flatMap((job) => {
    const tests = job.tests.filter(
      ({ name }) => change.reaches(job.id, name) || smoke.has(`${job.id} ${name}`),
    );
    const rest = job.tests.length - tests.length;
    if (rest > 0)
      left.push(tests.length === 0 ? job.id : `${rest} of ${job.tests.length} tests of ${job.id}`);
    return tests.length === 0 ? [] : [{ ...job, tests }];
  });
  const files = [...new Set(touched.map(({ file }) => file))].join(', ');
  const basis = `of ${files}, as recorded on ${reach.release}; one short test of each memory type runs anyhow`;
  return {
    jobs: reachedFirst(chosen, change),
    notes: [
      left.length === 0
        ? `--type auto left nothing out: every test enters what the series changes ${basis}`
        : `--type auto left out what does not enter the changed functions ${basis}: ${left.join(', ')}`,
      ...gaps,
    ],
  };
}

/** The same jobs, those that a change reaches before the others; otherwise in the same order. */
export function reachedFirst(jobs: readonly PlannedJob[], change: ChangeReach): PlannedJob[] {
  const isReached = (job: PlannedJob): boolean =>
    job.tests.some(({ name }) => change.reaches(job.id, name));
  return [...jobs.filter(isReached), ...jobs.filter((job) => !isReached(job))];
}

/** For each memory type a test, as `job test`: the shortest one that maps memory, of the suite that is for the fewest types. */
function smokeTests(jobs: readonly PlannedJob[], reach: Reach): Set<string> {
  const types = new Set(jobs.flatMap((job) => job.suite.types));
  const maps = (job: PlannedJob, test: string): boolean =>
    (reach.jobs[job.id]?.tests[test]?.['mm/memremap.c'] ?? []).includes('memremap_pages');
  return new Set(
    [...types].flatMap((type) => {
      const job = jobs
        .filter(({ suite }) => suite.types.includes(type))
        .reduce<PlannedJob | undefined>(
          (best, next) =>
            best === undefined || next.suite.types.length < best.suite.types.length ? next : best,
          undefined,
        );
      if (job === undefined) return [];
      const mapping = job.tests.filter(({ name }) => maps(job, name));
      const test = (mapping.length > 0 ? mapping : job.tests).reduce((best, next) =>
        next.timeoutMs < best.timeoutMs ? next : best,
      );
      return [`${job.id} ${test.name}`];
    }),
  );
}

/** Several recordings of the same kernel as one: what some of them did not see is marked. */
export function mergeRecordings(recordings: readonly Omit<Reach, 'recordings'>[]): Reach {
  const [first] = recordings;
  if (first === undefined) throw new RangeError('no recordings');
  const merged = (seen: readonly (Functions | undefined)[]): Functions => {
    const there = seen.filter((one) => one !== undefined);
    const files = [...new Set(there.flatMap((one) => Object.keys(one)))].sort();
    return Object.fromEntries(
      files.map((file) => {
        const names = [...new Set(there.flatMap((one) => one[file] ?? []))].sort();
        const isSure = (name: string): boolean =>
          there.every((one) => one[file]?.includes(name) === true);
        return [file, names.map((name) => (isSure(name) ? name : `${name}?`))];
      }),
    );
  };
  const ids = [...new Set(recordings.flatMap(({ jobs }) => Object.keys(jobs)))].sort();
  return {
    release: first.release,
    recordings: recordings.length,
    watched: first.watched,
    headers: first.headers,
    jobs: Object.fromEntries(
      ids.map((id) => {
        const of = recordings.flatMap(({ jobs }) => jobs[id] ?? []);
        const names = [...new Set(of.flatMap(({ tests }) => Object.keys(tests)))];
        const tests = names.map((name) => [name, merged(of.map((one) => one.tests[name]))]);
        return [id, { boot: merged(of.map(({ boot }) => boot)), tests: Object.fromEntries(tests) }];
      }),
    ),
  };
}
