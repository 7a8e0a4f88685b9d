// What Linux prints when something is wrong, 5.10 to 7.3: one table, first match wins. The texts are printk formats of
// kernel/, mm/, lib/ and arch/; each line is tested with time stamp and caller id removed.
import { baseName, counterOf, guiltyOf, isGeneric } from './frames.ts';

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
  readonly title: (match: RegExpExecArray, lines: readonly string[]) => string;
  /**
   * How far the report goes. trace: to the end of its (first) stack trace; framed: to the closing line of `=`;
   * sections: all kinds of text up to `stack backtrace:`, then its trace; stacks: several traces, of other CPUs too;
   * line: only this line.
   */
  readonly body: 'trace' | 'framed' | 'sections' | 'stacks' | 'line';
  /** True for a text that programs print as well: counts only with a trace right behind it. */
  readonly weak?: true;
  /**
   * cause: an oops (`kernel BUG at`, `Oops:` …) that follows at once is the same event;
   * oops: is such a follow-up; panic: the end of whatever came before.
   */
  readonly part?: 'cause' | 'oops' | 'panic';
}

type Title = Pattern['title'];

/** `text in function`, with the function from the trace. */
function inTrace(text: string): Title {
  return (_match, lines) => where(text, guiltyOf(lines));
}

/** The function the CPU was in, if the report has registers; else from the trace. */
function atCounter(text: string): Title {
  return (_match, lines) => where(text, counter(lines) ?? guiltyOf(lines));
}

/** The function the header names, unless that one only reports. */
function inHeader(text: (match: RegExpExecArray) => string, group: number): Title {
  return (match, lines) => {
    const name = baseName(match[group] ?? '');
    return where(text(match), name === '' || isGeneric(name) ? (guiltyOf(lines) ?? name) : name);
  };
}

/** Where a lock is taken, from the report's `at: function+0x…`. */
function atLock(text: string): Title {
  return (_match, lines) => {
    for (const line of lines.slice(0, 40)) {
      const at = /, at: (?:\[<[0-9a-f]+>\] )?([A-Za-z_][\w.$]*)(?:\+0x| |$)/.exec(line)?.[1];
      if (at !== undefined) {
        const name = baseName(at);
        return where(text, isGeneric(name) ? (guiltyOf(lines) ?? name) : name);
      }
    }
    return where(text, guiltyOf(lines));
  };
}

function where(text: string, name: string | undefined): string {
  return name === undefined || name === '' ? text : `${text} in ${name}`;
}

function counter(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const name = counterOf(line);
    if (name !== undefined) return isGeneric(name) ? undefined : name;
  }
  return undefined;
}

/** Free text made equal across runs. */
export function stable(text: string): string {
  return text
    .slice(0, 400)
    .replace(/\b(?:0x)?[0-9a-f]{8,16}\b/g, 'ADDR')
    .replace(/\b0x[0-9a-f]+\b/g, 'N')
    .replace(/([A-Za-z_][\w.]*)\+N\/N/g, '$1')
    .replace(/\b\d+(?:\.\d+)?\b/g, 'N')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 120)
    .replace(/[\s.!:]+$/, '');
}

/** `KASAN: slab-use-after-free Read in foo`: the access stands on the line behind the header. */
function kasan(match: RegExpExecArray, lines: readonly string[]): string {
  const access = lines.slice(0, 8).find((line) => /^(?:Read|Write|Free) (?:of|at) /.test(line));
  const word = access === undefined ? '' : ` ${access.split(' ', 1)[0]}`;
  const type = match[1] ?? 'invalid-access';
  const text =
    word === ' Free' || type.includes('-free in') ? `KASAN: ${type}` : `KASAN: ${type}${word}`;
  const name = baseName(match[2] ?? '');
  return where(text, name === '' || isGeneric(name) ? (guiltyOf(lines) ?? name) : name);
}

const fn = String.raw`([A-Za-z_][\w.$]*)(?:\+0x[0-9a-f]+|\b)`;

