// What a bisection took, and what it could not do with less of.
import type { State } from './state.ts';
import type { Step } from './step.ts';

export interface Effort {
  /** Kernels that were made or found in the cache: ends, search and proof. */
  readonly kernels: number;
  /** Those of them that the search asked for, and commits that it tried to build. */
  readonly searched: number;
  /** As many as a search needs in the worst case if each tells good from bad: ceil(log2 n) of n commits. */
  readonly least: number;
  /** Boots. */
  readonly runs: number;
  /** All steps together. */
  readonly ms: number;
}

export function effortOf({ range }: State, steps: readonly Step[]): Effort {
  const kernels = new Set<string>();
  const searched = new Set<string>();
  let runs = 0;
  let ms = 0;
  for (const step of steps) {
    if (step.type !== 'image' && step.type !== 'observe') continue;
    if (step.type === 'image') kernels.add(step.commit);
    // Without a folder there was nothing to boot.
    else if (step.dir !== undefined) runs++;
    if (step.purpose === 'search') searched.add(step.commit);
    ms += step.ms ?? 0;
  }
  const commits = range?.graph.ids.length ?? 1;
  return {
    ...{ kernels: kernels.size, searched: searched.size, runs, ms },
    least: Math.ceil(Math.log2(Math.max(1, commits))),
  };
}
