// One report being read: which of the lines that follow its header belong to it.
import type { ConsoleLine } from './console-line.ts';
import { frameOf, isReportLine, traceStart } from './frames.ts';
import type { Pattern } from './pattern.ts';
import { innocent } from './patterns.ts';
import { consequence } from './patterns/oopses.ts';

const maxLines = 800;
const maxText = 65_536;
const maxAlt = 8;
/** Lines between a header and its trace; a weak header must be followed at once. */
const maxPreface = 60;
const maxWeakPreface = 5;
/** Lines of others in the middle of a trace, and of all traces of a stall. */
const maxTorn = 4;
const maxTornStacks = 12;
/** Lines after a report in which a panic or oops still belongs to it. */
const maxLinger = 60;

/** `[ cut here ]` or a line of `=` that a header may follow, and what came since. */
export interface Opener {
  readonly from: number;
  readonly cut: boolean;
  readonly lines: ConsoleLine[];
}

export interface Report {
  readonly pattern: Pattern;
  readonly match: RegExpExecArray;
  /** Who prints it: a caller, and whether its lines bear stamps. */
  readonly lane: string;
  readonly from: number;
  to: number;
  readonly lines: string[];
  readonly raw: string[];
  size: number;
  /** Lines accepted for now; they stay only if a line that surely belongs follows. */
  tentative: ConsoleLine[];
  /** What WARN() was called with. */
  readonly messages: string[];
  readonly alt: string[];
  phase: 'preface' | 'trace' | 'done';
  sections: boolean;
  /** Whether a trace or a register dump was seen. */
  evidence: boolean;
  /** Whether it counts only with evidence. */
  readonly weak: boolean;
  oops: boolean;
  /** Whether nothing of what an oops prints followed, though the log went on: somebody said the words. */
  hollow: boolean;
  /** Whether a line that only belongs to reports came behind the header. */
  followed: boolean;
  /** Lines since the phase began that brought nothing. */
  idle: number;
}

export function newReport(
  pattern: Pattern,
  match: RegExpExecArray,
  line: ConsoleLine,
  lane: string,
  before: Opener | undefined,
  weak: boolean,
): Report {
  const messages = before?.cut === true ? before.lines.slice(1).map((one) => one.text) : [];
  const report: Report = {
    pattern,
    match,
    lane,
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
    weak,
    oops: pattern.part === 'oops',
    hollow: false,
    followed: false,
    idle: 0,
  };
  for (const one of before?.lines ?? []) push(report, one);
  push(report, line);
  if (pattern.body === 'line') report.phase = 'done';
  return report;
}

/** `over`: the line does not belong and no further one can. */
export type Fed = 'taken' | 'left' | 'over';

