// What a run says of the single patches of a series, and of code that is compiled for nothing but to see that it still
// can be. Plain data.
import type { Failure } from './failure.ts';
import type { Status } from './status.ts';

export interface PatchInfo {
  /** From 1. */
  readonly number: number;
  readonly of: number;
  readonly title: string;
  /** Absent for a patch that changes nothing the base does not have. */
  readonly commit?: string;
  /** FAIL: it does not build, and what came before did. MISS: nothing is known, the base does not build either. */
  readonly build: Status;
  readonly failure?: Failure;
  /** The kernel was in the cache. */
  readonly cached: boolean;
  /** Compiler warnings that the patch brings, and that it mends; without line numbers. */
  readonly newWarnings: readonly string[];
  readonly fixedWarnings: readonly string[];
  /** Warnings of which nobody knows whether they are new: their objects were never compiled while pgmap listened. */
  readonly otherWarnings: readonly string[];
  /** Code and data of the kernel, against what is before the patch; none: there is no kernel. */
  readonly image: 'same' | 'changed' | 'none';
  /** The first patch with the same image, 0 for the base: what was tested there holds here. */
  readonly sameAs?: number;
  readonly tests?: PatchTests;
}

/** What ran on the kernel of one patch. */
export interface PatchTests {
  /** Which, and why not all, in a few words: `all`, `one job for each memory type`, `as patch 2, the image is the same`. */
  readonly what: string;
  readonly status: Status;
  readonly jobs: readonly { readonly id: string; readonly status: Status }[];
  /** What is worse than on the base, as paths joined with ` > `. */
  readonly worse: readonly string[];
  /** Folder of its record, relative to that of the run. */
  readonly folder?: string;
}

/** A user of memremap_pages() that the tested configuration leaves out. */
export interface Caller {
  /** Source file in the tree. */
  readonly file: string;
  /** PASS: compiles with the series. FAIL: did on the base, and does not. SKIP: on neither, or not here. */
  readonly status: Status;
  /** The first error, or why it cannot be compiled here. */
  readonly reason?: string;
}

/** The next patch that builds after `patch` does not. */
export const repairedBy = (
  patches: readonly PatchInfo[],
  patch: PatchInfo,
): PatchInfo | undefined =>
  patches.find((later) => later.number > patch.number && later.build === 'PASS');

/** `patch 2/4 'mm: …'` */
export const patchName = ({
  number,
  of,
  title,
}: Pick<PatchInfo, 'number' | 'of' | 'title'>): string => `patch ${number}/${of} '${title}'`;

/** What is said of the patches that do not build: whose fault, and that a later one mends it. Undefined if all do. */
export function buildFailures(patches: readonly PatchInfo[]): Failure | undefined {
  const broken = patches.filter((patch) => patch.build === 'FAIL');
  const first = broken[0];
  if (first === undefined) return undefined;
  const more =
    broken.length === 1
      ? ''
      : `, nor ${broken.length === 2 ? 'does' : 'do'} ${broken.length - 1} more`;
  const { detail, hint, artifact } = first.failure ?? {};
  return {
    blame: 'series',
    code: 'patch-does-not-build',
    title: `${sentence(first, patches)}${more}`,
    detail: [
      ...broken.map(
        (patch) => `${sentence(patch, patches)}: ${patch.failure?.title ?? 'no reason known'}`,
      ),
      ...(detail === undefined ? [] : ['', detail]),
    ].join('\n'),
    ...(hint === undefined ? {} : { hint }),
    ...(artifact === undefined ? {} : { artifact }),
  };
}

function sentence(patch: PatchInfo, patches: readonly PatchInfo[]): string {
  const mended = repairedBy(patches, patch);
  const how = mended === undefined ? '' : ` (repaired by patch ${mended.number})`;
  return `${patchName(patch)} does not build${how}`;
}

/** The same for patches in the middle that break a test. */
export function testFailures(patches: readonly PatchInfo[]): Failure | undefined {
  const broken = patches.filter((patch) => (patch.tests?.worse.length ?? 0) > 0);
  const first = broken[0];
  if (first === undefined) return undefined;
  return {
    blame: 'series',
    code: 'patch-breaks-tests',
    title: `${patchName(first)} breaks ${first.tests?.worse[0] ?? ''}`,
    detail: broken
      .map((patch) =>
        [patchName(patch), ...(patch.tests?.worse ?? []).map((path) => `  ${path}`)].join('\n'),
      )
      .join('\n'),
  };
}
