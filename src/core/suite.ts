// A suite is data plus in-guest programs: suites/<name>/suite.yaml in these types.

/** Where a test makes sense. What is not met is a SKIP with the reason. */
export interface Needs {
  /** Kconfig symbols without `CONFIG_` that must be y or m in the built kernel. */
  readonly config: readonly string[];
  /** Oldest kernel release, e.g. `6.2`. */
  readonly kernel?: string;
  /** Only on these topologies. */
  readonly topologies?: readonly string[];
}

export interface Allow {
  /** Regular expression on the splat's title. */
  readonly splat: string;
  /** Regular expression on its text, too. */
  readonly text?: string;
  /** Only while these tests run; without it, in the whole suite. */
  readonly during?: readonly string[];
  readonly reason: string;
  readonly link?: string;
}

export interface SuiteTest {
  /** What it shows, e.g. `mmap sees what write wrote`. */
  readonly name: string;
  /** Argument vector, run in the suite's folder in the guest; its standard output is TAP. */
  readonly run: readonly string[];
  /** Once `run` has passed the machine is reset, as by its button, and this is run in the guest that boots then. */
  readonly reset?: readonly string[];
  readonly timeoutMs: number;
  readonly needs: Needs;
  /** What it leaves behind on purpose, and why. */
  readonly leaves: { readonly [name in Oracle]?: string };
  /** Case number in the list of test cases, e.g. `T12`. */
  readonly cases: readonly string[];
  /** The program of upstream's that it runs: if the series changes that one, it is run a second time with the series' own. */
  readonly upstream?: string;
}

/** What every test leaves as it found it; the names are those of images/oracle/oracle.c. */
export const oracles = [
  'iomem',
  'linear-map',
  'memmap',
  'pins',
  'caching',
  'p2pmem',
  'cgroups',
  'mappings',
  'taint',
] as const;
export type Oracle = (typeof oracles)[number];

/** A static in-guest program. */
export interface Program {
  readonly out: string;
  /** Files of the suite's folder. */
  readonly sources: readonly string[];
  /** Files of the kernel tree; each entry lists the names it has had, newest first. */
  readonly tree: readonly (readonly string[])[];
  readonly flags: readonly string[];
}

export interface Suite {
  readonly name: string;
  readonly description: string;
  /** Kernel names of the memory types it is for. */
  readonly types: readonly string[];
  /** Too long or too rare a thing for every patch: runs only when asked for. */
  readonly nightly: boolean;
  /** One job, and one boot, per topology. */
  readonly topologies: readonly string[];
  readonly config: readonly string[];
  readonly modules: readonly string[];
  readonly programs: readonly Program[];
  readonly tests: readonly SuiteTest[];
  readonly allow: readonly Allow[];
  /** Words added to the kernel command line for this suite. */
  readonly append: readonly string[];
  /** A folder of the suite's with a Kbuild: its modules are built against the tested kernel, and are in the suite's folder. */
  readonly kbuild?: string;
  /** Where its files are, if that is not suites/ of the project. */
  readonly dir?: string;
}

/** The folder of a suite's files. */
export const suiteFolder = (projectDir: string, suite: Pick<Suite, 'name' | 'dir'>): string =>
  suite.dir ?? `${projectDir}/suites/${suite.name}`;
