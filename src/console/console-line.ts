// What one terminal line holds: kernel messages without what printk, log collectors and mails put in front, and who printed them.
import { type Said, strip } from './prefix.ts';

export interface ConsoleLine extends Said {
  /** As it stands in the log, without the line end. */
  readonly raw: string;
  /** Whether it was cut out of a line that holds a whole log: the words may as well be a paragraph's. */
  readonly joined?: true;
  /** Byte offsets into the log; `to` is exclusive and includes the line end. */
  readonly from: number;
  readonly to: number;
}

// A kernel line begins behind what a program left unterminated on the same terminal.
const inner = /\[ {0,5}\d{1,9}\.\d{6}\](?:\[ {0,9}[TC]\d{1,9}\])? /y;
const maxCuts = 100;
/** Longer lines without a stamp may be a log that something joined: a mail program, a web form. */
const longLine = 240;
const maxPieces = 100;
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
  return text.replace(marks, (mark) => {
    if (mark.endsWith('\xa0')) return ' ';
    return mark.startsWith('0') ? '0x' : '';
  });
}

/** Whether a line begins with such a mark: ESC or what is left of it, no ASCII. */
function marked(text: string): boolean {
  const code = text.charCodeAt(0);
  if (code === 91 && (text.charCodeAt(2) === 109 || text.charCodeAt(3) === 109)) return true;
  return code === 27 || code > 127 || text.charCodeAt(1) > 127;
}

/**
 * Splits what one terminal line holds: mostly one message, several when printk cut into a program's output.
 * `text` is one byte per character, so that indices are offsets. `thorough` is for lines that may belong to a report.
 */
export function consoleLines(
  text: string,
  from: number,
  to: number,
  thorough = false,
): ConsoleLine[] {
  const dirty = marked(text) || (thorough && (text.includes('\xa0') || text.includes('\x97')));
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
    const cleaned = dirty ? clean(text) : text;
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
    const cleaned = dirty ? clean(part) : part;
    if (cleaned !== '') lines.push({ ...strip(cleaned), raw: part, from: from + start, to: end });
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
