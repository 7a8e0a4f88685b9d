import { expect, test } from 'vitest';
import { splitLines } from './lines.ts';

function feed(chunks: readonly (string | Uint8Array)[], limit?: number): string[] {
  const lines: string[] = [];
  const splitter = splitLines((line) => lines.push(line), limit);
  for (const chunk of chunks) splitter.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  splitter.end();
  return lines;
}

test('lines come out whole however the bytes are cut', () => {
  const bytes = Buffer.from('first\nzwölf\r\n\nlast');
  for (let at = 0; at <= bytes.length; at++)
    expect(feed([bytes.subarray(0, at), bytes.subarray(at)])).toEqual([
      'first',
      'zwölf',
      '',
      'last',
    ]);
});

test('an unfinished last line is not lost, and an empty one not invented', () => {
  expect(feed(['a\nb'])).toEqual(['a', 'b']);
  expect(feed(['a\n'])).toEqual(['a']);
  expect(feed([])).toEqual([]);
});

test('a line without end keeps its beginning and no more', () => {
  expect(feed(['x'.repeat(50), 'y'.repeat(50), '\nnext\n'], 60)).toEqual([
    'x'.repeat(50) + 'y'.repeat(10),
    'next',
  ]);
});

test('bytes that are no text are replaced, not thrown at', () => {
  expect(feed([Uint8Array.of(0x61, 0xff, 0xfe, 0x0a)])).toEqual(['a\ufffd\ufffd']);
});
