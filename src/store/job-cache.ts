// What jobs came to, kept under a key of everything that goes into them: with the same input again, nothing is booted.
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventBody } from '../core/event.ts';
import { readIfThere, writeAtomic } from '../util/files.ts';

/** Name of the folder in the cache, for `pgmap clean`. */
export const jobCacheFolder = 'results' as const;

export interface KeptJob {
  /** What was told of its kernel. */
  readonly kernel: Extract<EventBody, { readonly type: 'kernel' }>;
  /** The job's part of a record, without what only lives in that run's folder. */
  readonly events: readonly EventBody[];
}

/** Changes when entries are to be read in another way. */
const layout = 1;

/** `key`: a hexadecimal digest. An entry that cannot be read is none. */
export async function readJob(cacheDir: string, key: string): Promise<KeptJob | undefined> {
  const file = fileOf(cacheDir, key);
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  let value: (KeptJob & { readonly layout: number }) | undefined;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value?.layout !== layout || !Array.isArray(value.events)) return undefined;
  // Last use, for `pgmap clean`.
  const now = new Date();
  await utimes(file, now, now);
  return value;
}

/** Throws FailureError `lab/disk-full`. */
export const keepJob = (cacheDir: string, key: string, job: KeptJob): Promise<void> =>
  writeAtomic(fileOf(cacheDir, key), JSON.stringify({ layout, ...job }));

const fileOf = (cacheDir: string, key: string): string =>
  join(cacheDir, jobCacheFolder, `${key}.json`);
