// What stands behind a result line's `#`. KTAP knows SKIP, TODO, XFAIL, TIMEOUT and ERROR; the tree prints some more.
import { limits } from '../core/limits.ts';

export interface Directive {
  readonly name: 'SKIP' | 'TODO' | 'XFAIL' | 'XPASS' | 'TIMEOUT' | 'ERROR' | 'exit';
  readonly reason: string;
}

export interface Description {
  /** Empty if the line has none at all. */
  readonly name: string;
  readonly directive?: Directive;
  /** Diagnostic data behind `#` that is no directive, or ''. */
  readonly note: string;
}

/** Longest name and reason. */
const maxName = limits.nameCharacters;

const known =
  /#\s*(?:(skip|todo|xfail|xpass|timeout)(?:ped)?|(error)|exit=(-?\d{1,9}))(?=[\s:,]|$)[:,]?\s*(.*)$/isy;

/**
 * Splits what follows the number of a result line. With nothing before the directive the name is what follows it:
 * `ok 3 # SKIP no such device` is what ksft_test_result_skip() prints.
 */
export function splitDirective(text: string): Description {
  const rest = text.trim();
  if (!rest.includes('#')) return { name: clip(rest), note: '' };
  let last = -1;
  for (let at = rest.indexOf('#'); at !== -1; at = rest.indexOf('#', at + 1)) {
    if (at > 0 && !/\s/.test(rest[at - 1] ?? '')) continue;
    known.lastIndex = at;
    const match = known.exec(rest);
    const directive = match === null ? undefined : directiveOf(match);
    if (directive !== undefined) {
      const name = unescape(rest.slice(0, at).trimEnd());
      return { name: clip(name === '' ? directive.reason : name), directive, note: '' };
    }
    if (/\s/.test(rest[at + 1] ?? ' ')) last = at;
  }
  if (last === -1) return { name: clip(unescape(rest)), note: '' };
  const note = clip(rest.slice(last + 1).trim());
  const name = clip(unescape(rest.slice(0, last).trimEnd()));
  return name === '' ? { name: note, note: '' } : { name, note };
}

function directiveOf(match: RegExpExecArray): Directive | undefined {
  const reason = clip((match[4] ?? '').trim());
  if (match[3] !== undefined) return { name: 'exit', reason: match[3] };
  if (match[2] !== undefined)
    // `# Error opening …` is diagnostic data; kselftest prints `error`, the specification says `ERROR`.
    return match[2] === 'error' || match[2] === 'ERROR' ? { name: 'ERROR', reason } : undefined;
  const word = match[1]?.toUpperCase();
  const name = words.find((one) => one === word);
  return name === undefined ? undefined : { name, reason };
}

const words = ['SKIP', 'TODO', 'XFAIL', 'XPASS', 'TIMEOUT'] as const;

function unescape(text: string): string {
  return text.replaceAll(String.raw`\#`, '#');
}

function clip(text: string): string {
  return text.length > maxName ? `${text.slice(0, maxName)}…` : text;
}
