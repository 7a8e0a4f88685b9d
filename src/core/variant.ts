// A debug variant: the same kernel with a checker built in, and what that costs. configs/variants/*.yaml in these types.
import type { Allow, Suite } from './suite.ts';

/** A kernel report that a variant lets pass. */
export interface VariantAllow extends Omit<Allow, 'during'> {
  /** As `suite` or `suite > test`; without it, everywhere. */
  readonly during?: readonly string[];
}

export interface VariantSkip {
  /** `suite > test` */
  readonly test: string;
  /** Only there; without it, on every topology. */
  readonly topologies?: readonly string[];
  readonly reason: string;
}

export interface Variant {
  readonly name: string;
  readonly description: string;
  /** A kconfig fragment; it wins over those of configs/kernel/. */
  readonly fragment: string;
  /** Symbols, without CONFIG_, without which the kernel is none of this variant. */
  readonly required: readonly string[];
  /** Factor on every time limit. */
  readonly slower: number;
  /** Words for the kernel command line, after all others. */
  readonly append: readonly string[];
  /** After a suite, kmemleak scans twice and what it finds fails the job. */
  readonly findsLeaks: boolean;
  readonly allow: readonly VariantAllow[];
  readonly skip: readonly VariantSkip[];
}

/** The suite as it is run in this variant. */
export const suiteIn = (variant: Variant, suite: Suite): Suite => ({
  ...suite,
  append: [...suite.append, ...wordsOf(variant)],
  allow: [...suite.allow, ...variant.allow.flatMap((entry) => entriesFor(entry, suite.name))],
});

/** What a variant adds to the kernel command line; the kernel's own limits, and those of the tests, grow with ours. */
export const wordsOf = ({ append, slower }: Variant): readonly string[] => [
  `pgmap.slower=${Math.ceil(slower)}`,
  ...Object.entries(kernelLimits).map(
    ([word, { seconds, most }]) => `${word}=${Math.min(most, Math.ceil(seconds * slower))}`,
  ),
  ...append,
];

/**
 * What the kernel of a plain run has, and the most that it takes. A soft lockup is twice watchdog_thresh.
 * @see Documentation/admin-guide/kernel-parameters.txt, configs/kernel/debug.config
 */
const kernelLimits = {
  watchdog_thresh: { seconds: 10, most: 60 },
  'rcupdate.rcu_cpu_stall_timeout': { seconds: 21, most: 300 },
  'sysctl.kernel.hung_task_timeout_secs': { seconds: 20, most: 3600 },
} as const;

function entriesFor({ during, ...rest }: VariantAllow, suite: string): Allow[] {
  if (during === undefined || during.includes(suite)) return [rest];
  const prefix = `${suite} > `;
  const tests = during.filter((one) => one.startsWith(prefix));
  return tests.length === 0
    ? []
    : [{ ...rest, during: tests.map((one) => one.slice(prefix.length)) }];
}

/** Why a test makes no sense in this variant; undefined if it does. */
export function skippedIn(variant: Variant, topology: string, path: string): string | undefined {
  const entry = variant.skip.find(
    ({ test, topologies }) => test === path && (topologies?.includes(topology) ?? true),
  );
  return entry === undefined ? undefined : `not with --variant ${variant.name}: ${entry.reason}`;
}
