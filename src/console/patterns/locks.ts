// lockdep, RCU usage, spinlock debugging, and what is done in the wrong context.
import { atLock, guiltyOf, inTrace, stable, where } from '../guilty.ts';
import { isGeneric } from '../generic.ts';
import type { Pattern } from '../pattern.ts';

export const locks: readonly Pattern[] = [
  {
    kind: 'BUG',
    header: /^BUG: (scheduling while atomic|scheduling in a non-blocking section)/,
    title: (match, lines) => where(`BUG: ${match[1]}`, guiltyOf(lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^bad: scheduling from the idle thread!/,
    title: inTrace('BUG: scheduling from the idle thread'),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header:
      /^BUG: (sleeping function called from invalid context|assuming (?:atomic|non migratable) context)/,
    title: (match, lines) => where(`BUG: ${match[1]}`, guiltyOf(lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^BUG: using (\w+)\(\) in preemptible/,
    title: (match, lines) => {
      const caller = lines.map((line) => /^caller is (?:\[<[0-9a-f]+>\] )?(\w+)/.exec(line)?.[1]);
      const name = caller.find((one) => one !== undefined && !isGeneric(one));
      return where(`BUG: using ${match[1]}() in preemptible code`, name ?? guiltyOf(lines));
    },
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^BUG: ((?:spinlock|rwlock|write-lock|mutex) [a-z][\w -]*?) on CPU#\d+/,
    title: (match, lines) => where(`BUG: ${match[1]}`, guiltyOf(lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^(?:workqueue: )?BUG: workqueue leaked (?:atomic, )?lock/,
    title: inTrace('BUG: workqueue leaked lock or atomic'),
    body: 'trace',
  },
  // Up to 4.10 in brackets, INFO for most and BUG for some.
  {
    kind: 'LOCKDEP',
    header:
      /^\[? ?(?:WARNING|INFO|BUG): (?:possible (?:circular locking dependency|recursive locking|irq lock inversion dependency) detected|(?:[\w-]+-safe -> [\w-]+-unsafe|[\w-]+) lock order detected|circular locking deadlock detected)/,
    title: atLock('possible deadlock'),
    body: 'sections',
  },
  {
    kind: 'LOCKDEP',
    header:
      /^\[? ?(?:WARNING|INFO|BUG): (inconsistent lock state|bad unlock balance detected|held lock freed|bad contention detected|Nested lock was not taken|chain_key collision|Invalid wait context|lock held (?:when returning to user space|at task exit time)|possible reason)/,
    title: (match, lines) => atLock(match[1] ?? '')(match, lines),
    body: 'sections',
  },
  {
    kind: 'LOCKDEP',
    header: /^\[? ?(?:WARNING|INFO|BUG): .{1,40}\/\d+ still has locks held/,
    title: atLock('still has locks held'),
    body: 'sections',
  },
  {
    kind: 'LOCKDEP',
    header: /^\[? ?(?:WARNING|INFO): suspicious RCU usage/,
    title: inTrace('suspicious RCU usage'),
    body: 'sections',
  },
  {
    kind: 'LOCKDEP',
    header: /^INFO: trying to register non-static key/,
    title: inTrace('INFO: trying to register non-static key'),
    body: 'trace',
  },
  {
    kind: 'LOCKDEP',
    header: /^BUG: (MAX_(?:LOCKDEP_\w+|STACK_TRACE_ENTRIES|LOCK_DEPTH) too low)/,
    title: (match) => `BUG: ${match[1]}`,
    body: 'trace',
  },
  {
    kind: 'LOCKDEP',
    header:
      /^BUG: (?:key \S+ (?:has not been registered|not in \.data)|looking up invalid subclass)/,
    title: inTrace('BUG: invalid lock class key'),
    body: 'trace',
  },
  {
    kind: 'LOCKDEP',
    // Other reports of this form, such as those of PREEMPT_RT's locks.
    header: /^\[ BUG: (.{1,100}) \]\s*$/,
    title: (match, lines) => atLock(`BUG: ${stable(match[1] ?? '')}`)(match, lines),
    body: 'sections',
    weak: true,
  },
];
