// Stack traces: which lines belong to a report, and which function each one names.

const name = String.raw`\.?([A-Za-z_][\w.$]{0,200})`;
const offset = String.raw`\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}`;
const address = String.raw`\[[<0-9a-f>]{8,20}\] {0,2}`;

// x86 ` foo+0x1/0x2`, arm64 ` foo+0x1/0x2 (P)`, old ` [<ffff…>] foo+0x1/0x2`, s390 ` ([<…>] foo+…)`, powerpc two
// addresses, and a dot before the name where functions have descriptors.
const frame = new RegExp(
  String.raw`^\s{0,24}(?:<\/?[A-Z#]{2,8}> {1,2})?(?:\([A-Z ]{1,4}\) ?)?(?:#\d{1,2}:? )?\(?(?:${address}){0,2}(?:[0-9a-f]{16} )?(\? )?(?:${address})?\(?${name}${offset}`,
);
/** Symbolised: ` foo mm/foo.c:12 [inline]`, ` [<     inline     >] foo mm/foo.c:12`, ` foo (mm/foo.c:12 mm/foo.c:34)`. */
const inlined = new RegExp(
  String.raw`^\s{1,24}(?:\[< {0,8}inline {0,8}>\] )?(\? )?${name} (?:\S{1,200}\.(?:[chS]|rs):\d{1,7}(?:\s|$)|\((?:discriminator|\?\?:|\S{1,300}\.(?:[chS]|rs):\d))`,
);
/** The same without the blank in front, as decode_stacktrace.sh prints it. */
const decoded = new RegExp(String.raw`^(\? )?${name} \(\S{1,300}\.(?:[chS]|rs):\d{1,7}[ )]`);
/** 32-bit ARM: ` foo from bar+0x10/0x20`, before 5.18 `[<c0…>] (foo) from [<c0…>] (bar+0x10/0x20)`. */
const from = new RegExp(
  String.raw`^\s{0,24}(?:\[<[0-9a-f]{8}>\] ?)?()\(?${name}(?:\+0x[0-9a-f/x]{1,20})?(?: \[[\w-]{1,64}\])?\)? from (?:(?:\[<[0-9a-f]{8}>\] ?)?\(?${name}\+0x|\[<|0x)`,
);
// x86 RIP/EIP/IP, arm pc and PC, riscv and MIPS epc, LoongArch ERA, PA-RISC IAOQ, powerpc NIP and xmon's pc, s390 PSW, SPARC TPC.
const counter = new RegExp(
  String.raw`^\s{0,8}(?:RIP: {1,2}(?:(?:00|e0)[0-9a-f]{2}:)?|RIP {1,2}|E?IP: |EIP is at |pc ?: (?:[0-9a-f]{8,16}: )?|epc {0,3}: (?:[0-9a-f]{8,16} )?|(?:ERA|era) {0,3}: (?:[0-9a-f]{8,16} )?|[Pp][Cc] is at |PC: |NIP \[[0-9a-f]{8,16}\] |Krnl PSW : \S{8,16} \S{8,16} |TPC: |IAOQ\[0\]: )\(?<?(?:\[<[ \w]{1,24}>\] {1,2}){0,2}${name}(?:\+0x| \(\S{1,300}:\d)`,
);

export interface Frame {
  readonly name: string;
  /** False if the unwinder marked it with a `?`, for it may be a leftover on the stack, and for an inlined function. */
  readonly reliable: boolean;
  /** The next function up, where a line names two: the last line's would stand nowhere else. */
  readonly caller?: string;
}

/** What a line of a trace says, undefined for a line that is none. */
export function frameOf(text: string): Frame | undefined {
  const two = text.includes(' from ') ? from.exec(text) : null;
  if (two !== null) {
    const caller = two[3] === undefined ? {} : { caller: baseName(two[3]) };
    return { name: baseName(two[2] ?? ''), reliable: true, ...caller };
  }
  const match = frame.exec(text) ?? inlined.exec(text) ?? decoded.exec(text);
  if (match === null) return undefined;
  const reliable = (match[1] ?? '') === '' && !text.includes('[inline]');
  return { name: baseName(match[2] ?? ''), reliable };
}

/** The kernel function the program counter was in, from a register dump's line. */
export function counterOf(text: string): string | undefined {
  const match = counter.exec(text);
  return match === null ? undefined : baseName(match[1] ?? '');
}

/** `foo.constprop.0` → `foo`: the suffix is the compiler's and differs between builds. */
export function baseName(text: string): string {
  return text.replace(
    /\.(?:isra|constprop|part|cold|llvm|lto_priv|__uniq|localalias|cfi|cfi_jt|\d)\b.*$/,
    '',
  );
}

