// What a run will do, decided before anything is done: which suite on which topology, with which tests.
import { FailureError } from './failure.ts';
import { nameIn, olderNames } from './rename.ts';
import { commandLine } from './shell.ts';
import type { Suite, SuiteTest } from './suite.ts';
import type { Topology } from './topology.ts';
import { skippedIn, suiteIn, type Variant } from './variant.ts';

/** What the user narrowed the run down to; empty lists mean everything. */
export interface Selection {
  /** Memory types by kernel name or short form: `private`, `fs_dax`. */
  readonly types: readonly string[];
  readonly suites: readonly string[];
  readonly topologies: readonly string[];
  /** `suite > test` or `suite > test > case`; the test that holds the case is run. */
  readonly tests: readonly string[];
  /** Suites for the night too; those that are named run in any case. */
  readonly nightly?: boolean;
}

/** One boot: a suite on a topology. */
export interface PlannedJob {
  /** `suite@topology`; also the name of the job's folder. */
  readonly id: string;
  readonly suite: Suite;
  readonly topology: Topology;
  readonly tests: readonly SuiteTest[];
  readonly reproduce: string;
  /** The debug variant it is run in; its exceptions and words are in `suite` already. */
  readonly variant?: Variant;
}

export interface Catalogue {
  readonly suites: ReadonlyMap<string, Suite>;
  readonly topologies: ReadonlyMap<string, Topology>;
  /** Enumerators of the tree's `enum memory_type`. */
  readonly enumerators: readonly string[];
  /** The debug variant that was asked for. */
  readonly variant?: Variant;
}

/** `private` → `MEMORY_DEVICE_PRIVATE`; a full name stays. */
export const memoryType = (name: string): string =>
  name.startsWith('MEMORY_DEVICE_')
    ? name
    : `MEMORY_DEVICE_${name.toUpperCase().replaceAll('-', '_')}`;

/**
 * The jobs of a run, those that take longest first. `command` is the command line that a job is repeated with, to
 * which its own `--suite` and `--topology` are added.
 * Throws FailureError `usage/unknown-type|unknown-suite|unknown-topology|unknown-test|nothing-to-run`.
 */
export function planJobs(
  selection: Selection,
  catalogue: Catalogue,
  command: readonly string[],
): PlannedJob[] {
  checkNames(selection, catalogue);
  const former = olderNames(catalogue.enumerators);
  const types = selection.types.map((type) => nameIn(former, memoryType(type)));
  for (const type of types) known('type', type, catalogue.enumerators);
  const filters = selection.tests.map(splitPath);
  const { variant } = catalogue;

  const jobs: PlannedJob[] = [];
  for (const plain of catalogue.suites.values()) {
    const suite = variant === undefined ? plain : suiteIn(variant, plain);
    if (selection.suites.length > 0 && !selection.suites.includes(suite.name)) continue;
    if (types.length > 0 && !suite.types.some((type) => types.includes(nameIn(former, type))))
      continue;
    if (leftForTheNight(suite, selection)) continue;
    const tests = suite.tests.filter(
      (test) =>
        filters.length === 0 ||
        filters.some(
          ([name, wanted]) => name === suite.name && declared(wanted ?? test.name) === test.name,
        ),
    );
    if (tests.length === 0) continue;
    for (const name of suite.topologies) {
      if (selection.topologies.length > 0 && !selection.topologies.includes(name)) continue;
      const topology = catalogue.topologies.get(name);
      if (topology === undefined) {
        known('topology', name, [...catalogue.topologies.keys()]);
        continue;
      }
      const here = tests.filter((test) => test.needs.topologies?.includes(name) ?? true);
      if (here.length === 0) continue;
      const narrowed = [...command, '--suite', suite.name, '--topology', name];
      jobs.push({
        id: `${suite.name}@${name}`,
        suite,
        topology,
        tests: here,
        reproduce: commandLine([
          ...narrowed,
          ...selection.tests.flatMap((test) => ['--test', test]),
        ]),
        ...(variant === undefined ? {} : { variant }),
      });
    }
  }
  if (jobs.length === 0)
    throw new FailureError({
      blame: 'usage',
      code: 'nothing-to-run',
      title: 'no suite is left after narrowing down',
      hint: '`pgmap list suites` shows which suite runs on which topology, and for which types.',
    });
  // What runs longest must not begin last.
  return jobs.sort((a, b) => patienceMs(b) - patienceMs(a));
}

/** What stands behind a test's name when it runs with the series' version of a program of upstream's. */
const bySeries = ', as the series has it';

/**
 * A job with the tests once more whose program of upstream's (its `out`) the series changes: the tree's own version
 * says what the series breaks, the series' version whether it keeps its own promises. A value is why that version
 * does not compile: then that is the result.
 */
