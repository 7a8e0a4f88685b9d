// Finds kernel reports ("splats") in a console log, one pass, in bounded memory. What counts is in patterns.ts.
import { consoleLines, type ConsoleLine } from './console-line.ts';
import { isReportLine } from './frames.ts';
import { stable } from './guilty.ts';
import type { SplatKind } from './pattern.ts';
import { headerOf, type Header } from './patterns.ts';
import { feed, isMessage, join, newReport, sameEvent, type Opener, type Report } from './report.ts';

/** A kernel report. `from` and `to` are byte offsets into the log, `to` exclusive, both at line borders. */
export interface FoundSplat {
  /** Stable across runs: no addresses, pids, times, sizes or CPU numbers. */
  readonly title: string;
  /** The message of a WARN(), and titles of follow-ups that are the same event, e.g. the panic after an oops. */
  readonly altTitles: readonly string[];
  readonly kind: SplatKind;
  readonly from: number;
  readonly to: number;
  /** The report's own lines as printed, without those of other CPUs in between. At most 64 KiB. */
  readonly text: string;
}

export interface SplatScanner {
  /** One line of the log with its byte offsets, `to` behind the line end. `text` may be UTF-8 or one byte per character. */
  line(text: string, from: number, to: number): void;
  /** The log is over: reports that were still open are closed. */
  end(): void;
}

export interface SplatReader {
  /** The next bytes of the log, cut anywhere. */
  write(chunk: Uint8Array): void;
  end(): void;
}

/** All reports of a log, by offset. Never throws on content. */
export function scanSplats(log: string | Buffer): FoundSplat[] {
  const found: FoundSplat[] = [];
  const reader = newSplatReader((splat) => {
    found.push(splat);
  });
  reader.write(typeof log === 'string' ? Buffer.from(log) : log);
  reader.end();
  return found.sort((one, other) => one.from - other.from);
}

/** Longest part of a line that is looked at, in bytes. */
const maxLine = 4096;
const maxOpen = 16;
const maxOpeners = 64;
/** Stamped lines after which the others are not the kernel's. */
const enoughStamps = 3;

/** The same for a log that comes in pieces. Keeps at most the beginning of one line. `onSplat` gets reports as they end. */
export function newSplatReader(onSplat: (splat: FoundSplat) => void): SplatReader {
  const scanner = newSplatScanner(onSplat);
  /** The unfinished line: its beginning, and where it began. */
  let kept = Buffer.alloc(0);
  let from = 0;
  let at = 0;

  function finish(bytes: Buffer, start: number, stop: number, to: number): void {
    let end = Math.min(stop, start + maxLine);
    while (end > start && (bytes[end - 1] === 13 || bytes[end - 1] === 10)) end--;
    scanner.line(bytes.toString('latin1', start, end), from, to);
    from = to;
  }

  return {
    write(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      let start = 0;
      for (;;) {
        const newline = bytes.indexOf(10, start);
        if (newline === -1) break;
        if (kept.length === 0) finish(bytes, start, newline, at + newline + 1);
        else {
          const rest = bytes.subarray(start, Math.min(newline, start + maxLine));
          const line = Buffer.concat([kept, rest]);
          finish(line, 0, line.length, at + newline + 1);
          kept = Buffer.alloc(0);
        }
        start = newline + 1;
      }
      if (start < bytes.length && kept.length < maxLine)
        kept = Buffer.concat([kept, bytes.subarray(start, start + maxLine - kept.length)]);
      at += bytes.length;
    },
    end() {
      if (at > from) finish(kept, 0, kept.length, at);
      scanner.end();
    },
  };
}

