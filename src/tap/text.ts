// Raw guest bytes in, printable lines out. Whatever a guest prints, memory stays bounded and a terminal stays sane.
import { limits } from '../core/limits.ts';

/** Longest line kept. */
const maxLineBytes = limits.lineBytes;

export interface LineSink {
  /** `terminated` is false for the last line of a stream that does not end in a line end. */
  line(text: string, terminated: boolean): void;
  /** A line was longer than maxLineBytes: its beginning comes as the next line, the rest is dropped. */
  tooLong(): void;
}

export interface LineSplitter {
  write(chunk: Uint8Array | string): void;
  end(): void;
}

/**
 * Splits at LF and at CR (a serial console sends CR CR LF, a progress bar bare CRs). Control characters, characters
 * that reorder text and bytes that are no UTF-8 come out as `\x1b`, `\u202e`, `\xff`; colour sequences are dropped.
 */
export function splitLines(sink: LineSink): LineSplitter {
  let carry: Buffer = Buffer.alloc(0);
  let dropping = false;

  function piece(bytes: Buffer): void {
    let from = 0;
    if (dropping) {
      from = bytes.indexOf(10) + 1;
      if (from === 0) return;
      dropping = false;
    }
    const end = bytes.lastIndexOf(10) + 1;
    if (end > from) {
      const whole = bytes.subarray(from, end);
      lines(carry.length === 0 ? whole : Buffer.concat([carry, whole]));
      carry = Buffer.alloc(0);
      from = end;
    }
    if (from === bytes.length) return;
    carry = Buffer.concat([carry, bytes.subarray(from)]);
    if (carry.length <= maxLineBytes) return;
    sink.tooLong();
    for (const text of printable(carry.subarray(0, maxLineBytes)).split('\n'))
      if (text !== '') sink.line(text, true);
    carry = Buffer.alloc(0);
    dropping = true;
  }

  /** `bytes` ends in a line end. */
  function lines(bytes: Buffer): void {
    const text = printable(bytes);
    for (let from = 0; from < text.length;) {
      const newline = text.indexOf('\n', from);
      if (newline === -1) break;
      if (newline - from > maxLineBytes) {
        sink.tooLong();
        sink.line(text.slice(from, from + maxLineBytes), true);
      } else if (newline > from) sink.line(text.slice(from, newline), true);
      from = newline + 1;
    }
  }

  return {
    write(chunk) {
      const bytes =
        typeof chunk === 'string'
          ? Buffer.from(chunk)
          : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < bytes.length; at += maxLineBytes)
        piece(bytes.subarray(at, at + maxLineBytes));
    },
    end() {
      const parts = printable(carry).split('\n');
      carry = Buffer.alloc(0);
      const last = parts.pop() ?? '';
      for (const text of parts) if (text !== '') sink.line(text, true);
      if (last !== '') sink.line(last, false);
    },
  };
}

const colour = /\x1b\[[0-9;]{0,32}m/g;
// C0 without tab and LF, DEL, C1, line and paragraph separators, and the characters that turn text around.
const hidden = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const hiddenAll = new RegExp(hidden, 'g');

function printable(bytes: Buffer): string {
  let text = bytes.toString('utf8');
  if (text.includes('\ufffd')) text = decodeMarked(bytes);
  if (text.includes('\r')) text = text.replace(/\r+\n?/g, '\n');
  if (!hidden.test(text)) return text;
  return text.replace(colour, '').replace(hiddenAll, escapeCode);
}

function escapeCode(character: string): string {
  const code = character.charCodeAt(0);
  return code < 256
    ? String.raw`\x${code.toString(16).padStart(2, '0')}`
    : String.raw`\u${code.toString(16)}`;
}

/** UTF-8 with every byte that belongs to no character written as `\xNN`. */
function decodeMarked(bytes: Buffer): string {
  const parts: string[] = [];
  let good = 0;
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > good) parts.push(bytes.toString('utf8', good, at));
    parts.push(String.raw`\x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`);
    at++;
    good = at;
  }
  parts.push(bytes.toString('utf8', good));
  return parts.join('');
}

/** Bytes of the well-formed UTF-8 character at `at`, or 0. @see The Unicode Standard, table 3-7. */
function characterLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const second = bytes[at + 1] ?? 0;
  if (lead >= 0xc2 && lead <= 0xdf) return isTail(second) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && isTail(bytes[at + 2] ?? 0) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const low = lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xf4 ? 0x8f : 0xbf;
    const tails = isTail(bytes[at + 2] ?? 0) && isTail(bytes[at + 3] ?? 0);
    return second >= low && second <= high && tails ? 4 : 0;
  }
  return 0;
}

function isTail(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
