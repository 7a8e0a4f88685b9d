// What run-test writes into the kernel log around each test, read back to tell which test a report belongs to.

/** `[   1.234567] pgmap: begin fs-dax > round trip` */
const markLine =
  /^(?:<\d{1,3}>)?\[([^\]\n]{1,40})\](?:\[[^\]\n]{1,40}\])? (?:pgmap: (begin|end|timeout|clock) ([^\n\r]*)|Linux version )/gm;

export interface Mark {
  /** Index into the text the marks were read from. */
  readonly at: number;
  /** Since boot, as the kernel says; NaN if it does not. */
  readonly seconds: number;
  /** `boot`: the kernel starts, and no test of an earlier boot runs any more. `clock`: what jiffies are at that time. */
  readonly kind: 'begin' | 'end' | 'timeout' | 'boot' | 'clock';
  /** `suite > test`; `jiffies=N hz=N` for `clock`, '' for `boot`. */
  readonly test: string;
}

/** `log` must be decoded as latin1, so that an index is a byte offset. */
export function readMarks(log: string): Mark[] {
  return [...log.matchAll(markLine)].map((match) => ({
    at: match.index,
    seconds: Number(match[1]),
    kind: (match[2] ?? 'boot') as Mark['kind'],
    test: (match[3] ?? '').trim(),
  }));
}

/** The tests that were running at a byte offset; after the last one has ended, that one: reports come late. */
export function testsAt(marks: readonly Mark[], offset: number): string[] {
  const running = new Set<string>();
  let last: string | undefined;
  for (const mark of marks) {
    if (mark.at > offset) break;
    if (mark.kind === 'boot') {
      running.clear();
      last = undefined;
    }
    if (mark.kind === 'begin') running.add(mark.test);
    if (mark.kind === 'end') {
      running.delete(mark.test);
      last = mark.test;
    }
  }
  if (running.size > 0) return [...running];
  return last === undefined ? [] : [last];
}
