// Guest output is data: nothing of it may move a cursor, hide text or forge a line. Everything printed passes here.

/**
 * Control, format (bidi, zero width), private-use and lone surrogate characters, the two odd line breaks, and the two
 * non-characters that XML forbids.
 */
const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': ' ' };

/** One line in which every character can be seen: ESC becomes `\x1b`, a line break `\n`; a tab becomes a space. */
export function visible(text: string): string {
  return text.replace(hidden, (char) => named[char] ?? codeOf(char));
}

/** `visible`, cut to a number of terminal columns. Cost does not grow with what is cut off. */
export function clean(text: string, columns: number): string {
  // Two UTF-16 units per character at most, and every character is at least one column.
  return cut(visible(text.slice(0, 2 * (Math.max(0, columns) + 1))), columns);
}

/**
 * The lines of a longer text, each cleaned and cut; `\r\n` counts as one line break. At most `max` of them from the
 * start, or with `tail` from the end; `left` is how many were left out.
 */
export function cleanLines(
  text: string,
  columns: number,
  max: number,
  tail = false,
): { readonly lines: readonly string[]; readonly left: number } {
  const all = text
    .trimEnd()
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const some = tail ? all.slice(-max) : all.slice(0, max);
  return { lines: some.map((line) => clean(line, columns)), left: all.length - some.length };
}

/** Cuts text that is already visible to a number of columns; what was cut off shows as `...`. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  const dots = '...'.slice(0, Math.max(0, columns));
  let room = columns - dots.length;
  let kept = '';
  for (const char of text) {
    room -= width(char);
    if (room < 0) break;
    kept += char;
  }
  return kept + dots;
}

/** Terminal columns of visible text, never too few: East Asian wide characters and emoji take two. */
export function width(text: string): number {
  // eslint-disable-next-line no-control-regex -- plain ASCII is nearly everything
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const char of text) columns += wide.test(char) ? 2 : 1;
  return columns;
}

/** Words of prose in lines of at most `columns`; a longer word keeps a line of its own. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of visible(text).split(/ +/)) {
    const last = lines.at(-1);
    if (last !== undefined && width(last) + 1 + width(word) <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const wide =
  /[\u1100-\u115f\u2600-\u27bf\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u;

function codeOf(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}
