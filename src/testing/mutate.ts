// Damage to recorded streams, the same for the same seed: lines put in, bytes flipped, ends cut off.

export type Random = () => number;

/** Numbers from 0 up to 1. Source: mulberry32, public domain. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (limit: number, random: Random): number => Math.floor(random() * limit);

/** The lines of a stream with their ends; the last one may have none. */
export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(10, from);
    const to = newline === -1 ? bytes.length : newline + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
}

/** So many of `others`, each as a line of its own, at random borders between the stream's lines. */
export function withLines(
  bytes: Buffer,
  others: readonly Buffer[],
  count: number,
  random: Random,
): Buffer {
  const lines = linesOf(bytes);
  // What is cut off in the middle of a line stays so.
  const last = bytes.length > 0 && bytes.at(-1) !== 10 ? lines.length - 1 : lines.length;
  for (let done = 0; done < count; done++) {
    const other = others[below(others.length, random)] ?? Buffer.alloc(0);
    lines.splice(below(last + done + 1, random), 0, ended(other));
  }
  return Buffer.concat(lines);
}

const ended = (line: Buffer): Buffer =>
  line.at(-1) === 10 ? line : Buffer.concat([line, Buffer.from('\n')]);

/** One bit of each of `count` bytes among `places` turned over; all of the stream if no places are given. */
export function flipped(
  bytes: Buffer,
  count: number,
  random: Random,
  places?: readonly number[],
): Buffer {
  const copy = Buffer.from(bytes);
  const most = places?.length ?? copy.length;
  if (most === 0) return copy;
  for (let done = 0; done < count; done++) {
    const pick = below(most, random);
    const at = places?.[pick] ?? pick;
    copy[at] = (copy[at] ?? 0) ^ (1 << below(8, random));
  }
  return copy;
}
