// Lockups, stalls and hung tasks.
import { atCounter, inTrace, where, named } from '../guilty.ts';
import type { Pattern } from '../pattern.ts';

export const stalls: readonly Pattern[] = [
  {
    kind: 'BUG',
    header: /^(?:workqueue: )?BUG: workqueue lockup - pool/,
    title: () => 'BUG: workqueue lockup',
    body: 'stacks',
  },
  {
    kind: 'LOCKUP',
    header: /^(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck for \d+s/,
    title: atCounter('BUG: soft lockup'),
    body: 'stacks',
  },
  {
    kind: 'LOCKUP',
    header:
      /^(?:NMI watchdog|watchdog|watchdog: CPU\d+|CPU\d+)?:? ?Watchdog detected hard LOCKUP on cpu/,
    title: atCounter('hard LOCKUP'),
    body: 'stacks',
    // Up to 4.1 what a WARN() said.
    message: true,
  },
  {
    kind: 'LOCKUP',
    // powerpc: the CPU that found it out, then the one that hangs.
    header: /^(?:[Ww]atchdog:? )?CPU[ :]\d+ detected [Hh]ard LOCKUP (?:on )?other CPU/,
    title: atCounter('hard LOCKUP'),
    body: 'stacks',
    part: 'cause',
  },
  {
    kind: 'LOCKUP',
    header:
      /^(?:[Ww]atchdog:? )?CPU[ :]\d+ (?:self-detected [Hh]ard LOCKUP(?: @ ([\w.]+))?|Hard LOCKUP)/,
    title: (match, lines) => where('hard LOCKUP', named(match[1], lines)),
    body: 'stacks',
    part: 'oops',
  },
  {
    kind: 'LOCKUP',
    header: /^(?:smp: )?csd: (?:Detected|Re-detected) non-responsive CSD lock/,
    title: () => 'csd: non-responsive CSD lock',
    body: 'stacks',
  },
  {
    kind: 'RCU',
    header:
      /^(?:rcu: )?INFO: (?:rcu|srcu)\w* (?:self-)?detected (?:expedited )?stalls?\b|^(?:rcu: )?INFO: rcu_tasks\w* detected stalls/,
    title: atCounter('INFO: rcu stall'),
    body: 'stacks',
  },
  {
    kind: 'HUNG',
    header:
      /^INFO: task .{1,64}?:\d+ (?:blocked (?:in I\/O wait )?for more than|can't die for more than) \d+ seconds/,
    title: inTrace('INFO: task hung'),
    body: 'trace',
  },
];
