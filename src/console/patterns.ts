// What Linux prints when something is wrong, 4.x to 7.3: one table, first match wins. The texts are printk formats of
// kernel/, mm/, lib/ and arch/; each line is tested with time stamp, caller id and indentation removed.
import { locks } from './patterns/locks.ts';
import { memory } from './patterns/memory.ts';
import { oopses } from './patterns/oopses.ts';
import { other } from './patterns/other.ts';
import { sanitizers } from './patterns/sanitizers.ts';
import { stalls } from './patterns/stalls.ts';
import type { Pattern } from './pattern.ts';

const patterns: readonly Pattern[] = [
  ...sanitizers,
  ...oopses,
  ...memory,
  ...locks,
  ...stalls,
  // Ends with what matches any `BUG:`.
  ...other,
];

/** A line that no pattern can match contains none of these: the one test every line of a log goes through. */
const interesting =
  /BUG|WARNING|INFO: |UBSAN|\[#\d|unreferenced|kmemleak: \d|corruption|double add|usercopy|CFI failure|Missing ENDBR|to execute|Unable to handle|unable to |Unhandled |: Vector: |Oops|protection fault|PANIC|ernel panic|Bad mode|duplicate filename|Insufficient stack|[Ss]tack overflow|stack pointer|overran stack|[Hh]ard LOCKUP|CSD lock|unregister_netdevice: w|slab error|still has objects|NETDEV W|nobody cared|idle thread!|bogus return|unchecked MSR|Busy inodes|Machine check: |SError Int/;

export interface Header {
  readonly pattern: Pattern;
  readonly match: RegExpExecArray;
}

/** The report that begins with this line, if any. */
export function headerOf(text: string): Header | undefined {
  if (!interesting.test(text)) return undefined;
  // Mails and wikis indent what they quote, and join its lines.
  const line = text.replace(/^\s+|^(?:={20,80}|-{6,16}\[ cut here \]-{6,16}) (?=\w)/, '');
  for (const pattern of patterns) {
    const match = pattern.header.exec(line);
    if (match !== null) return { pattern, match };
  }
  return undefined;
}

/** A trace behind one of these is no report of a fault, even if a weak header stands just before it. */
export const innocent =
  /^(?:FAULT_INJECTION: |sysrq: |Mem-Info:|.{1,80}: page allocation (?:failure|stalls)|.{1,80} invoked oom-killer: |warn_alloc)/;
