// The five words a result can have, and how they roll up. KCIDB's words and priority order.

/**
 * - FAIL: the tested kernel is faulty.
 * - ERROR: the test broke; nothing is known about the kernel.
 * - MISS: the harness or the lab broke; nothing is known.
 * - PASS
 * - SKIP: not applicable here, with a reason.
 */
export type Status = 'FAIL' | 'ERROR' | 'MISS' | 'PASS' | 'SKIP';

/** Worst first. @see https://github.com/kernelci/kcidb-io (schema, `status`) */
export const statuses: readonly Status[] = ['FAIL', 'ERROR', 'MISS', 'PASS', 'SKIP'];

/** The status of a group: that of its worst member. Of nothing at all, nothing is known: MISS. */
export function worst(members: Iterable<Status>): Status {
  let rank = statuses.length;
  for (const member of members) rank = Math.min(rank, statuses.indexOf(member));
  return statuses[rank] ?? 'MISS';
}

/** How many of each. */
export function tally(members: Iterable<Status>): Record<Status, number> {
  const count: Record<Status, number> = { FAIL: 0, ERROR: 0, MISS: 0, PASS: 0, SKIP: 0 };
  for (const member of members) count[member]++;
  return count;
}
