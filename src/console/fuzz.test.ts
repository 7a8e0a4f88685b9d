// Every recorded console, damaged: cut, mixed with lines of others, bits turned over. Nothing throws, and what is reported is in the
// log. PGMAP_FUZZ is how many times as much is tried.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { below, flipped, linesOf, seeded, withLines } from '../testing/mutate.ts';
import { scanSplats } from './splat.ts';

const rounds = Number(process.env['PGMAP_FUZZ'] ?? 1);

const folder = new URL('testdata/', import.meta.url);
const logs = readdirSync(folder).map((name) => ({
  name,
  body: readFileSync(new URL(name, folder)),
}));
const lines = logs.flatMap(({ body }) => linesOf(body));

function scan(log: Buffer): void {
  let before = 0;
  for (const { title, from, to, text } of scanSplats(log)) {
    expect(from).toBeGreaterThanOrEqual(before);
    expect(to).toBeGreaterThan(from);
    expect(to).toBeLessThanOrEqual(log.length);
    expect(title.trim()).not.toBe('');
    expect(title.length).toBeLessThan(1000);
    expect(text.length).toBeLessThanOrEqual(65_537);
    before = from;
  }
}

test('there are logs', () => {
  expect(logs.length).toBeGreaterThan(40);
});

test('cut, mixed and with bits turned over', () => {
  for (let round = 0; round < rounds; round++)
    for (const [at, { body }] of logs.entries()) {
      const random = seeded(1000 * round + at);
      // Lists hold many reports: a part of them each time.
      const start = body.length > 20_000 ? below(body.length - 20_000, random) : 0;
      const part = body.subarray(start, start + 20_000);
      const cut = part.subarray(0, below(part.length + 1, random));
      scan(cut);
      const mixed = withLines(cut, lines, 10, random);
      scan(mixed);
      scan(flipped(mixed, 1 + below(30, random), random));
    }
});

test('a console may be anything', () => {
  for (let round = 0; round < 5 * rounds; round++) {
    const random = seeded(500_000 + round);
    scan(Buffer.from(Array.from({ length: 4096 }, () => below(256, random))));
    const chosen = Array.from(
      { length: 100 },
      () => lines[below(lines.length, random)] ?? Buffer.alloc(0),
    );
    scan(Buffer.concat(chosen));
  }
});
