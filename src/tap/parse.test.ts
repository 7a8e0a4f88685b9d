import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TestPoint } from '../core/event.ts';
import { parseTap, type TapEnd } from './parse.ts';

const folder = new URL('testdata/', import.meta.url);

interface Fixture {
  readonly heads: readonly string[];
  readonly body: Buffer;
}

/** Headers `KEY: value`, a blank line, raw bytes. Keys: STATUS, POINT (all, in order), PROBLEM, DIAG, SKIPALL, WHOLE. */
function fixture(name: string): Fixture {
  const bytes = readFileSync(new URL(name, folder));
  const end = bytes.indexOf('\n\n');
  return { heads: bytes.toString('utf8', 0, end).split('\n'), body: bytes.subarray(end + 2) };
}

function values({ heads }: Fixture, key: string): string[] {
  return heads.filter((one) => one.startsWith(`${key}: `)).map((one) => one.slice(key.length + 2));
}

function read(body: Buffer | string, chunk = 65_536): { points: TestPoint[]; end: TapEnd } {
  const points: TestPoint[] = [];
  const reader = parseTap((point) => points.push(point));
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += chunk) reader.write(bytes.subarray(at, at + chunk));
  return { points, end: reader.end() };
}

const shown = (point: TestPoint): string => `${point.status} ${point.path.join(' > ')}`;

const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

it.each([
  ['TAP version 13\n1..0 # SKIP no device\nok 1 a\nnot ok 2 b\n', 'FAIL b'],
  ['KTAP version 1\n1..0\nnot ok 1 b\n', 'FAIL b'],
  [
    'KTAP version 1\n1..1\n  KTAP version 1\n  1..0 # SKIP no\n  not ok 1 b\nok 1 a\n',
    'FAIL a > b',
  ],
])('results behind a plan of no tests are not lost: %j', (text, point) => {
  const { points, end } = read(text);
  expect(points.map(shown)).toContain(point);
  expect(end.status).toBe('FAIL');
});

describe('recorded and synthetic streams', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThan(30);
  });

  it.each(names)('%s', (name) => {
    const one = fixture(name);
    const { points, end } = read(one.body);
    expect([end.status, end.problems]).toEqual([values(one, 'STATUS')[0], expect.anything()]);
    const wanted = values(one, 'POINT');
    if (wanted.length > 0) expect(points.map(shown)).toEqual(wanted);
    expect(end.points).toBe(points.length);
    const said = end.problems.join('\n');
    for (const problem of values(one, 'PROBLEM')) expect(said).toContain(problem);
    if (values(one, 'PROBLEM').length === 0 && end.status === 'PASS') expect(said).toBe('');
    const diagnostics = points.flatMap((point) => point.diagnostics);
    for (const text of values(one, 'DIAG')) expect(diagnostics).toContain(text);
    expect(end.plan?.skipAll).toBe(values(one, 'SKIPALL')[0]);
  });

  it.each(names)('%s reads the same byte by byte', (name) => {
    const { body } = fixture(name);
    expect(read(body, 1)).toEqual(read(body));
  });

  it.each(names)('%s, cut at every byte, neither throws nor passes', (name) => {
    const { body } = fixture(name);
    const whole = read(body);
    // A stream of streams is whole at each border; WHOLE is the number of points at the first one.
    const least = Number(
      values(fixture(name), 'WHOLE')[0] ??
        whole.points.filter((point) => point.status !== 'MISS').length,
    );
    for (let at = 0; at < body.length; at++) {
      const { points, end } = read(body.subarray(0, at));
      if (end.status !== 'PASS') continue;
      // Green only if nothing that the whole stream holds is missing, up to the name of the very last point.
      expect(points.length, `cut at ${at}`).toBeGreaterThanOrEqual(least);
      expect(points.every((point) => point.status === 'PASS' || point.status === 'SKIP')).toBe(
        true,
      );
    }
  });
});

describe('parseTap', () => {
  it('hands a point out when its line ends, and a failing one with the comments before it', () => {
    const points: TestPoint[] = [];
    const reader = parseTap((point) => points.push(point));
    reader.write('TAP version 13\n1..3\nok 1 first\n');
    expect(points.map(shown)).toEqual(['PASS first']);
    reader.write('# why\nnot ok 2 second\n# of the next\n');
    expect(points[1]).toEqual({ path: ['second'], status: 'FAIL', diagnostics: ['why'] });
    reader.write('ok 3 third\n');
    expect(points[2]?.diagnostics).toEqual([]);
    expect(reader.end().status).toBe('FAIL');
  });

  it('keeps the last lines of long diagnostics', () => {
    const noise = Array.from({ length: 100 }, (_, i) => `# line ${i}`).join('\n');
    const { points } = read(`1..1\n${noise}\nnot ok 1 x\n`);
    expect(points[0]?.diagnostics).toHaveLength(40);
    expect(points[0]?.diagnostics.at(-1)).toBe('line 99');
    const wide = `# ${'w'.repeat(3000)}\n`.repeat(5);
    const sizes = read(`1..1\n${wide}not ok 1 x\n`).points[0]?.diagnostics ?? [];
    expect(sizes.join('').length).toBeLessThanOrEqual(4097);
  });

  it('gives directive and reason', () => {
    const { points } = read('1..2\nok 1 a # SKIP no device\nnot ok 2 b # XFAIL known bug\n');
    expect(points[0]?.directive).toEqual({ name: 'SKIP', reason: 'no device' });
    expect(points[1]?.directive).toEqual({ name: 'XFAIL', reason: 'known bug' });
  });

  it('cuts over-long lines and says so', () => {
    const { end, points } = read(`1..1\n${'x'.repeat(5_000_000)}\nok 1 a\n`);
    expect(points.map(shown)).toEqual(['PASS a']);
    expect(end.status).toBe('ERROR');
    expect(end.problems.join()).toContain('64 KiB');
  });

  it('stops at the limit of points', () => {
    let count = 0;
    const reader = parseTap(() => count++, { maxPoints: 1000 });
    reader.write('1..5000\n');
    for (let i = 1; i <= 5000; i++) reader.write(`ok ${i} t\n`);
    const end = reader.end();
    expect(count).toBe(1000);
    expect(end.status).toBe('ERROR');
    expect(end.problems.join()).toContain('more than 1000 test points');
  });

  it('does not enumerate a plan of billions', () => {
    const { points, end } = read('1..4000000000\nok 1 a\n');
    expect(points.length).toBeLessThan(1100);
    expect(points.at(-1)?.path[0]).toContain('more (never reported)');
    expect(end.status).toBe('ERROR');
  });

  it('survives nesting without end', () => {
    let text = '';
    for (let depth = 0; depth < 200; depth++) text += `${'  '.repeat(depth)}ok 1 a\n`;
    for (let depth = 0; depth < 200; depth++) text += `${'# '.repeat(depth)}not ok 1 a\n`;
    expect(read(text).end.status).toBe('FAIL');
  });

  it('survives numbers without order', () => {
    let text = '1..100000\n';
    for (let i = 1; i < 30_000; i++) text += `ok ${(i * 7919) % 99_991} t\n`;
    expect(read(text).end.status).toBe('ERROR');
  });
});