export const patterns: readonly Pattern[] = [
  // ---- sanitizers
  {
    kind: 'KASAN',
    header: new RegExp(String.raw`^BUG: KASAN: ([\w -]+?)(?: in (?:${fn}|\S)| on address|\s*$)`),
    title: kasan,
    body: 'framed',
    part: 'cause',
  },
  {
    kind: 'KMSAN',
    header: new RegExp(String.raw`^BUG: KMSAN: ([\w -]+?) in ${fn}`),
    title: inHeader((match) => `KMSAN: ${match[1] ?? ''}`, 2),
    body: 'framed',
  },
  {
    kind: 'KCSAN',
    header: /^BUG: KCSAN: ([\w: -]+?) in (\S+)(?: \/ (\S+))?/,
    title: (match) => {
      const names = [match[2], match[3]].flatMap((name) =>
        name === undefined ? [] : [baseName(name.replace(/\+0x.*$/, ''))],
      );
      return `KCSAN: ${match[1]} in ${names.join(' / ')}`;
    },
    body: 'framed',
  },
  {
    kind: 'KFENCE',
    header: new RegExp(String.raw`^BUG: KFENCE: ([\w -]+?) in ${fn}`),
    title: inHeader((match) => `KFENCE: ${match[1] ?? ''}`, 2),
    body: 'framed',
  },
  {
    kind: 'UBSAN',
    header: /^UBSAN: ([\w -]+?) in (\S+?)(?::\d+)*(?:\s|$)/,
    title: (match, lines) => where(`UBSAN: ${match[1]}`, guiltyOf(lines) ?? match[2]),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'LEAK',
    header: /^BUG: memory leak/,
    title: inTrace('memory leak'),
    body: 'trace',
  },
  {
    kind: 'LEAK',
    header: /^unreferenced object 0x[0-9a-f]+ \(size \d+\):/,
    title: inTrace('memory leak'),
    body: 'trace',
    weak: true,
  },
  {
    kind: 'LEAK',
    header: /^kmemleak: \d+ new suspected memory leaks/,
    title: () => 'kmemleak: new suspected memory leaks',
    body: 'line',
  },

  // ---- what stands before an oops
  {
    kind: 'BUG',
    header: /^(list_(?:add|del) (?:corruption|double add))\b/,
    title: (match, lines) => where(match[1] ?? '', guiltyOf(lines)),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^usercopy: (Kernel memory (?:exposure|overwrite) attempt detected)/,
    title: (match, lines) => where(`usercopy: ${match[1]}`, guiltyOf(lines)),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: new RegExp(String.raw`^CFI failure (?:at ${fn}|\(target: )`),
    title: inHeader(() => 'CFI failure', 1),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^(?:traps: )?Missing ENDBR: /,
    title: atCounter('missing ENDBR'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^kernel tried to execute (?:NX-protected|user)|^kernel tried to execute /,
    title: atCounter('BUG: kernel tried to execute no-execute memory'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^kernel BUG at (\S+?):\d+!/,
    title: atCounter('kernel BUG'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^(?:BUG: |BUG at )?(?:failure at |BUG at )?\S+\.[ch]:\d+\/(\w+)\(\)!/,
    title: inHeader(() => 'kernel BUG', 1),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header:
      /^BUG: (?:kernel NULL pointer dereference|unable to handle kernel NULL pointer|Kernel NULL pointer)/i,
    title: atCounter('BUG: kernel NULL pointer dereference'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header:
      /^BUG: unable to handle (?:kernel )?(?:page fault|paging request|data access|instruction fetch|access)/i,
    title: atCounter('BUG: unable to handle page fault'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^BUG: unable to handle /i,
    title: atCounter('BUG: unable to handle fault'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^Unable to handle kernel (NULL pointer dereference|[a-z][a-z -]*?)(?: at|, | for|$)/i,
    title: (match, lines) =>
      atCounter(
        match[1]?.startsWith('NULL') === true
          ? 'BUG: kernel NULL pointer dereference'
          : 'BUG: unable to handle page fault',
      )(match, lines),
    body: 'trace',
    part: 'cause',
  },

  // ---- oopses
  {
    kind: 'OOPS',
    header:
      /^(?:Oops: )?general protection fault(?:, (?:probably|maybe)|: [0-9a-f]{4}|.{0,80}\[#\d+\])/,
    title: atCounter('general protection fault'),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    header:
      /^(?:Oops: )?(divide error|stack segment|segment not present|double fault|invalid opcode|int3|bounds|alignment check|invalid TSS|overflow|coprocessor \w+|control protection fault|SIMD exception|Bad pagetable)[:,] .{0,120}\[#\d+\]/,
    title: (match, lines) => atCounter(match[1] ?? '')(match, lines),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    header: /^(?:traps: )?PANIC: (double fault|early exception)/,
    title: (match, lines) => atCounter(`PANIC: ${match[1]}`)(match, lines),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'OOPS',
    header: /^Internal error: (.*?)(?::? [0-9a-f]{1,16})? \[#\d+\]/,
    title: (match, lines) =>
      atCounter(`Internal error: ${stable(match[1] ?? '')}`.replace(/[: ]+$/, ''))(match, lines),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    header:
      /^(?:Oops(?:: |\b).{0,120}\[#\d+\]|Kernel bug detected\[#\d+\]|Bad mode in .{1,60} handler detected)/,
    title: atCounter('Oops'),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'PANIC',
    header: /^Kernel panic - not syncing: ?(.*)$/,
    title: (match) => `panic: ${panicReason(match[1] ?? '')}`,
    body: 'trace',
    part: 'panic',
  },

  // ---- memory management
  {
    kind: 'BUG',
    header: /^BUG: (Bad page (?:state|map|cache|special))(?: in process|:| )/,
    title: (match, lines) => where(`BUG: ${match[1]}`, guiltyOf(lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^BUG: (Bad rss-counter state|non-zero pgtables_bytes on freeing mm)/,
    title: (match) => `BUG: ${match[1]}`,
    body: 'line',
  },
  {
    kind: 'BUG',
    header: /^BUG (\S+) \((?:Not tainted|Tainted: [^)]{0,80})\): (.{1,200})$/,
    title: (match) => `BUG: slab ${match[1]}: ${stable(match[2] ?? '')}`,
    body: 'trace',
  },

  // ---- scheduler, locks
  {
    kind: 'BUG',
    header: /^BUG: (scheduling while atomic|scheduling in a non-blocking section)/,
    title: (match, lines) => where(`BUG: ${match[1]}`, guiltyOf(lines)),
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
    header: /^BUG: (?:\w+ )?stack guard page was hit|^BUG: stack guard page was hit/,
    title: atCounter('BUG: stack guard page was hit'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^Insufficient stack space to handle exception!/,
    title: atCounter('kernel stack overflow'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^(?:kernel stack overflow|Thread overran stack|do_IRQ: .* stack overflow)/i,
    title: atCounter('kernel stack overflow'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^(?:workqueue: )?BUG: workqueue lockup - pool/,
    title: () => 'BUG: workqueue lockup',
    body: 'stacks',
  },
  {
    kind: 'BUG',
    header: /^(?:workqueue: )?BUG: workqueue leaked (?:atomic, )?lock/,
    title: inTrace('BUG: workqueue leaked lock or atomic'),
    body: 'trace',
  },
  {
    kind: 'LOCKUP',
    header: /^(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck for \d+s/,
    title: atCounter('BUG: soft lockup'),
    body: 'stacks',
  },
  {
    kind: 'LOCKUP',
    header: /^(?:NMI watchdog|watchdog|watchdog: CPU\d+)?:? ?Watchdog detected hard LOCKUP on cpu/,
    title: atCounter('hard LOCKUP'),
    body: 'stacks',
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
      /^(?:rcu: )?INFO: rcu\w* (?:self-)?detected (?:expedited )?stalls?\b|^(?:rcu: )?INFO: rcu_tasks\w* detected stalls/,
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
  {
    kind: 'LOCKDEP',
    header:
      /^\[? ?(?:WARNING|INFO|BUG): (?:possible (?:circular locking dependency|recursive locking|irq lock inversion dependency) detected|[\w-]+-safe -> [\w-]+-unsafe lock order detected)/,
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
    title: inTrace('still has locks held'),
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

  // ---- WARN()
  {
    kind: 'WARNING',
    // Up to 6.16: CPU: 1 PID: 2 at file:line function. 6.17 and later: file:line at function, CPU#1: comm/pid.
    header: new RegExp(
      String.raw`^WARNING: (?:CPU: \d+ PID: \d+ at (?:\S+:\d+ )?${fn}|(?:\[.{1,300}?\] )?(?:\S+:\d+ )?at ${fn}.*CPU#\d+)`,
    ),
    title: (match, lines) => {
      const name = baseName(match[1] ?? match[2] ?? '');
      return where('WARNING', isGeneric(name) ? (guiltyOf(lines) ?? name) : name);
    },
    body: 'trace',
  },
  {
    kind: 'WARNING',
    header: /^WARNING: CPU: \d+ PID: \d+ at/,
    title: inTrace('WARNING'),
    body: 'trace',
  },
  {
    kind: 'WARNING',
    header:
      /^WARNING: (kernel stack (?:regs|frame pointer)|stack going in the wrong direction|stack recursion|can't dereference registers)/,
    title: (match) => `WARNING: ${match[1]}`,
    body: 'line',
  },

  {
    kind: 'WARNING',
    header: /^sysfs: (cannot create duplicate filename)/,
    title: inTrace('sysfs: cannot create duplicate filename'),
    body: 'trace',
    weak: true,
  },

  // ---- other
  {
    kind: 'INFO',
    header: /^unregister_netdevice: waiting for (\S+) to become free/,
    title: () => 'unregister_netdevice: waiting for a device to become free',
    body: 'line',
  },
  {
    kind: 'BUG',
    header: /^(?:IPv6: )?BUG: Address \S+ on device \S+ is missing its host route/,
    title: () => 'BUG: an address is missing its host route',
    body: 'line',
  },
  {
    kind: 'BUG',
    header: /^(?:\[ )?BUG: (.{1,200})$/,
    title: (match, lines) => where(`BUG: ${stable(match[1] ?? '')}`, guiltyOf(lines)),
    body: 'trace',
    weak: true,
  },
  {
    kind: 'WARNING',
    header: /^(?:\[ )?WARNING: (.{1,200})$/,
    title: (match, lines) => where(`WARNING: ${stable(match[1] ?? '')}`, guiltyOf(lines)),
    body: 'trace',
    weak: true,
  },
];

/** A line that no pattern can match contains none of these: the one test every line of a log goes through. */
export const interesting =
  /BUG|WARNING|INFO: |UBSAN|unreferenced|kmemleak: \d|corruption|double add|usercopy: K|CFI failure|Missing ENDBR|tried to execute|Unable to handle|Oops|protection fault|(?:divide|Internal) error|stack segment|segment not|double fault|invalid (?:opcode|TSS)|int3: |bounds: |alignment check|overflow: |coprocessor|SIMD|split lock|PANIC: |Kernel panic|Kernel bug|Bad pagetable|Bad mode|duplicate filename|Insufficient stack|stack overflow|overran stack|hard LOCKUP|CSD lock|unregister_netdevice: w/;

/** A trace behind one of these is no report of a fault, even if a weak header stands just before it. */
export const innocent =
  /^(?:FAULT_INJECTION: |sysrq: |Mem-Info:|.{1,80}: page allocation failure: |.{1,80} invoked oom-killer: |warn_alloc)/;

/** Panics that say what happened before, not what happened. */
export const consequence =
  /^(?:Fatal (?:exception|hardware)|.*panic_on_|.*\bpanic set|softlockup|hung_task|[Hh]ard LOCKUP|RCU Stall|Oops|Aiee|Attempted to kill|.*[Ff]atal exception|kernel: panic|panic_on|.*system warned too often|Unrecoverable|KASAN|KMSAN|UBSAN|kasan|kmsan|BUG[!:]?|corrupted stack|kernel stack overflow|.*: Fatal|nmi|NMI|.*stack guard|.*double fault)/;

function panicReason(reason: string): string {
  if (reason.startsWith('Attempted to kill init')) return 'Attempted to kill init!';
  if (reason.startsWith('VFS: Unable to mount root fs')) return 'VFS: Unable to mount root fs';
  const corrupted = /^(stack-protector: Kernel stack is corrupted) in: (\w+)/.exec(reason);
  if (corrupted !== null) return `${corrupted[1]} in ${corrupted[2]}`;
  return stable(reason);
}
