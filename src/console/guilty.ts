// Which function a report is about, and titles that name it.
import { baseName, counterOf, frameOf } from './frames.ts';
import { isGeneric } from './generic.ts';

/** A title from the header's match and all lines of the report, the header and what led to it included. */
export type Title = (match: RegExpExecArray, lines: readonly string[]) => string;

const maxFrames = 200;

/** The first function of the first trace that is not generic. */
export function guiltyOf(lines: readonly string[]): string | undefined {
  let seen = 0;
  let guess: string | undefined;
  // lockdep prints traces of other times first.
  const since = lines.findIndex((line) => /^\s*stack backtrace:/.test(line));
  for (const text of since === -1 ? lines : lines.slice(since)) {
    const frame = frameOf(text);
    if (frame === undefined) continue;
    if (++seen > maxFrames) break;
    const name = [frame.name, frame.caller].find((one) => one !== undefined && !isGeneric(one));
    // A call that never returns was a function's last: the address is the next function's.
    if (name === undefined || (frame.caller === undefined && text.includes('+0x0/'))) continue;
    if (frame.reliable) return name;
    // A doubted address behind a function's end is a leftover for sure.
    if (!/\+(0x[0-9a-f]+)\/\1\b/.test(text)) guess ??= name;
  }
  // Kernels without frame pointers doubt every frame.
  return guess ?? workOf(lines);
}

/** What a worker was at, when its trace is cut off or says nothing: `Workqueue: events foo_work [foo]`. */
function workOf(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const work =
      /^\s*Workqueue: {1,2}\S.{0,80} ([A-Za-z_][\w.]*)(?: \[\w{1,64}\])?(?: \(.*\))?\s*$/.exec(
        line,
      );
    if (work !== null) return baseName(work[1] ?? '');
  }
  return undefined;
}

/** The function the CPU was in, a generic one too. */
function counter(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const name = counterOf(line);
    if (name !== undefined) return name;
  }
  return undefined;
}

/** The function that an exception broke into, when all the rest of the trace is the exception's. */
function brokenInto(lines: readonly string[]): string | undefined {
  return lines.map(counterOf).find((name) => name !== undefined && !isGeneric(name));
}

/** The function the CPU was in, or if that is generic, the first in the trace that is not; a generic one if there is no other. */
function atFault(lines: readonly string[]): string | undefined {
  const name = counter(lines);
  return name !== undefined && !isGeneric(name)
    ? name
    : (guiltyOf(lines) ?? brokenInto(lines) ?? name);
}

export function where(text: string, name: string | undefined): string {
  return name === undefined || name === '' ? text : `${text} in ${name}`;
}

/** `text in function`, with the function from the trace. */
export function inTrace(text: string): Title {
  return (_match, lines) => where(text, guiltyOf(lines));
}

/** The function the CPU was in, if the report has registers; else from the trace. */
export function atCounter(text: string): Title {
  return (_match, lines) => where(text, atFault(lines));
}

/** The function the header names, unless that one only reports. */
export function inHeader(text: (match: RegExpExecArray) => string, group: number): Title {
  return (match, lines) => where(text(match), named(ownName(match, group, lines), lines));
}

/** The function of the header. Symbolised reports have a header per inlined function, before the one that is none. */
export function ownName(
  match: RegExpExecArray,
  group: number,
  lines: readonly string[],
): string | undefined {
  if (/\+0x/.test(match[0])) return match[group];
  for (const line of lines.slice(0, 14)) {
    const again = /^\s*(?:WARNING|BUG): .*?\b([A-Za-z_][\w.$]*)\+0x/.exec(line)?.[1];
    if (again !== undefined) return again;
  }
  return match[group];
}

/** A function as a header names it, or if it is generic, the trace's. */
export function named(name: string | undefined, lines: readonly string[]): string | undefined {
  const base = baseName(name ?? '');
  if (base !== '' && !isGeneric(base)) return base;
  const counted = counter(lines);
  if (counted !== undefined && !isGeneric(counted)) return counted;
  return guiltyOf(lines) ?? brokenInto(lines) ?? (base === '' ? counted : base);
}

/** Where a lock is taken, from the report's `at: function+0x…`; inlined ones have lines of their own. */
export function atLock(text: string): Title {
  return (_match, lines) => {
    for (const line of lines.slice(0, 40)) {
      const at =
        /[,(] ?at: (?:\[<[ \w]+>\] )?([A-Za-z_][\w.$]*)(?:\+0x| |$)/.exec(line)?.[1] ??
        /^(?:\[<[0-9a-f]{8,16}>\] )?([A-Za-z_][\w.$]*)\+0x/.exec(line)?.[1];
      if (at !== undefined && !isGeneric(baseName(at)) && !line.includes('[inline]'))
        return where(text, baseName(at));
      if (/^\s*(?:but task is already holding|other info that might|stack backtrace)/.test(line))
        break;
    }
    return where(text, guiltyOf(lines));
  };
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