/** Takes a line into a report if it belongs there. */
export function feed(report: Report, line: ConsoleLine): Fed {
  const { text } = line;
  const { body } = report.pattern;
  if (text.trim() === '') {
    // A flood of blank lines is no report.
    if (report.tentative.length < maxPreface) report.tentative.push(line);
    return 'taken';
  }
  if (report.weak && !report.evidence && innocent.test(text)) return 'over';
  if (report.phase === 'done') return linger(report, line);
  if (/^\s*---\[ end (?:trace|Kernel panic)/.test(text)) {
    accept(report, line);
    report.evidence = true;
    finish(report);
    return 'taken';
  }
  const rule = /^\s*={20,}\s*$/.test(text);
  const starts = traceStart.test(text) || frameOf(text) !== undefined;
  // Programs have backtraces as well, but not by this name and not with frames like the kernel's.
  const programs = report.weak && /^\s*(?:Backtrace|Stack [Tt]race):/.test(text);
  if ((starts && !programs) || /^\s*(?:CPU: \d+ |Pid: \d+, comm: )/.test(text))
    report.evidence = true;
  if (
    report.weak &&
    body === 'sections' &&
    /, at: (?:\[<[ \w]{1,24}>\] )?\w[\w.]{0,100}\+0x/.test(text)
  )
    report.evidence = true;
  if (body === 'framed' || (rule && body === 'trace')) {
    accept(report, line);
    if (rule || report.lines.length >= maxLines) finish(report);
    return 'taken';
  }
  if (/^\s*stack backtrace:/.test(text)) report.sections = true;
  if (starts && (body !== 'sections' || report.sections)) report.phase = 'trace';
  if (starts || isReportLine(text) || (body === 'sections' && !report.sections)) {
    accept(report, line);
    report.idle = 0;
    report.followed = true;
    if (report.lines.length >= maxLines) finish(report);
    return 'taken';
  }
  // WARN() up to 4.14 prints its message behind the header.
  if (report.pattern.kind === 'WARNING' && report.messages.length === 0 && !report.evidence)
    report.messages.push(text);
  report.idle++;
  if (report.idle > patience(report)) {
    const { part } = report.pattern;
    report.hollow = (part === 'cause' || part === 'oops') && !report.followed;
    finish(report);
    return 'left';
  }
  report.tentative.push(line);
  return 'taken';
}

function patience(report: Report): number {
  if (report.phase === 'trace') return report.pattern.body === 'stacks' ? maxTornStacks : maxTorn;
  return report.weak ? maxWeakPreface : maxPreface;
}

function linger(report: Report, line: ConsoleLine): Fed {
  const { body } = report.pattern;
  report.idle++;
  if (report.idle > maxLinger) return 'over';
  // Registers are printed once more behind `end trace`.
  if (body === 'line' || body === 'framed' || report.tentative.length > 3) return 'left';
  if (!isReportLine(line.text)) return 'left';
  accept(report, line);
  return 'taken';
}

function finish(report: Report): void {
  report.phase = 'done';
  report.idle = 0;
  report.tentative = [];
}

/** A header that tells of the report's event once more: the report goes on. */
export function join(report: Report, pattern: Pattern, title: string, line: ConsoleLine): void {
  if (report.alt.length < maxAlt && !report.alt.includes(title)) report.alt.push(title);
  if (pattern.part === 'oops') {
    report.oops = true;
    if (report.pattern.weak === true) report.evidence = true;
  }
  accept(report, line);
  report.followed = true;
  if (report.phase === 'done') report.phase = 'trace';
  report.idle = 0;
}

/** Whether a header that follows in the same context tells of the report's event once more. */
export function sameEvent(report: Report, pattern: Pattern, match: RegExpExecArray): boolean {
  const { part, body, weak } = report.pattern;
  if (body === 'line') return false;
  if (pattern.part === 'oops') return part === 'cause' && !report.oops;
  if (weak === true) return false;
  if (pattern.part === 'panic') {
    if (part === 'panic') return true;
    const reason = match[1] ?? '';
    // A dying init explains itself only when it oopsed.
    if (reason.startsWith('Attempted to kill')) return report.oops;
    return report.phase !== 'done' || consequence.test(reason);
  }
  // What a check found, told by its WARN().
  if (pattern.kind === 'WARNING' && pattern.weak !== true)
    return part === 'cause' && report.phase === 'preface' && !report.evidence;
  if (pattern.part === 'cause')
    return (
      part === 'cause' && !report.oops && (report.pattern.kind === 'KASAN' || !report.evidence)
    );
  return false;
}

/** Whether the header is what an open WARN() says, or the header of an open report again, for an inlined function. */
export function isMessage(report: Report | undefined, pattern: Pattern): boolean {
  if (report === undefined || report.phase !== 'preface' || report.evidence) return false;
  if (pattern.message === true && report.pattern.kind === 'WARNING') return true;
  if (report.pattern !== pattern || report.lines.length > 12) return false;
  return pattern.body === 'framed' || report.lines.at(-1)?.includes('[inline]') === true;
}

function accept(report: Report, line: ConsoleLine): void {
  for (const one of report.tentative) push(report, one);
  report.tentative = [];
  push(report, line);
}

function push(report: Report, line: ConsoleLine): void {
  report.to = line.to;
  if (report.lines.length >= maxLines * 2 || report.size + line.raw.length > maxText) return;
  report.lines.push(line.text);
  report.raw.push(line.raw);
  report.size += line.raw.length + 1;
}
