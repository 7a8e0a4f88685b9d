// Follows a file that QEMU is still writing: complete lines with their byte offsets, in bounded memory.
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FollowedLine {
  /** Without the line end. Undecodable bytes become U+FFFD: take `from` and `to` to the file for the raw ones. */
  readonly text: string;
  /** Byte offset of the line's first byte. */
  readonly from: number;
  /** Byte offset after its last byte, the line end included. */
  readonly to: number;
  /** False for the last line of a file that does not end in a line end, and for a piece of an over-long line. */
  readonly complete: boolean;
}

export interface FollowOptions {
  /** Stops the wait for more: what is in the file by then is still delivered. */
  readonly signal: AbortSignal;
  /** Pause between looks at a file that did not grow, in milliseconds. */
  readonly pollMs?: number;
  /** Where to begin, in bytes; a line border. */
  readonly from?: number;
  /** Longest line kept whole, in bytes; a longer one comes in pieces of this size. */
  readonly maxLineBytes?: number;
}

/**
 * Lines of a growing file, from `from` until `signal` aborts. The file may not exist yet. Bytes are never lost or
 * doubled: each line's `from` is the previous one's `to`. A file that shrinks (truncated by somebody) ends the iteration.
 */
export async function* followLines(
  file: string,
  options: FollowOptions,
): AsyncGenerator<FollowedLine, void, undefined> {
  const { signal, pollMs = 50, maxLineBytes = 65_536 } = options;
  const handle = await openWhenThere(file, signal, pollMs);
  if (handle === undefined) return;
  try {
    const chunk = Buffer.alloc(65_536);
    let position = options.from ?? 0;
    let carry = Buffer.alloc(0);
    for (;;) {
      // Asked before the read: whatever was written before the abort is still delivered.
      const last = signal.aborted;
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) {
        if (last || (await handle.stat()).size < position) break;
        await pause(pollMs, signal);
        continue;
      }
      const bytes = Buffer.concat([carry, chunk.subarray(0, bytesRead)]);
      let start = position - carry.length;
      position += bytesRead;
      let at = 0;
      for (;;) {
        const newline = bytes.indexOf(10, at);
        const tooLong = (newline === -1 ? bytes.length : newline) - at > maxLineBytes;
        if (newline === -1 && !tooLong) break;
        const next = tooLong ? pieceEnd(bytes, at, maxLineBytes) : newline + 1;
        const text = bytes.toString('utf8', at, tooLong ? next : trimEnd(bytes, at, newline));
        yield { text, from: start, to: start + next - at, complete: !tooLong };
        start += next - at;
        at = next;
      }
      carry = Buffer.from(bytes.subarray(at));
    }
    if (carry.length > 0)
      yield {
        text: carry.toString('utf8'),
        from: position - carry.length,
        to: position,
        complete: false,
      };
  } finally {
    await handle.close();
  }
}

async function openWhenThere(
  file: string,
  signal: AbortSignal,
  pollMs: number,
): Promise<FileHandle | undefined> {
  for (;;) {
    const last = signal.aborted;
    try {
      return await open(file, 'r');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      if (last) return undefined;
      await pause(pollMs, signal);
    }
  }
}

/** Ends early, and quietly, when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Serial consoles end a line with CR LF, sometimes with CR CR LF. */
function trimEnd(bytes: Buffer, from: number, newline: number): number {
  let end = newline;
  while (end > from && bytes[end - 1] === 13) end--;
  return end;
}

/** Cuts before a UTF-8 lead byte, so that no character falls apart between two pieces. */
function pieceEnd(bytes: Buffer, from: number, length: number): number {
  let end = from + length;
  for (let back = 0; back < 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back++) end--;
  return end > from ? end : from + length;
}
