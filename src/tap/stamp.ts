// What stands before each line of a stream and is no nesting: printk's time stamp, or what a log puts before each line.

/** Of a stream: the one its version line had. */
export type Stamp = 'bare' | 'printk' | RegExp;

const printk =
  /^(?:<\d{1,3}>)?(?:\[ {0,9}\d{1,9}\.\d{1,9}\](?:\[ {0,9}[TC]\d{1,9}\])?(?: |$)|(?<=>))/;
const tagged = /^([^\s#].{0,200}?(?:[\])|]|: ) ?| )K?TAP version \d+\s*$/;
/** Left of a stamp that was cut off. No format nests by one. */
const oneBlank = /^ /;

/** The line without its stamp, in a stream that has had `known` so far; undefined if it has none. */
export function cutStamp(
  line: string,
  known: Stamp | undefined,
): { readonly own: Stamp; readonly text: string } | undefined {
  const first = line.charCodeAt(0);
  if (typeof known === 'object') {
    const match = known.exec(line);
    if (match !== null) return { own: known, text: line.slice(match[0].length) };
  } else if (first === 91 || first === 60) {
    const match = printk.exec(line);
    if (match !== null && match[0] !== '')
      return { own: 'printk', text: line.slice(match[0].length) };
  }
  // Only before anything else: chatter that ends in a version line must not end a stream.
  if (known === 'bare' || known === 'printk' || line.length >= 300) return undefined;
  const tag = line.includes('TAP version ') ? tagged.exec(line)?.[1] : undefined;
  if (tag === undefined) return undefined;
  return { own: tag === ' ' ? oneBlank : shapeOf(tag), text: line.slice(tag.length) };
}

export function sameStamp(one: Stamp, other: Stamp): boolean {
  return one === other || String(one) === String(other);
}

/** `sh[123]: ` → a pattern for the same tag with other numbers, as on the lines after it. */
function shapeOf(tag: string): RegExp {
  const shape = tag
    .trimEnd()
    .replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
    .replace(/ +/g, ' +')
    .replace(/\d+/g, String.raw`\d+`);
  return new RegExp(`^${shape} ?`);
}
