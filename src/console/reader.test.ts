import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followLines, type FollowedLine, type FollowOptions } from './reader.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgmap-reader-'));
  file = join(folder, 'console.log');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function all(options: FollowOptions): Promise<FollowedLine[]> {
  const lines: FollowedLine[] = [];
  for await (const line of followLines(file, { pollMs: 1, ...options })) lines.push(line);
  return lines;
}

describe('followLines', () => {
  it('gives lines with byte offsets and no carriage returns', async () => {
    await writeFile(file, 'grün\r\r\n\nlast');
    const lines = await all({ signal: AbortSignal.abort() });
    expect(lines).toEqual([
      { text: 'grün', from: 0, to: 8, complete: true },
      { text: '', from: 8, to: 9, complete: true },
      { text: 'last', from: 9, to: 13, complete: false },
    ]);
  });

  it('loses and doubles nothing when the file grows in odd pieces', async () => {
    const whole = Array.from({ length: 400 }, (_, i) => `line ${i} ${'é'.repeat(i % 57)}\n`).join(
      '',
    );
    const bytes = Buffer.from(whole);
    const stop = new AbortController();
    const reading = all({ signal: stop.signal });
    for (let at = 0; at < bytes.length; at += 1013)
      await appendFile(file, bytes.subarray(at, at + 1013));
    stop.abort();
    const lines = await reading;
    expect(lines.map((line) => `${line.text}\n`).join('')).toBe(whole);
    let end = 0;
    for (const line of lines) {
      expect(line.from).toBe(end);
      end = line.to;
    }
    expect(end).toBe(bytes.length);
  });

  it('reads across its own chunk border', async () => {
    const whole = `${'a'.repeat(65_530)}\n${'b'.repeat(20)}\n`;
    await writeFile(file, whole);
    const lines = await all({ signal: AbortSignal.abort() });
    expect(lines.map((line) => line.text.length)).toEqual([65_530, 20]);
  });

  it('cuts a line without end into pieces, between characters', async () => {
    await writeFile(file, `${'é'.repeat(500)}\nx\n`);
    const lines = await all({ signal: AbortSignal.abort(), maxLineBytes: 333 });
    expect(lines.map((line) => line.text).join('')).toBe(`${'é'.repeat(500)}x`);
    expect(lines[0]).toMatchObject({ from: 0, to: 332, complete: false });
    expect(lines.at(-1)).toEqual({ text: 'x', from: 1001, to: 1003, complete: true });
  });

  it('starts where it is told', async () => {
    await writeFile(file, 'one\ntwo\n');
    const lines = await all({ signal: AbortSignal.abort(), from: 4 });
    expect(lines).toEqual([{ text: 'two', from: 4, to: 8, complete: true }]);
  });

  it('waits for a file that is not there, until told to stop', async () => {
    const stop = new AbortController();
    const reading = all({ signal: stop.signal });
    stop.abort();
    expect(await reading).toEqual([]);
  });

  it('ends when the file is truncated', async () => {
    await writeFile(file, 'one\ntwo\n');
    const lines = followLines(file, { signal: new AbortController().signal, pollMs: 1 });
    await lines.next();
    await lines.next();
    await writeFile(file, '');
    expect(await lines.next()).toEqual({ done: true, value: undefined });
  });
});
