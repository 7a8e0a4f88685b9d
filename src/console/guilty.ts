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
    if (isGeneric(frame.name)) continue;
    if (frame.reliable) return frame.name;
    guess ??= frame.name;
  }
  // Kernels without frame pointers doubt every frame.
  return guess;
}

/** The function the CPU was in. */
function counter(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const name = counterOf(line);
    if (name !== undefined) return isGeneric(name) ? undefined : name;
  }
  return undefined;
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
  return (_match, lines) => where(text, counter(lines) ?? guiltyOf(lines));
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
    const again = /^\s*(?:WARNING|BUG): .*?([A-Za-z_][\w.$]*)\+0x/.exec(line)?.[1];
    if (again !== undefined) return again;
  }
  return match[group];
}

/** A function as a header names it, or if it is generic, the trace's. */
export function named(name: string | undefined, lines: readonly string[]): string | undefined {
  const base = baseName(name ?? '');
  if (base !== '' && !isGeneric(base)) return base;
  return counter(lines) ?? guiltyOf(lines) ?? base;
}

/** Where a lock is taken, from the report's `at: function+0x…`; inlined ones have lines of their own. */
export function atLock(text: string): Title {
  return (_match, lines) => {
    for (const line of lines.slice(0, 40)) {
      const at =
        /[,(] ?at: (?:\[<[ \w]+>\] )?([A-Za-z_][\w.$]*)(?:\+0x| |$)/.exec(line)?.[1] ??
        /^([A-Za-z_][\w.$]*)\+0x/.exec(line)?.[1];
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
