// What programs print when the host runs short, of which the tested code is innocent.
import { FailureError } from '../core/failure.ts';
import { diskFull, isDiskFull } from './files.ts';

/** Messages of errno(3), of gcc, ld, make and git. */
const full = /No space left on device|Disk quota exceeded|\bENOSPC\b/;
const memory =
  /Cannot allocate memory|virtual memory exhausted|memory exhausted|out of memory allocating|fatal: Out of memory|Killed signal terminated program|Resource temporarily unavailable/;

/**
 * The failure that an output tells of, if it is one of the host's: `lab/disk-full`, `lab/host-memory`. `dirs`: where the
 * program wrote; not all say so when nothing fits there any more (git: "unable to write new index file").
 */
export function hostShortage(
  said: string,
  what: string,
  dirs: readonly (string | undefined)[] = [],
): FailureError | undefined {
  const isFull = dirs.some((dir) => dir !== undefined && isDiskFull(dir));
  if (isFull || full.test(said)) return diskFull(`(${what})`);
  const line = said.split('\n').find((one) => memory.test(one));
  if (line === undefined) return undefined;
  return new FailureError({
    blame: 'lab',
    code: 'host-memory',
    title: `This host has too little memory (${what})`,
    detail: line.trim().slice(0, 500),
    hint: 'Run less beside it. What the kernel killed for lack of memory stands in dmesg.',
  });
}
