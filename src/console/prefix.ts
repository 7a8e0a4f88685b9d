// What printk, log collectors, mails and web pages put in front of a kernel message: time stamps, levels, hosts, quotation marks.

export interface Said {
  /** Without time stamp, log level and caller id. */
  readonly text: string;
  /** printk's caller id (CONFIG_PRINTK_CALLER), `T123` for a task, `C1` for a CPU in interrupt context. */
  readonly caller: string | undefined;
  /** Whether a kernel time stamp or a log collector's `kernel:` stood in front. */
  readonly stamped: boolean;
  /** Whether the log says that a program wrote it to /dev/kmsg: its facility is not the kernel's. */
  readonly program: boolean;
}

// `[   12.345678]`, vendors' `[   12.]`, `[   12.345678,0]` and `[   12.345678@1]`, `dmesg -T` in any language, `dmesg -d`.
const stamp =
  /^\[(?: {0,11}\d{1,10}\.(?:\d{3,9}(?:[,@]\d{1,3})?)?|\S{2,12} {1,2}\S{2,16} [ \d]\d [\d:.,]{8,15}(?: [A-Z]{2,4})? \d{4}|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d| {1,8}[+<]? {0,4}\d{1,6}[.,]\d{6}>?)\] ?/;
/** The same for what nearly all lines begin with. */
const plainStamp = /^\[ {0,11}\d{1,10}\.\d{6}\](?:\[ {0,9}([TC]\d{1,9})\])? ?/;
/** Without its beginning, as a copy of a part of the log leaves it. */
const tornStamp = /^ {0,6}\d{1,10}\.\d{6}\](?:\[ {0,9}([TC]\d{1,9})\])? /;
const callerId = /^\[ {0,9}([TC]\d{1,9})\] ?/;
// Vendors' `(0)[1234:kworker/0:1]`, `[0:    swapper/0:    1]`, `c0   1234 ` and `[c0] `.
const vendorCaller =
  /^ {0,2}-?(?:\(\d{1,2}\)\[\d{1,7}:[^\]]{1,40}\]|\[\d: {0,16}[^\]]{1,24}: {0,6}\d{1,7}\]|c\d {1,6}\d{1,6}(?= )|\[c\d{1,2}\]) ?/;
const level = /^(?:<(\d{1,3})>|(kern|user|daemon|syslog|auth|local\d) {0,4}:\w{1,7} {0,3}: ?)/;
/** Quotation marks of a mail, but not KASAN's mark of the faulty row, `>ffff…`; a line that a comparison found new. */
const quoted = /^(?:[>|](?=[ >|]|$) ?)+|^\+(?=[A-Z[ ])/;
const indented =
  /^[ \t]{1,16}(?=\[(?: {0,11}\d{1,10}\.(?:\d{3,9})?[\],@]|[A-Z][a-z]{2} [A-Z])|<\d{1,2}>\S|\[?\d\d:\d\d:\d\d|\d{1,2} [A-Z][a-z]{2},? |(?:[\w.-]{1,64} )?kernel: ?\S|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d[T ]\d\d:)/;
// When: syslog in any language, day before month, ISO, journalctl's forms, numbers only, `logread`, a console server's
// clock. Then who.
const date =
  /^(?:(?:[A-Z][a-z]{2} )?\S{2,12} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d{1,9})?(?: \d{4})?|\d{1,2} [A-Z][a-z]{2},?(?: \d{4},?)? \d\d:\d\d:\d\d(?:[.,]\d{1,9})?|\[?\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2},? \d\d:\d\d:\d\d(?:[.,]\d{1,9})?\]?|\d{10}\.\d{3,6}|\[?(?:[A-Z][a-z]{2} )?\d{4}[-/]\d\d[-/]\d\d(?:T|,? )\d\d:\d\d:\d\d[\d.,]{0,10}(?: ?(?:Z|UTC|[A-Z]{1,3}T|[+-]\d\d:?\d\d))?\]?|\[?\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?\]?:?)(?: |$)/;
