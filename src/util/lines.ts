// Chunks of bytes in, whole lines out, in bounded memory.
import { StringDecoder } from 'node:string_decoder';

export interface LineSplitter {
  push(chunk: Uint8Array): void;
  /** Hands out an unfinished last line. */
  end(): void;
}

/**
 * Calls `onLine` once per line, without its line feed (or CR LF). UTF-8; bytes that are not become U+FFFD.
 * Of a line longer than `limit` characters the rest is dropped, so that no input can fill the memory.
 */
export function splitLines(onLine: (line: string) => void, limit = 65_536): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let held = '';

  const hold = (text: string): void => {
    if (held.length < limit) held += text.slice(0, limit - held.length);
  };
  const flush = (): void => {
    onLine(held.endsWith('\r') ? held.slice(0, -1) : held);
    held = '';
  };
  const feed = (text: string): void => {
    let from = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      hold(text.slice(from, at));
      flush();
      from = at + 1;
    }
    hold(text.slice(from));
  };

  return {
    push: (chunk) => feed(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))),
    end: () => {
      feed(decoder.end());
      if (held !== '') flush();
    },
  };
}
