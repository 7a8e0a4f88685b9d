// Few jobs that still reach every memory type, for kernels between two that are tested in full.

export interface Candidate {
  readonly id: string;
  readonly types: readonly string[];
  /** What it took the last time, in milliseconds. */
  readonly ms: number;
}

/**
 * For each memory type the quickest of the jobs that are for it, of those the ones for the fewest types: what is for one
 * type drives that type's own drivers. Jobs for no type at all are left out, unless there are no others.
 */
export function coveringJobs(jobs: readonly Candidate[]): string[] {
  const chosen = new Set<string>();
  for (const type of new Set(jobs.flatMap((job) => job.types))) {
    const best = jobs
      .filter((job) => job.types.includes(type))
      .toSorted((a, b) => a.types.length - b.types.length || a.ms - b.ms)[0];
    if (best !== undefined) chosen.add(best.id);
  }
  return chosen.size === 0 ? jobs.map((job) => job.id) : [...chosen];
}