const kernelTag = /^ {0,3}(?:\S{1,64} )?(?:\S{1,40} )?kernel(?:(?:\[\d{1,7}\])?: ?| - - - )/;
/** Whose line it is, where nothing says that the kernel printed it but what only the kernel prints. */
const netHost =
  /^[\w.-]{1,64} (?=(?:(?:NMI )?watchdog: |rcu: |\[ )?(?:WARNING|BUG|INFO|Oops|PANIC|UBSAN): |BUG |Oops\[|(?:divide error|invalid opcode|stack segment|double fault|int3): |list_(?:add|del) corruption|usercopy: |Kernel panic - |kernel BUG at |(?:CPU \d+ )?Unable to handle kernel |general protection fault|Internal error: |-{6,}\[ cut here|={20}|Call Trace:|stack backtrace:| ?(?:\[<[0-9a-f]{8,16}>\] )?(?:\? )?[A-Za-z_][\w.]{0,100}\+0x[0-9a-f]{1,6}\/0x|(?:RIP|EIP|RSP|RAX|RDX|RBP|R10|R13|FS|CS|CR2|Code|Modules linked in|Hardware name|Tainted|Workqueue|CPU): | <\/?[A-Z]{3,7}>|---\[ end )/;
/** What a mail keeps of a collector's line: who, but not when. */
const hostTag = /^[\w.-]{1,64} kernel: ?/;
/** Who sent /dev/kmsg's own format over the network. */
const sender = /^\S{1,64} (?=\d{1,3},\d{1,10},\d{1,16},[-c+])/;
/** Without a date: what is left of a collector's line, and /dev/kmsg's own format. */
const bareTag =
  /^(?:kernel(?:\[\d{1,7}\])?: ?|(\d{1,3}),\d{1,10},\d{1,16},[-c+](?:,caller=([TC]\d{1,9}))?;)/;
/** Android's `logcat -b kernel`. */
const logcat =
  /^(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {1,6}(?:root {1,6})?0 {1,6}0 [VDIWEF] {1,12}: /;
/** What a test laboratory's records begin with, LAVA's. */
const record = /^- \{"?dt"?: "?[\dT:.-]{19,30}Z?"?, "?lvl"?: "?target"?, "?msg"?: ["']/;
/** What a pager or a search put in front. */
const lineNumber =
  /^ {0,6}\d{1,6}(?:: ?|\t| {1,4}(?:\||\xe2\x94\x82) )(?=[A-Z[<=-]|\d{1,3},\d{1,10},| {0,3}(?:\? )?[a-z_]\w{2,80}\+0x)/;
/** From here on syslog's priorities, facility times eight plus level, are not the kernel's. */
const firstProgram = 8;
/** What a shell left unfinished on the kernel's terminal. */
const prompt =
  /^(?:\[?[\w.-]{1,32}@[\w.-]{1,64}[: ][^\s#$]{0,80}\]?[#$]|[~/][\w./-]{0,60} [#$]) (?=[BUKWIOga-z])/;

/** `text` has one character per byte. */
export function strip(text: string): Said {
  let rest = text;
  let stamped = false;
  if (text.startsWith('- {')) rest = text.replace(record, '');
  else if (numbered(text)) {
    stamped = logcat.test(text);
    rest = text.replace(stamped ? logcat : lineNumber, '');
  }
  let dated = false;
  let program = false;
  let caller: string | undefined;
  // Collectors stack what they know: quotation, date, host, level, stamp, caller.
  for (let round = 0; round < 6; round++) {
    const before = rest;
    const code = rest.charCodeAt(0);
    if (code === 91) {
      const plain = plainStamp.exec(rest);
      if (plain !== null) {
        rest = rest.slice(plain[0].length);
        stamped = true;
        caller = plain[1] ?? caller;
        const next = rest.charCodeAt(0);
        if (caller === undefined && mayBeVendors(next)) rest = rest.replace(vendorCaller, '');
        // `journalctl -o short-monotonic`.
        const gap = rest.indexOf(' ');
        if (gap > 0 && rest.charCodeAt(gap + 1) === 107) rest = rest.replace(hostTag, '');
        // A letter: the message, unless a collector's tag or level comes first.
        if (next > 64 && next !== 91 && !mayTag(next)) break;
        continue;
      }
      const match = stamp.exec(rest);
      if (match !== null) {
        // One blank belongs to the stamp, the next ones to the message.
        rest = rest.slice(match[0].length);
        stamped = true;
        const id = callerId.exec(rest);
        if (id !== null) {
          caller = id[1];
          rest = rest.slice(id[0].length);
        } else rest = rest.replace(vendorCaller, '');
        continue;
      }
      const id = callerId.exec(rest);
      if (id !== null) {
        rest = rest.slice(id[0].length);
        caller = id[1];
        stamped = true;
        continue;
      }
    }
    const torn = !stamped && code < 58 && numbered(rest) ? tornStamp.exec(rest) : null;
    if (code === 62 || code === 124 || code === 43) rest = rest.replace(quoted, '');
    else if (torn !== null) {
      rest = rest.slice(torn[0].length);
      stamped = true;
      caller ??= torn[1];
    } else if (code === 32 || code === 9) rest = rest.replace(indented, '');
    else {
      const tagged = mayTag(code) ? bareTag.exec(rest) : null;
      const match = tagged ?? (mayTag(code) ? level.exec(rest) : null);
      if (tagged !== null) {
        stamped = true;
        caller ??= tagged[2];
      }
      if (match !== null) {
        rest = rest.slice(match[0].length);
        // Before a kernel's stamp only: a collector that sends on has a facility of its own.
        const told = tagged !== null || rest.startsWith('[');
        const word = tagged === null ? match[2] : undefined;
        if (told && (Number(match[1] ?? 0) >= firstProgram || (word ?? 'kern') !== 'kern'))
          program = true;
      } else if (round === 0 && (rest.includes('# ') || rest.includes('$ ')) && prompt.test(rest))
        rest = rest.replace(prompt, '');
      else if (!dated && !stamped && rest.length > 9 && code < 256) {
        const when = date.exec(rest);
        if (when !== null) {
          dated = true;
          rest = rest.slice(when[0].length).replace(sender, '');
          const tag = rest.includes('kernel') ? kernelTag.exec(rest) : null;
          if (tag !== null) {
            rest = rest.slice(tag[0].length);
            stamped = true;
          } else rest = rest.replace(netHost, '');
        } else if (rest.includes(' kernel: ') && hostTag.test(rest)) {
          rest = rest.replace(hostTag, '');
          stamped = true;
        }
      }
    }
    if (rest === before) break;
  }
  return { text: rest, caller, stamped, program };
}

/** Whether a line that begins with this character may begin with a tag or a level: `<`, a digit, k, u, d, s, a, l. */
function mayTag(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    code === 60 ||
    code === 107 ||
    code === 117 ||
    code === 100 ||
    code === 115 ||
    code === 97 ||
    code === 108
  );
}

/** `(`, `[`, `c`, a blank, `-`. */
function mayBeVendors(code: number): boolean {
  return code === 40 || code === 91 || code === 99 || code === 32 || code === 45;
}

/** Whether a line begins with a digit, or with blanks and a digit. */
function numbered(text: string): boolean {
  let at = 0;
  while (at < 6 && text.charCodeAt(at) === 32) at++;
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}
