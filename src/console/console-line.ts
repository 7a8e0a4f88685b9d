// One console line without what printk and log collectors put in front, and who printed it.

export interface ConsoleLine {
  /** Without time stamp, log level and caller id. */
  readonly text: string;
  /** As it stands in the log, without the line end. */
  readonly raw: string;
  /** printk's caller id (CONFIG_PRINTK_CALLER), `T123` for a task, `C1` for a CPU in interrupt context. */
  readonly caller: string | undefined;
  /** Whether a kernel time stamp or a log collector's `kernel:` stood in front. */
  readonly stamped: boolean;
  /** Byte offsets into the log; `to` is exclusive and includes the line end. */
  readonly from: number;
  readonly to: number;
}

// journald and syslog, in any language: `Nov 22 17:26:00 host kernel: `, `2026-11-22T17:26:00+0000 host kernel: `.
const collector =
  /^(?:\S{2,12} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ][\d:.,+Z-]{8,24}) (?:\S{1,64} )?kernel(?:\[\d+\])?: ?/;
const stamp =
  /^(?:<\d{1,3}>)?(?:(?:kern|user|daemon) {0,4}:\w{1,7} {0,3}: ?)?\[(?: {0,8}\d{1,8}\.\d{3,9}|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4})\](?:\[ {0,9}([TC]\d{1,9})\])? ?/;
const callerOnly = /^\[ {1,9}([TC]\d{1,9})\] /;
// A kernel line begins behind what a program left unterminated on the same terminal.
const inner = /\[ {0,5}\d{1,6}\.\d{6}\](?:\[ {0,9}[TC]\d{1,9}\])? /g;

/**
 * Splits what one terminal line holds: mostly one message, several when printk cut into a program's output.
 * `text` is one byte per character, so that indices are offsets.
 */
export function consoleLines(text: string, from: number, to: number): ConsoleLine[] {
  const first = strip(text);
  const base = text.length - first.text.length;
  const cuts: number[] = [];
  if (first.text.includes('[')) {
    for (const match of first.text.matchAll(inner))
      if (cuts.length < 8) cuts.push(base + match.index);
  }
  if (cuts.length === 0) return [{ ...first, raw: text, from, to }];
  const lines: ConsoleLine[] = [];
  let start = 0;
  for (const cut of [...cuts, text.length]) {
    const part = text.slice(start, cut);
    const end = cut === text.length ? to : from + cut;
    if (part !== '') lines.push({ ...strip(part), raw: part, from: from + start, to: end });
    start = cut;
  }
  return lines;
}

function strip(text: string): Omit<ConsoleLine, 'raw' | 'from' | 'to'> {
  let rest = text;
  let stamped = false;
  let caller: string | undefined;
  const tag = rest.indexOf('kernel');
  if (tag > 14 && tag < 110) {
    const match = collector.exec(rest);
    if (match !== null) {
      rest = rest.slice(match[0].length);
      stamped = true;
    }
  }
  const next = rest.charCodeAt(0);
  if (next === 91 || next === 60 || next === 107 || next === 117 || next === 100) {
    const match = stamp.exec(rest);
    if (match !== null) {
      rest = rest.slice(match[0].length);
      stamped = true;
      caller = match[1];
    } else if (next === 91) {
      const bare = callerOnly.exec(rest);
      if (bare !== null) {
        rest = rest.slice(bare[0].length);
        caller = bare[1];
        stamped = true;
      }
    }
  }
  return { text: rest, caller, stamped };
}
