// Oopses of all architectures, what stands before one, and panics.
import { atCounter, guiltyOf, inHeader, named, stable, where } from '../guilty.ts';
import { fn, type Pattern } from '../pattern.ts';

export const oopses: readonly Pattern[] = [
  // ---- what stands before an oops
  {
    kind: 'BUG',
    header: /^(list_(?:add|del) (?:corruption|double add))\b/,
    title: (match, lines) => atCounter(match[1] ?? '')(match, lines),
    body: 'trace',
    part: 'cause',
    message: true,
  },
  {
    kind: 'BUG',
    header:
      /^(?:usercopy: |Bad or missing usercopy whitelist\? )([Kk]ernel memory (?:exposure|overwrite) attempt detected)/,
    title: (match, lines) =>
      atCounter(`usercopy: ${(match[1] ?? '').replace('kernel', 'Kernel')}`)(match, lines),
    body: 'trace',
    part: 'cause',
    message: true,
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
    header:
      /^kernel tried to execute |^Kernel attempted to execute |^unable to execute userspace code/,
    title: atCounter('BUG: kernel tried to execute no-execute memory'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^[Kk]ernel BUG at (\S+?)(?::\d+!| \[verbose debug info unavailable\])/,
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
    // arm, arm64, riscv, powerpc, s390; MIPS and LoongArch say which CPU.
    header:
      /^(?:CPU \d+ )?Unable to handle kernel (NULL pointer dereference|[a-z][a-z -]*?)(?: at|, | for| \(address|\s*$)/i,
    title: (match, lines) =>
      atCounter(
        match[1]?.startsWith('NULL') === true
          ? 'BUG: kernel NULL pointer dereference'
          : 'BUG: unable to handle page fault',
      )(match, lines),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'BUG',
    header: /^Unhandled (?:fault|prefetch abort): (.{1,60}?) \(0x[0-9a-f]+\) at /,
    title: (match, lines) => atCounter(`unhandled fault: ${stable(match[1] ?? '')}`)(match, lines),
    body: 'trace',
    part: 'cause',
    weak: true,
  },
  {
    kind: 'OOPS',
    // powerpc with the xmon debugger.
    header: /^cpu 0x[0-9a-f]+: Vector: [0-9a-f]+ {1,2}\(([^)]{1,40})\)/,
    title: (match, lines) => atCounter(`Oops: ${match[1]}`)(match, lines),
    body: 'trace',
    part: 'oops',
  },

  // ---- oopses
  {
    kind: 'OOPS',
    header:
      /^(?:Oops: ){0,2}general protection fault(?:, (?:probably|maybe)|: [0-9a-f]{4}|.{0,80}\[#\d+\])/,
    title: atCounter('general protection fault'),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    header:
      /^(?:Oops: ){0,2}(divide error|stack segment|segment not present|double fault|invalid opcode|int3|bounds|alignment check|invalid TSS|overflow|coprocessor [\w ]+|control protection fault|SIMD exception|simd exception|VMM communication exception|virtualization exception|machine check|Bad pagetable|stack guard page|kernel stack overflow[\w ()]*)[:,]? .{0,120}\[#\d+\]/,
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
    header: /^Internal error: (.*?)(?::? {1,2}[0-9a-f]{1,16})? {1,2}\[#\d+\]/,
    title: (match, lines) =>
      atCounter(`Internal error: ${stable(match[1] ?? '')}`.replace(/[: ]+$/, ''))(match, lines),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    // s390: what the program check was called.
    header: /^([A-Za-z][\w -]{2,50}): [0-9a-f]{4} ilc:\d \[#\d+\]/,
    title: (match, lines) => atCounter(match[1] ?? '')(match, lines),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    header:
      /^(?:Oops(?:: |\b).{0,120}\[#\d+\]|Kernel bug detected\[#\d+\]|Bad mode in .{1,60} handler detected|[A-Z][\w -]{3,60}\[#\d+\](?::|\s*$))/,
    title: atCounter('Oops'),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    // arm64: an error of the hardware that came late; a panic says the same once more.
    header: /^SError Interrupt on CPU\d+, code 0x[0-9a-f]+ -- /,
    title: atCounter('SError interrupt'),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'OOPS',
    // Cut off, or as old syslog daemons wrote it; alpha, ia64 and SPARC say whose it is.
    header:
      /^(?:Oops: (?:Oops: )?0[0-9a-f]{3}\b|\S{1,24}(?:\(\d{1,7}\)|\[\d{1,7}\]): Oops (?:-?\d{1,20}(?: \[\d+\])?\s*$|\[#\d))/,
    title: atCounter('Oops'),
    body: 'trace',
    part: 'oops',
  },
  {
    kind: 'PANIC',
    // What ends in ` ...` is somebody's words about any such panic, but `panic_on_warn set ...`.
    header: /^[Kk]ernel panic ?(?:- not syncing: ?|: )(?!.*(?<! set) \.\.\.$)(.*)$/,
    title: (match, lines) => panic(match, lines),
    body: 'trace',
    part: 'panic',
  },
  {
    kind: 'PANIC',
    // The SPL of ZFS, which stops the thread and not the machine.
    header: /^PANIC at \S{1,60}\.[ch]:\d+:(\w+)\(\)/,
    title: (match, lines) => where('PANIC', named(match[1], lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^BUG: (?:\w+ )?stack guard page was hit/,
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
    header:
      /^(?:kernel stack overflow|Thread overran stack|do_IRQ: .* stack overflow|Bad kernel stack pointer)/i,
    title: atCounter('kernel stack overflow'),
    body: 'trace',
    part: 'cause',
  },
  {
    kind: 'PANIC',
    // Printed only on the way into a panic.
    header: /^(?:mce: )?(?:\[Hardware Error\]: )?Machine check: (.{1,80})$/,
    title: (match) => `machine check: ${stable(match[1] ?? '')}`,
    body: 'trace',
    part: 'cause',
  },
];

function panic(match: RegExpExecArray, lines: readonly string[]): string {
  const reason = match[1] ?? '';
  if (reason.startsWith('Attempted to kill init')) return 'panic: Attempted to kill init!';
  if (reason.startsWith('VFS: Unable to mount root fs'))
    return 'panic: VFS: Unable to mount root fs';
  const corrupted =
    /^(stack-protector: Kernel stack is corrupted) in:? (?:\[<[0-9a-f]+>\] )?([\w.]+)/.exec(reason);
  if (corrupted !== null) return where(`panic: ${corrupted[1]}`, named(corrupted[2], lines));
  if (reason.startsWith('corrupted stack end'))
    return where('panic: corrupted stack end detected inside scheduler', guiltyOf(lines));
  // What happened before is not in the log, but where it did.
  const after = consequence.test(reason) && !reason.startsWith('Attempted');
  return where(`panic: ${stable(reason)}`, after ? guiltyOf(lines) : undefined);
}

/** Panics that say what happened before, not what happened. */
export const consequence =
  /^(?:Asynchronous SError|Fatal (?:exception|hardware|machine check)|.*panic_on_|.*\bpanic set|softlockup|hung_task|[Hh]ard LOCKUP|RCU Stall|Oops|Aiee|Attempted to kill|.*[Ff]atal exception|kernel: panic|panic_on|.*system warned too often|Unrecoverable|KASAN|KMSAN|UBSAN|kasan|kmsan|BUG[!:]?|corrupted stack|kernel stack overflow|.*: Fatal|nmi|NMI|.*stack guard|.*double fault|System is deadlocked)/;
