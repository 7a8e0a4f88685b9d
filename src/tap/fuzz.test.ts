// Every recorded stream, damaged: cut, mixed with a kernel log, bits turned over. Nothing throws, and what is not PASS never becomes
// it. PGMAP_FUZZ is how many times as much is tried; fuzz.int.test.ts tries more.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { TestPoint } from '../core/event.ts';
import { below, flipped, linesOf, seeded, withLines } from '../testing/mutate.ts';
import { parseTap, type TapEnd } from './parse.ts';

const rounds = Number(process.env['PGMAP_FUZZ'] ?? 1);

const read = (url: URL): Buffer => readFileSync(url);
const folder = new URL('testdata/', import.meta.url);
const streams = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => {
    const bytes = read(new URL(name, folder));
    const head = bytes.indexOf('\n\n');
    const status = /^STATUS: (\w+)$/m.exec(bytes.toString('utf8', 0, head))?.[1];
    return { name, status, body: bytes.subarray(head + 2) };
  });
const bad = streams.filter(({ status }) => status !== 'PASS');

const consoles = new URL('../console/testdata/', import.meta.url);
const kernelLog = readdirSync(consoles)
  .filter((name) => name.endsWith('.txt'))
  .flatMap((name) => linesOf(read(new URL(name, consoles))))
  // Some hold what a test printed among it.
  .filter((line) => !/^(?:not )?ok \d/.test(line.toString('latin1')));

function parse(body: Buffer): TapEnd {
  const points: TestPoint[] = [];
  const reader = parseTap((point) => points.push(point));
  reader.write(body);
  const end = reader.end();
  expect(end.points).toBe(points.length);
  for (const { path, diagnostics } of points)
    for (const text of [...path, ...diagnostics])
      expect(text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f]/);
  // PASS is never made of anything else.
  if (end.status === 'PASS')
    expect(points.every(({ status }) => status === 'PASS' || status === 'SKIP')).toBe(true);
  return end;
}

const shown = (body: Buffer, what: string): string => `${what}:\n${body.toString('latin1')}`;

test('there are streams of all kinds', () => {
  expect(new Set(streams.map(({ status }) => status))).toEqual(
    new Set(['PASS', 'FAIL', 'ERROR', 'SKIP']),
  );
  expect(bad.length).toBeGreaterThan(20);
  expect(kernelLog.length).toBeGreaterThan(500);
});

test('lines of a kernel log in between do not make it better', () => {
  for (let round = 0; round < 4 * rounds; round++)
    for (const [at, { name, body }] of bad.entries()) {
      const random = seeded(1000 * round + at);
      const mixed = withLines(body, kernelLog, 1 + below(8, random), random);
      expect(parse(mixed).status, shown(mixed, `${name}, round ${round}`)).not.toBe('PASS');
    }
});

test('cut at every line, with and without a kernel log in between', () => {
  for (const [at, { name, body }] of streams.entries()) {
    const lines = linesOf(body);
    const random = seeded(at);
    for (let count = 0; count < lines.length; count++) {
      const cut = Buffer.concat(lines.slice(0, count));
      const mixed = withLines(cut, kernelLog, 3 * rounds, random);
      const [alone, among] = [parse(cut).status, parse(mixed).status];
      // What a prefix comes to, a kernel log does not make better.
      if (alone !== 'PASS')
        expect(among, shown(mixed, `${name}, cut at ${count}`)).not.toBe('PASS');
    }
  }
});

/** Bytes outside of lines that say what a stream comes to: results, plans, versions, and what nests them. */
function harmless(body: Buffer): number[] {
  const places: number[] = [];
  let from = 0;
  for (const line of linesOf(body)) {
    const chatter =
      !/^[\s#]*(?:not ok|ok|\d|K?TAP|Bail|Subtest|Totals|selftests|---|\.\.\.|.*pass:)|K?TAP version/i.test(
        line.toString('latin1'),
      );
    if (chatter) for (let at = from; at < from + line.length - 1; at++) places.push(at);
    from += line.length;
  }
  return places;
}

test('bits turned over in what is no result do not make it better', () => {
  for (let round = 0; round < 4 * rounds; round++)
    for (const [at, { name, body }] of bad.entries()) {
      const places = harmless(body);
      const random = seeded(77_000 + 1000 * round + at);
      const damaged = flipped(body, 1 + below(4, random), random, places);
      // A line of chatter may have become a line of TAP, which is for the test below.
      expect(parse(damaged).status, shown(damaged, `${name}, round ${round}`)).not.toBe('PASS');
    }
});

test('bits turned over anywhere: a failure that still stands there is not passed over', () => {
  for (let round = 0; round < 8 * rounds; round++)
    for (const [at, { name, status, body }] of streams.entries()) {
      const random = seeded(5_000_000 + 1000 * round + at);
      const damaged = flipped(body, 1 + below(3, random), random);
      const end = parse(damaged);
      if (status !== 'FAIL' || end.status !== 'PASS') continue;
      const failures =
        /^(?:# |  )*not ok \d+(?!.*#\s*(?:[Ss][Kk][Ii][Pp]|[Tt][Oo][Dd][Oo]|[Xx][Ff][Aa][Ii][Ll]))/m;
      expect(damaged.toString('latin1'), shown(damaged, `${name}, round ${round}`)).not.toMatch(
        failures,
      );
    }
});

test('noise of any kind: nothing throws', () => {
  for (let round = 0; round < 20 * rounds; round++) {
    const random = seeded(9_000_000 + round);
    const words = [
      'ok',
      'not ok',
      '1..',
      ' ',
      '#',
      '  ',
      '\n',
      '\r',
      '# ',
      '---\n',
      'TAP version 13\n',
      '# Subtest: x\n',
      'Bail out!\n',
      '\u001b[2J',
      '\xff',
      '{',
      '99999999999',
      'pass:1',
    ];
    const parts = Array.from({ length: 200 }, () =>
      random() < 0.8 ? (words[below(words.length, random)] ?? '') : String(below(50, random)),
    );
    parse(Buffer.from(parts.join(''), 'latin1'));
  }
});
