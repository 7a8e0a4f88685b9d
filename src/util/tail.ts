// The end of a stream, in bounded memory.

export interface Tail {
  push(chunk: Buffer): void;
  text(): string;
  /** Whether something in front is missing. */
  cut(): boolean;
}

/** Keeps the last `limit` bytes that are pushed, rounded up to whole chunks. */
export function tail(limit: number): Tail {
  const chunks: Buffer[] = [];
  let size = 0;
  let cut = false;
  return {
    push: (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      for (let first = chunks[0]; first !== undefined && size - first.length >= limit;) {
        chunks.shift();
        size -= first.length;
        cut = true;
        first = chunks[0];
      }
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
    cut: () => cut,
  };
}
