// Finds kernel reports ("splats") in a console log, one pass, in bounded memory. What counts is in patterns.ts.
import { consoleLines, type ConsoleLine } from './console-line.ts';
import { frameOf, isReportLine, traceStart } from './frames.ts';
import {
  consequence,
  innocent,
  interesting,
  patterns,
  stable,
  type Pattern,
  type SplatKind,
} from './patterns.ts';

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

/** All reports of a log, by offset. Never throws on content. */
export function scanSplats(log: string | Buffer): FoundSplat[] {
  const bytes = typeof log === 'string' ? Buffer.from(log) : log;
  const found: FoundSplat[] = [];
  const scanner = newSplatScanner((splat) => {
    found.push(splat);
  });
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(10, from);
    const to = newline === -1 ? bytes.length : newline + 1;
    let end = newline === -1 ? to : newline;
    while (end > from && bytes[end - 1] === 13) end--;
    scanner.line(bytes.toString('latin1', from, Math.min(end, from + maxLine)), from, to);
    from = to;
  }
  scanner.end();
  return found.sort((one, other) => one.from - other.from);
}

/** Longest part of a line that is looked at, in bytes. */
const maxLine = 4096;
const maxLines = 800;
const maxText = 65_536;
/** Lines between a header and its trace; a weak header must be followed at once. */
const maxPreface = 60;
const maxWeakPreface = 5;
/** Lines after a report in which a panic or oops still belongs to it. */
const maxLinger = 60;
const maxOpen = 16;

interface Report {
  readonly pattern: Pattern;
  readonly match: RegExpExecArray;
  readonly caller: string | undefined;
  readonly from: number;
  to: number;
  readonly lines: string[];
  readonly raw: string[];
  size: number;
  /** Lines accepted for now; they stay only if a line that surely belongs follows. */
  tentative: ConsoleLine[];
  readonly messages: readonly string[];
  readonly alt: string[];
  phase: 'preface' | 'trace' | 'done';
  sections: boolean;
  evidence: boolean;
  oops: boolean;
  /** Lines since the phase began that brought nothing. */
  idle: number;
}

/** `[ cut here ]` or a line of `=` that a header may follow. */
interface Opener {
  readonly from: number;
  readonly cut: boolean;
  readonly lines: ConsoleLine[];
}

