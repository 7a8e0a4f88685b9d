// When leaked memory was allocated, and so by which test: kmemleak finds it only after the last one.
import { type Mark, testsAt } from './console-marks.ts';

/** A leak's report says when in jiffies; images/lib/leaks says what they are at a time of the kernel log. */
const allocated = /, jiffies (\d{1,20})\b/;
const clock = /^jiffies=(\d{1,20}) hz=(\d{1,5})$/;

/**
 * The tests that ran when the memory of a leak report was allocated; none if that was before the first, undefined if the
 * report or the log does not tell.
 * @param report its text
 * @param offset where it stands
 */
export function allocatedDuring(
  marks: readonly Mark[],
  report: string,
  offset: number,
): string[] | undefined {
  const jiffies = allocated.exec(report)?.[1];
  const until = marks.filter(({ at }) => at < offset);
  const reference = until.findLast(({ kind }) => kind === 'clock');
  const [, now, hz] = clock.exec(reference?.test ?? '') ?? [];
  if (jiffies === undefined || reference === undefined || Number(hz ?? 0) === 0) return undefined;
  const seconds = reference.seconds - (Number(now) - Number(jiffies)) / Number(hz);
  // Times begin anew with each boot.
  const booted = until.findLastIndex(({ kind }) => kind === 'boot');
  const before = until.slice(booted + 1).filter((mark) => mark.seconds <= seconds);
  return testsAt(before, Infinity);
}