/** How a trace begins. */
export const traceStart =
  /^\s*(?:Call [Tt]race:|Backtrace:|Stack [Tt]race:|stack backtrace:|backtrace(?: \(crc [0-9a-f]+\))?:)/;

/** Lines that only ever belong to a report. */
const reportLine = new RegExp(
  [
    // registers and code
    /\s{0,2}(?:RIP|RSP|RAX|RBX|RCX|RDX|RSI|RDI|RBP|R0\d|R1\d|EIP|EAX|ESI|EFLAGS|FS|CS|DS|CR[0-4]|DR[0-7]|PKRU|Code|SSP|IP|LR|NIP|MSR|XER|CFAR|GPR\d\d|REGS|DAR|TASK|ERA|CRMD|PRMD|ESTAT|BADV|Krnl (?:PSW|GPRS|Code)|User PSW|TPC)(?: {0,3}[:=] ?| {1,2}\[)/,
    /(?:pstate|psr|pc|lr|sp|epc|era|x\d{1,2}|ra|gp|tp|t\d|s\d{1,2}|a\d|status|cause|Hi|Lo|Status|Cause) {0,4}: /,
    /r\d{1,2} ?:[ 0-9a-f]{8}|\$ ?\d{1,2} {1,3}: |[0-9a-f]{3,4}: [ 0-9a-f]{8}|[0-9a-f]{4} {2}[0-9a-f]{8} |(?:SP|PC|LR|[XR]\d{1,2}): 0x[0-9a-f]{8,16}:|PC is at |LR is at |Control: |Flags: |Process .{1,32}pid: ?\d|pgd = |Instruction dump|Faulting instruction|Failing address|Fault in |AS:[0-9a-f]{8}|R:\d T:\d|Last Breaking-Event/,
    // who and where
    /(?:CPU: \d|CPU#\d|CPU \d+ PID|Hardware name:|Workqueue:|Tainted: |Modules linked in:|Unloaded tainted|Comm: |Pid: \d+, comm|Call [Tt]race:|Backtrace:|Stack ?:|Sending NMI|NMI backtrace|Kernel Offset:|Dumping ftrace|Rebooting in|Shutting down cpus|Exception|Internal error|Oops|#PF: |PGD |PMD |\*p[gum]d ?=|note: |task:|stack:|\(Loading|---\[ end |Mem abort|Data abort|ESR = |EC = |SET = |FSC = |ISV = |CM = |GCS = |user pgtable|swapper pgtable|\[[0-9a-f]{16}\] (?:pgd|address)|Task dump for|[BL]E (?:PAGE|SMP|MMU))/,
    /<\/?(?:TASK|IRQ|NMI|SOFTIRQ|EOI|#DF|#DB|#VC|#MC|ENTRY_TRAMPOLINE)>/,
    /(?:irq event stamp|hardirqs last|softirqs last|no locks held|\d+ locks? held|INFO: lockdep is turned off|Preemption disabled|preempt_count|in_atomic|RCU nest depth|Showing all locks|other info that might|stack backtrace|Last (?:potentially related work creation|breaking-event)|2 locks)/,
    / {0,3}#\d{1,2}: {1,3}[0-9a-f(]/,
    // memory reports
    /(?:Read|Write|Free) (?:of|at)|(?:Allocated|Freed|Last|Uninit|Local variable|Bytes?) (?:by|was|potentially|in|\d)|The buggy address|Memory state around|page(?::| last| dumped|_owner|_type| has)|head: |flags: |raw: |memcg:|aops:|anon flags|ksm flags|page_type:|addr:|file:|kfence-#|allocated by task|freed by task|INFO: (?:Allocated|Freed|Slab|Object|0x)|Object |Redzone |Padding |Slab 0x|CPU \d |>?[ ]?[0-9a-f]{16}: /,
    /rcu: |\(detected by|\(t=\d|blocking rcu_node|"echo 0 >|Not tainted|Kernel panic - not syncing|Showing busy workqueues|workqueue \w+: flags|pool \d+:|Showing backtraces|handlers:|Disabling IRQ/,
    /unreferenced object|comm "|hex dump|backtrace(?: \(crc|:)|index \d|shift exponent|signed integer|load of|member access|null pointer|left shift|negation/,
  ]
    .map((one) => `\\s*(?:${one.source})`)
    .join('|')
    .replace(/^/, '^(?:')
    .replace(/$/, ')'),
);

/** Whether a line looks like part of a kernel report and not like ordinary log output. */
export function isReportLine(text: string): boolean {
  return frameOf(text) !== undefined || counterOf(text) !== undefined || reportLine.test(text);
}