/** The same for a log that is still being written; `onSplat` gets a report when it is known to be over. */
export function newSplatScanner(onSplat: (splat: FoundSplat) => void): SplatScanner {
  let open: Report[] = [];
  const openers = new Map<string, Opener>();
  let stamped = 0;
  let unstamped = false;
  const saidOnce = new Set<string>();

  function message(line: ConsoleLine): void {
    const { text } = line;
    if (line.stamped) stamped++;
    else if (text.startsWith('Linux version ')) unstamped = true;
    // Where the kernel stamps its lines, others are not the kernel's.
    else if (stamped >= 3 && !unstamped) return;
    // Another boot: all that was said before it is complete.
    if (text.startsWith('Linux version ')) reset();
    const own = open.find((report) => report.caller === line.caller);
    const pattern = header(text);
    if (pattern !== undefined) {
      begin(pattern.pattern, pattern.match, line, own);
      return;
    }
    if (own !== undefined && feed(own, line)) {
      openers.delete(line.caller ?? '');
      return;
    }
    if (own === undefined || own.phase === 'done') {
      const stacks = open.find((report) => report.pattern.body === 'stacks' && report !== own);
      if (stacks !== undefined && stacks.phase !== 'done' && isReportLine(text)) feed(stacks, line);
    }
    opener(line);
  }

  function reset(): void {
    for (const report of [...open]) close(report);
    openers.clear();
    saidOnce.clear();
  }

  function header(text: string): { pattern: Pattern; match: RegExpExecArray } | undefined {
    if (!interesting.test(text)) return undefined;
    for (const pattern of patterns) {
      const match = pattern.header.exec(text);
      if (match !== null) return { pattern, match };
    }
    return undefined;
  }

  function begin(pattern: Pattern, match: RegExpExecArray, line: ConsoleLine, own?: Report): void {
    if (own !== undefined && sameEvent(own, pattern, match)) {
      own.alt.push(pattern.title(match, []));
      if (pattern.part === 'oops') own.oops = true;
      settle(own);
      push(own, line);
      own.phase = own.phase === 'done' ? 'trace' : own.phase;
      own.idle = 0;
      openers.delete(line.caller ?? '');
      return;
    }
    if (own !== undefined) {
      // A weak text inside of a report is part of it.
      if (pattern.weak === true && own.phase !== 'done' && feed(own, line)) return;
      close(own);
    }
    const before = openers.get(line.caller ?? '');
    openers.delete(line.caller ?? '');
    const messages = before?.cut === true ? before.lines.slice(1).map((one) => one.text) : [];
    const report: Report = {
      pattern,
      match,
      caller: line.caller,
      from: before?.from ?? line.from,
      to: line.to,
      lines: [],
      raw: [],
      size: 0,
      tentative: [],
      messages,
      alt: [],
      phase: 'preface',
      sections: false,
      evidence: false,
      oops: pattern.part === 'oops',
      idle: 0,
    };
    for (const one of before?.lines ?? []) push(report, one);
    push(report, line);
    if (pattern.body === 'line') report.phase = 'done';
    open.push(report);
    const oldest = open[0];
    if (open.length > maxOpen && oldest !== undefined) close(oldest);
  }

  /** Takes a line into a report if it belongs there. */
  function feed(report: Report, line: ConsoleLine): boolean {
    const { text } = line;
    const { body } = report.pattern;
    if (text.trim() === '') {
      report.tentative.push(line);
      return true;
    }
    if (report.pattern.weak === true && !report.evidence && innocent.test(text)) {
      close(report);
      return false;
    }
    const rule = /^={20,}\s*$/.test(text);
    if (report.phase === 'done') {
      report.idle++;
      if (report.idle > maxLinger) {
        close(report);
        return false;
      }
      if (body === 'line' || body === 'framed') return false;
      // Registers are printed once more behind `end trace`.
      if (report.tentative.length > 3 || !isReportLine(text)) return false;
      settle(report);
      push(report, line);
      return true;
    }
    if (/^---\[ end (?:trace|Kernel panic)/.test(text)) {
      settle(report);
      push(report, line);
      report.evidence = true;
      finish(report);
      return true;
    }
    if (body === 'framed') {
      settle(report);
      push(report, line);
      if (rule || report.lines.length >= maxLines) finish(report);
      return true;
    }
    if (rule && body === 'trace') {
      settle(report);
      push(report, line);
      finish(report);
      return true;
    }
    if (/stack backtrace:/.test(text)) report.sections = true;
    const starts = traceStart.test(text) || frameOf(text) !== undefined;
    const belongs = starts || isReportLine(text);
    if (starts) {
      report.evidence = true;
      if (body !== 'sections' || report.sections) report.phase = 'trace';
    }
    if (/^CPU: \d+ /.test(text)) report.evidence = true;
    if (belongs || (body === 'sections' && !report.sections)) {
      settle(report);
      push(report, line);
      report.idle = 0;
      if (report.lines.length >= maxLines) finish(report);
      return true;
    }
    report.idle++;
    const patience =
      report.phase === 'trace'
        ? body === 'stacks'
          ? 6
          : 0
        : report.pattern.weak === true
          ? maxWeakPreface
          : maxPreface;
    if (report.idle > patience) {
      finish(report);
      return false;
    }
    report.tentative.push(line);
    return true;
  }

  function finish(report: Report): void {
    report.phase = 'done';
    report.idle = 0;
    report.tentative = [];
  }

  function close(report: Report): void {
    open = open.filter((one) => one !== report);
    if (report.pattern.weak === true && !report.evidence) return;
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

  function opener(line: ConsoleLine): void {
    const key = line.caller ?? '';
    const { text } = line;
    if (/^(?:-{6,}\[ cut here \]-{6,}|8<-+ cut here -+)/.test(text)) {
      if (openers.size > 64) openers.clear();
      openers.set(key, { from: line.from, cut: true, lines: [line] });
      return;
    }
    if (/^={20,}\s*$/.test(text)) {
      if (openers.size > 64) openers.clear();
      openers.set(key, { from: line.from, cut: false, lines: [line] });
      return;
    }
    const before = openers.get(key);
    if (before === undefined) return;
    before.lines.push(line);
    if (before.lines.length > (before.cut ? 16 : 1)) openers.delete(key);
  }

  return {
    line(text, from, to) {
      for (const one of consoleLines(text, from, to)) message(one);
    },
    end() {
      for (const report of [...open]) close(report);
    },
  };
}

/** Whether a header that follows in the same context tells of the report's event once more. */
function sameEvent(report: Report, pattern: Pattern, match: RegExpExecArray): boolean {
  const { part } = report.pattern;
  if (report.pattern.body === 'line' || report.pattern.weak === true) return false;
  if (pattern.part === 'panic') {
    if (part === 'panic') return true;
    const reason = match[1] ?? '';
    // A dying init explains itself only when it oopsed.
    if (reason.startsWith('Attempted to kill')) return report.oops;
    return report.phase !== 'done' || consequence.test(reason);
  }
  if (pattern.part === 'oops') return part === 'cause' && !report.oops;
  if (pattern.part === 'cause')
    return (
      part === 'cause' && !report.oops && (report.pattern.kind === 'KASAN' || !report.evidence)
    );
  return false;
}

function settle(report: Report): void {
  for (const line of report.tentative) push(report, line);
  report.tentative = [];
}

function push(report: Report, line: ConsoleLine): void {
  report.to = line.to;
  if (report.lines.length >= maxLines * 2 || report.size + line.raw.length > maxText) return;
  report.lines.push(line.text);
  report.raw.push(line.raw);
  report.size += line.raw.length + 1;
}