export function withSeriesTests(
  job: PlannedJob,
  changed: ReadonlyMap<string, string | undefined> = new Map(),
): PlannedJob {
  if (changed.size === 0) return job;
  const again = (test: SuiteTest): SuiteTest[] => {
    if (test.upstream === undefined || !changed.has(test.upstream)) return [test];
    const broken = changed.get(test.upstream);
    const run =
      broken === undefined
        ? ['env', 'PGMAP_UPSTREAM=series/', ...test.run]
        : ['sh', '-c', 'echo "Bail out! $1"; exit 1', 'sh', broken.replaceAll('\n', ' ')];
    return [test, { ...test, name: test.name + bySeries, run }];
  };
  const tests = job.tests.flatMap(again);
  const names = new Set(tests.map((test) => test.name));
  const allow = job.suite.allow.map((entry) =>
    entry.during === undefined
      ? entry
      : {
          ...entry,
          during: entry.during.flatMap((name) =>
            names.has(name + bySeries) ? [name, name + bySeries] : [name],
          ),
        },
  );
  return { ...job, tests, suite: { ...job.suite, allow } };
}

/** The name a test is declared with: a report may name it as it ran. */
const declared = (test: string): string =>
  test.endsWith(bySeries) ? test.slice(0, -bySeries.length) : test;

const patienceMs = (job: PlannedJob): number =>
  job.tests.reduce((sum, test) => sum + test.timeoutMs, 0);

type Named = Pick<Catalogue, 'suites' | 'topologies'>;

/**
 * What can be said of a selection before there is a tree: types come with one.
 * Throws FailureError `usage/unknown-suite|unknown-topology|unknown-test`.
 */
export function checkNames(selection: Selection, catalogue: Named): void {
  for (const suite of selection.suites) known('suite', suite, [...catalogue.suites.keys()]);
  for (const topology of selection.topologies)
    known('topology', topology, [...catalogue.topologies.keys()]);
  for (const test of selection.tests) checkFilter(splitPath(test), catalogue);
}

/** Whether a suite is left out although nothing else rules it out. */
export const leftForTheNight = (suite: Suite, selection: Selection): boolean =>
  suite.nightly &&
  selection.nightly !== true &&
  selection.suites.length === 0 &&
  selection.tests.length === 0;

/** `'suite > test > case'` → its levels. */
export const splitPath = (path: string): string[] => path.split('>').map((level) => level.trim());

function checkFilter([name, test]: readonly string[], catalogue: Named): void {
  known('suite', name ?? '', [...catalogue.suites.keys()]);
  if (test === undefined) return;
  const tests = catalogue.suites.get(name ?? '')?.tests.map((one) => one.name) ?? [];
  known('test', declared(test), tests);
}

function known(what: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const near = [...names].sort((a, b) => distance(a, name) - distance(b, name))[0];
  throw new FailureError({
    blame: 'usage',
    code: `unknown-${what}`,
    title: `there is no ${what} '${name}'`,
    detail: `There are: ${names.join(', ')}`,
    ...(near === undefined ? {} : { hint: `Did you mean '${near}'?` }),
  });
}

/** Levenshtein distance: how many letters a typing error is away. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Why a test makes no sense in the job's variant; undefined if it does. */
export const unfitFor = (job: PlannedJob, test: SuiteTest): string | undefined =>
  job.variant &&
  skippedIn(job.variant, job.topology.name, `${job.suite.name} > ${declared(test.name)}`);

/** Why a test makes no sense on this kernel; undefined if it does. */
export function unmetNeed(
  test: SuiteTest,
  kernel: {
    readonly release: string;
    /** Symbols of the final configuration: `ZONE_DEVICE` → `y`. Absent if nobody knows: then all is tried. */
    readonly config?: ReadonlyMap<string, string>;
    /** Why a requested symbol did not take. */
    readonly lost: ReadonlyMap<string, string>;
  },
): string | undefined {
  if (test.needs.kernel !== undefined && older(kernel.release, test.needs.kernel))
    return `needs Linux ${test.needs.kernel}, this is ${kernel.release}`;
  for (const symbol of test.needs.config) {
    if (kernel.config === undefined) break;
    const value = kernel.config.get(symbol);
    if (value !== 'y' && value !== 'm')
      return `needs CONFIG_${symbol}: ${kernel.lost.get(symbol) ?? 'not set in this kernel'}`;
  }
  return undefined;
}

/** Compares the first two numbers of releases. */
function older(release: string, than: string): boolean {
  const [a = 0, b = 0] = release.split('.').map(Number.parseFloat);
  const [c = 0, d = 0] = than.split('.').map(Number.parseFloat);
  return a < c || (a === c && b < d);
}

/** A job with these of its tests only. */
export function narrowJob(job: PlannedJob, names: ReadonlySet<string>): PlannedJob {
  const wanted = new Set([...names].map(declared));
  return { ...job, tests: job.tests.filter((test) => wanted.has(test.name)) };
}

export const hasTest = (job: PlannedJob, name: string): boolean =>
  job.tests.some((test) => test.name === declared(name));
