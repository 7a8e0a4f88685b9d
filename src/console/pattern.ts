// What one kind of kernel report looks like.
import type { Title } from './guilty.ts';

export type SplatKind =
  | 'BUG'
  | 'WARNING'
  | 'KASAN'
  | 'KMSAN'
  | 'KCSAN'
  | 'KFENCE'
  | 'UBSAN'
  | 'LOCKDEP'
  | 'RCU'
  | 'LOCKUP'
  | 'HUNG'
  | 'OOPS'
  | 'PANIC'
  | 'LEAK'
  | 'INFO';

export interface Pattern {
  readonly kind: SplatKind;
  /** Anchored at the line's start. */
  readonly header: RegExp;
  /** Title from the header's match and all lines of the report. */
  readonly title: Title;
  /**
   * How far the report goes. trace: to the end of its (first) stack trace; framed: to the closing line of `=`;
   * sections: all kinds of text up to `stack backtrace:`, then its trace; stacks: several traces, of other CPUs too;
   * line: only this line.
   */
  readonly body: 'trace' | 'framed' | 'sections' | 'stacks' | 'line';
  /** True for a text that programs print as well: counts only with a trace right behind it. */
  readonly weak?: true;
  /** True for what WARN() says as well: between `cut here` and its header, or behind that one, it is no report of its own. */
  readonly message?: true;
  /**
   * cause: an oops (`kernel BUG at`, `Oops:` …) that follows at once is the same event;
   * oops: is such a follow-up; panic: the end of whatever came before.
   */
  readonly part?: 'cause' | 'oops' | 'panic';
}

/** A function as a header names it, as a part of an expression with one group. A path or a hash that begins alike is none. */
export const fn = String.raw`([A-Za-z_][\w.$]*)(?:\+0x[0-9a-f]+|(?![\w.$/:-]))`;