/** The same for lines. `onSplat` gets a report when it is known to be over. */
export function newSplatScanner(onSplat: (splat: FoundSplat) => void): SplatScanner {
  let open: Report[] = [];
  const openers = new Map<string, Opener>();
  let stamped = 0;
  let unstamped = false;
  const saidOnce = new Set<string>();

  function message(line: ConsoleLine): void {
    const { text } = line;
    if (line.program) return;
    // Another boot: all that was said before it is complete. Programs print /proc/version, but without a stamp.
    if (text.startsWith('Linux version ') && (line.stamped || stamped < enoughStamps)) {
      reset();
      stamped = 0;
      unstamped = !line.stamped;
    }
    if (line.stamped) stamped++;
    // Where the kernel stamps its lines, others are not the kernel's, unless they come with a trace of their own.
    const foreign =
      line.joined === true || (!line.stamped && stamped >= enoughStamps && !unstamped);
    const lane = (line.caller ?? '') + (foreign ? '?' : '');
    const header = headerOf(text);
    if (header === undefined && open.length === 0) {
      opener(line, lane);
      return;
    }
    const own = open.find((report) => report.lane === lane);
    if (header !== undefined) {
      begin(header, line, lane, foreign, own);
      return;
    }
    if (own !== undefined && take(own, line)) {
      openers.delete(lane);
      return;
    }
    // The rest of a line that a mail broke, or a trace copied by other means.
    if (foreign && own === undefined && isReportLine(text)) {
      const told = open.findLast((report) => report.phase !== 'done');
      if (told !== undefined && take(told, line)) return;
    }
    if (!foreign && (own === undefined || own.phase === 'done')) {
      const stacks = open.find((report) => report.pattern.body === 'stacks' && report !== own);
      if (stacks !== undefined && stacks.phase !== 'done' && isReportLine(text)) take(stacks, line);
    }
    opener(line, lane);
  }

  function reset(): void {
    for (const report of [...open]) close(report);
    openers.clear();
    saidOnce.clear();
  }

  function take(report: Report, line: ConsoleLine): boolean {
    const fed = feed(report, line);
    if (fed === 'over') close(report);
    return fed === 'taken';
  }

  function begin(
    { pattern, match }: Header,
    line: ConsoleLine,
    lane: string,
    foreign: boolean,
    own: Report | undefined,
  ): void {
    const before = openers.get(lane);
    if ((pattern.message === true && before?.cut === true) || isMessage(own, pattern)) {
      if (own === undefined || !take(own, line)) opener(line, lane);
      return;
    }
    // A panic may be another task's: the one that found the task hung, the CPU that waits for the others.
    const told = own ?? (pattern.part === 'panic' ? open.findLast((one) => !one.weak) : undefined);
    if (told !== undefined && sameEvent(told, pattern, match)) {
      join(told, pattern, pattern.title(match, []), line);
      openers.delete(lane);
      return;
    }
    // Every line twice: two consoles on one wire, an early one not yet taken down.
    const twice =
      own !== undefined && line.text !== line.raw && own.raw.slice(-4).includes(line.raw);
    if (twice && take(own, line)) return;
    // Without stamps or a trace, a line about one fact may be anybody's.
    if (foreign && pattern.body === 'line') return;
    if (own !== undefined) {
      // A weak text inside of a report is part of it.
      if (pattern.weak === true && own.phase === 'preface' && take(own, line)) return;
      close(own);
    }
    openers.delete(lane);
    const weak = pattern.weak === true || foreign;
    open.push(newReport(pattern, match, line, lane, before, weak));
    const oldest = open[0];
    if (open.length > maxOpen && oldest !== undefined) close(oldest);
  }

  function close(report: Report): void {
    open = open.filter((one) => one !== report);
    if ((report.weak && !report.evidence) || report.hollow) return;
    const title = report.pattern.title(report.match, report.lines);
    // Repeated every ten seconds for as long as the device is held.
    if (report.pattern.kind === 'INFO') {
      if (saidOnce.has(title)) return;
      saidOnce.add(title);
    }
    const said = report.messages.map(stable).filter((text) => text !== '');
    const alt = [...said.slice(0, 1), ...report.alt].filter((one) => one !== title);
    onSplat({
      title,
      altTitles: [...new Set(alt)],
      kind: report.pattern.kind,
      from: report.from,
      to: report.to,
      text: Buffer.from(`${report.raw.join('\n')}\n`, 'latin1').toString('utf8'),
    });
  }

  function opener(line: ConsoleLine, lane: string): void {
    const { text } = line;
    if (openers.size === 0 && !/^[\s=8-]/.test(text)) return;
    const cut = /^\s*(?:-{6,}\[ cut here \]-{6,}|8<-+ cut here -+)/.test(text);
    if (cut || /^\s*={20,}\s*$/.test(text)) {
      if (openers.size > maxOpeners) openers.clear();
      openers.set(lane, { from: line.from, cut, lines: [line] });
      return;
    }
    const before = openers.get(lane);
    if (before === undefined) return;
    before.lines.push(line);
    if (before.lines.length > (before.cut ? 16 : 1)) openers.delete(lane);
  }

  return {
    line(text, from, to) {
      for (const one of consoleLines(text, from, to, open.length > 0)) message(one);
    },
    end() {
      for (const report of [...open]) close(report);
    },
  };
}
