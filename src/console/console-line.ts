// One console line without what printk, log collectors and mails put in front, and who printed it.

export interface ConsoleLine {
  /** Without time stamp, log level and caller id. */
  readonly text: string;
  /** As it stands in the log, without the line end. */
  readonly raw: string;
  /** printk's caller id (CONFIG_PRINTK_CALLER), `T123` for a task, `C1` for a CPU in interrupt context. */
  readonly caller: string | undefined;
  /** Whether a kernel time stamp or a log collector's `kernel:` stood in front. */
  readonly stamped: boolean;
  /** Whether the log says that a program wrote it to /dev/kmsg: its facility is not the kernel's. */
  readonly program: boolean;
  /** Whether it was cut out of a line that holds a whole log: the words may as well be a paragraph's. */
  readonly joined?: true;
  /** Byte offsets into the log; `to` is exclusive and includes the line end. */
  readonly from: number;
  readonly to: number;
}

// `[   12.345678]`, vendors' `[   12.]`, `[   12.345678,0]` and `[   12.345678@1]`, `dmesg -T` in any language, `dmesg -d`.
const stamp =
  /^\[(?: {0,11}\d{1,10}\.(?:\d{3,9}(?:[,@]\d{1,3})?)?|\S{2,12} {1,2}\S{2,16} [ \d]\d [\d:.,]{8,15}(?: [A-Z]{2,4})? \d{4}|[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d| {1,8}[+<]? {0,4}\d{1,6}\.\d{6}>?)\] ?/;
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
const lineNumber = /^ {0,6}\d{1,6}(?:: ?|\t| \| )(?=[A-Z[<=-]| {0,3}(?:\? )?[a-z_]\w{2,80}\+0x)/;
/** From here on syslog's priorities, facility times eight plus level, are not the kernel's. */
const firstProgram = 8;
/** What a shell left unfinished on the kernel's terminal. */
const prompt =
  /^(?:\[?[\w.-]{1,32}@[\w.-]{1,64}[: ][^\s#$]{0,80}\]?[#$]|[~/][\w./-]{0,60} [#$]) (?=[BUKWIOga-z])/;
// A kernel line begins behind what a program left unterminated on the same terminal.
const inner = /\[ {0,5}\d{1,9}\.\d{6}\](?:\[ {0,9}[TC]\d{1,9}\])? /y;
const maxCuts = 100;
/** Longer lines without a stamp may be a log that something joined: a mail program, a web form. */
const longLine = 240;
const maxPieces = 300;
// What a message begins with that would not stand behind a blank.
const joint =
  / (?=-{6,16}\[ cut here|={20}|(?:BUG|Oops|INFO|UBSAN): |WARNING: (?:CPU: |possible |at |\S{1,200}:\d)|[Kk]ernel BUG at |kernel tried to execute |Unable to handle kernel |Internal error: |general protection fault|Kernel panic - not syncing: |Call Trace:|RIP: |CPU: \d{1,4} |Modules linked in: |Hardware name: |stack backtrace:|---\[ end |(?:\? )?[A-Za-z_][\w.]{0,80}\+0x[0-9a-f]{1,6}\/0x)/g;
/** What a message goes on behind. */
const unfinished =
  /(?:\b(?:at|in|is|from)|\b(?:WARNING|Oops|rcu|[Ww]atchdog|workqueue|RIP|IP|PC|LR|syncing):|:\d{1,6}|[=>])$/;
// Colours, the blanks of a web page, and its `0×` for `0x`.
const marks =
  /\x1b\[[\d;]{0,12}[A-Za-z]|\[(?:\d{1,2};)?\d{1,2}m|\xc2?\xa0|0(?:\xc3\x97|\xd7)(?=[0-9a-f])/g;

function clean(text: string): string {
  if (!/[\x1b\xa0\xd7\x97]|\[0m/.test(text)) return text;
  return text.replace(marks, (mark) => {
    if (mark.endsWith('\xa0')) return ' ';
    return mark.startsWith('0') ? '0x' : '';
  });
}

/**
 * Splits what one terminal line holds: mostly one message, several when printk cut into a program's output.
 * `text` is one byte per character, so that indices are offsets.
 */
export function consoleLines(text: string, from: number, to: number): ConsoleLine[] {
  const first = strip(text);
  const base = text.length - first.text.length;
  const cuts: number[] = [];
  for (
    let at = first.text.indexOf('[');
    at !== -1 && cuts.length < maxCuts;
    at = first.text.indexOf('[', at + 1)
  ) {
    // Most brackets hold something else.
    const next = first.text.charCodeAt(at + 1);
    if (next !== 32 && !(next >= 48 && next <= 57)) continue;
    inner.lastIndex = at;
    // In quotation marks it is somebody's words about a line.
    if (inner.test(first.text) && !/['"]/.test(first.text.charAt(at - 1))) cuts.push(base + at);
  }
  if (cuts.length === 0) {
    const cleaned = clean(text);
    const { text: said, caller, stamped, program } = cleaned === text ? first : strip(cleaned);
    if (!stamped && text.length > longLine && text.trimEnd().length > longLine)
      return pieces(text, from, to);
    return [{ text: said, caller, stamped, program, raw: text, from, to }];
  }
  const lines: ConsoleLine[] = [];
  let start = 0;
  for (const cut of [...cuts, text.length]) {
    const part = text.slice(start, cut);
    const end = cut === text.length ? to : from + cut;
    const cleaned = clean(part);
    if (cleaned.trim() !== '')
      lines.push({ ...strip(cleaned), raw: part, from: from + start, to: end });
    start = cut;
  }
  return lines;
}

/** A line that holds a whole log, as its messages. */
function pieces(text: string, from: number, to: number): ConsoleLine[] {
  const cuts = [...text.matchAll(joint)]
    .map((match) => match.index)
    .filter((at) => !unfinished.test(text.slice(Math.max(0, at - 12), at)))
    .map((at) => at + 1)
    .slice(0, maxPieces);
  const lines: ConsoleLine[] = [];
  let start = 0;
  for (const cut of [...cuts, text.length]) {
    const raw = text.slice(start, cut);
    const end = cut === text.length ? to : from + cut;
    const said = strip(clean(raw));
    if (start > 0) lines.push({ ...said, raw, from: from + start, to: end, joined: true });
    else lines.push({ ...said, raw, from, to });
    start = cut;
  }
  return lines;
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

function strip(text: string): Omit<ConsoleLine, 'raw' | 'from' | 'to'> {
  let rest = text;
  const first = text.charCodeAt(0);
  let stamped = first === 48 || first === 49 ? logcat.test(text) : false;
  if (stamped) rest = rest.replace(logcat, '');
  else if (first < 58 && first !== 43) rest = rest.replace(lineNumber, '').replace(record, '');
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
        // A letter: the message, unless a collector's tag or level comes first.
        if (rest.includes(' kernel: ')) rest = rest.replace(hostTag, '');
        else if (next > 64 && next !== 91 && !mayTag(next)) break;
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
    const torn = !stamped && code < 58 && rest.includes('] ') ? tornStamp.exec(rest) : null;
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
