// What a run came to for each memory type.
import type { JobResult, JobState } from './job-result.ts';
import { type Status, worst } from './status.ts';

export interface TypeResult {
  /** What suites call it, where the tested tree calls it otherwise. */
  readonly was?: string;
  /** The series brings it: there is no suite for it yet. */
  readonly isNew?: true;
  /** memremap_pages() was really called with this type in some guest of the run. */
  readonly covered: boolean;
  readonly mappings: number;
  readonly pages: number;
  /** Suites in whose guest it was. */
  readonly suites: readonly string[];
  /** Worst of the jobs that are for this type; MISS if no guest mapped it, however green they are. */
  readonly status: Status;
}

/**
 * By the type's name. `enumerators`: of the tested tree, none if nobody knows; `states` and `results`: of the same jobs in the
 * same order; `more`: what a series does to a name.
 */
export function typeResults(
  enumerators: readonly string[],
  states: readonly JobState[],
  results: readonly JobResult[],
  more: (name: string) => Pick<TypeResult, 'was' | 'isNew'>,
): Record<string, TypeResult> {
  const types: Record<string, TypeResult> = {};
  const mapped = states.flatMap((job) => Object.keys(job.coverage));
  // A kernel that was built elsewhere comes without its enum: then what the jobs are for is what must be mapped.
  const names = enumerators.length > 0 ? enumerators : states.flatMap((job) => job.info.types);
  for (const name of new Set([...names, ...mapped])) {
    let mappings = 0;
    let pages = 0;
    const suites = new Set<string>();
    const members: Status[] = [];
    for (const [index, job] of states.entries()) {
      const use = job.coverage[name];
      if (use !== undefined && use.mappings > 0) {
        mappings += use.mappings;
        pages += use.pages;
        suites.add(job.info.suite);
      }
      const result = results[index];
      if (job.info.types.includes(name) && result !== undefined) members.push(result.status);
    }
    const covered = mappings > 0;
    const status = worst(members);
    types[name] = {
      ...more(name),
      covered,
      mappings,
      pages,
      suites: [...suites].sort(),
      status: covered || status !== 'PASS' ? status : 'MISS',
    };
  }
  return types;
}
