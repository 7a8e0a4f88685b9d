import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { newSplatReader, newSplatScanner, scanSplats, type FoundSplat } from './splat.ts';

const folder = new URL('testdata/', import.meta.url);

interface Fixture {
  readonly name: string;
  readonly titles: readonly string[];
  readonly alts: readonly string[];
  readonly kind: string | undefined;
  readonly log: Buffer;
}

/** Headers `KEY: value`, a blank line, raw bytes. TITLE once per report, in order; ALT of the first. */
function fixtures(): Fixture[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => {
      const bytes = readFileSync(new URL(name, folder));
      const end = bytes[0] === 10 ? 0 : bytes.indexOf('\n\n');
      const heads = bytes.toString('utf8', 0, end).split('\n');
      const values = (key: string): string[] =>
        heads.filter((one) => one.startsWith(`${key}: `)).map((one) => one.slice(key.length + 2));
      return {
        name,
        titles: values('TITLE'),
        alts: values('ALT'),
        kind: values('KIND')[0],
        log: bytes.subarray(end === 0 ? 2 : end + 2),
      };
    });
}

describe('recorded and synthetic logs', () => {
  it('are there', () => {
    expect(fixtures().length).toBeGreaterThan(30);
  });

  it.each(fixtures().map((one) => [one.name, one] as const))('%s', (_name, fixture) => {
    const found = scanSplats(fixture.log);
    expect(found.map((splat) => splat.title)).toEqual(fixture.titles);
    for (const alt of fixture.alts) expect(found[0]?.altTitles).toContain(alt);
    if (fixture.kind !== undefined) expect(found[0]?.kind).toBe(fixture.kind);
    for (const splat of found) {
      expect(splat.to).toBeGreaterThan(splat.from);
      expect(splat.to).toBeLessThanOrEqual(fixture.log.length);
      const slice = fixture.log.toString('utf8', splat.from, splat.to);
      // The text is the slice without what others printed in between.
      const lines = slice.split(/\r?\n/);
      for (const line of splat.text.trimEnd().split('\n'))
        expect(lines.some((one) => one.endsWith(line))).toBe(true);
    }
  });

  it.each(fixtures().map((one) => [one.name, one] as const))(
    '%s, cut at every line',
    (_n, fixture) => {
      for (let at = 0; at !== -1 && at < fixture.log.length; at = fixture.log.indexOf(10, at + 1)) {
        const found = scanSplats(fixture.log.subarray(0, at));
        expect(found.length).toBeLessThanOrEqual(fixture.titles.length);
        for (const splat of found) expect(splat.to).toBeLessThanOrEqual(at);
      }
    },
  );
});

describe('scanSplats', () => {
  it('finds nothing in nothing', () => {
    expect(scanSplats('')).toEqual([]);
  });

  it('takes a string for its UTF-8 bytes', () => {
    const before = 'früh\n';
    const log = `${before}[    1.000000] Kernel panic - not syncing: No working init found.\n`;
    expect(scanSplats(log)[0]?.from).toBe(Buffer.byteLength(before));
  });

  it('gives offsets at line borders that cover the whole report', () => {
    const { log } = fixtures().find((one) => one.name === 'warning-6.12.txt') ?? {
      log: Buffer.alloc(0),
    };
    const [splat] = scanSplats(log);
    const text = log.toString('utf8', splat?.from, splat?.to);
    expect(text).toMatch(/^\[ +\d+\.\d+\] -+\[ cut here \]-+\n/);
    expect(text).toMatch(/---\[ end trace 0000000000000000 \]---\n$/);
    expect(splat?.text).toBe(text);
  });

  it('gives equal titles for the same fault at other addresses, times and pids', () => {
    const log =
      fixtures()
        .find((one) => one.name === 'kasan-uaf.txt')
        ?.log.toString() ?? '';
    const other = log
      .replaceAll('ffff888104', 'ffff8881ab')
      .replaceAll('/93', '/4711')
      .replaceAll('T93', 'T4711')
      .replaceAll(/\[ +12\./g, '[  977.')
      .replaceAll('+0x5b/0x90', '+0x67/0xa0');
    expect(scanSplats(other).map((one) => one.title)).toEqual(
      scanSplats(log).map((one) => one.title),
    );
  });

  it('takes the words of an oops that nothing follows for words', () => {
    const said = '[    1.000000] kernel BUG at mm/pgmap.c:7!\n';
    const more = Array.from({ length: 80 }, (_, i) => `[    2.000000] pgmap: line ${i}\n`).join('');
    expect(scanSplats(said + more)).toEqual([]);
    // Unless the log is cut before one could know.
    expect(scanSplats(said)).toHaveLength(1);
    const oops = '[    1.000000] invalid opcode: 0000 [#1] SMP\n[    1.000000] Call Trace:\n';
    expect(scanSplats(said + oops + more)).toHaveLength(1);
  });

  it('tells two reports of two CPUs apart by who prints', () => {
    const report = (caller: string, name: string): string[] =>
      [
        'kernel BUG at mm/pgmap.c:7!',
        'invalid opcode: 0000 [#1] SMP',
        `RIP: 0010:${name}+0x1/0x20`,
        'Call Trace:',
        ` ${name}_caller+0x1/0x20`,
        '---[ end trace 0000000000000000 ]---',
      ].map((text) => `[    1.000000][${caller}] ${text}\n`);
    const one = report('  T77', 'pgmap_one');
    const two = report('   C1', 'pgmap_two');
    const log = one.map((line, at) => line + (two[at] ?? '')).join('');
    const found = scanSplats(log);
    expect(found.map((splat) => splat.title)).toEqual([
      'kernel BUG in pgmap_one',
      'kernel BUG in pgmap_two',
    ]);
    expect(found.map((splat) => splat.text)).toEqual([one.join(''), two.join('')]);
  });

  it('stays quick and calm on garbage', () => {
    const noise = Buffer.alloc(2_000_000, 'BUG: WARNING: [    1.0000001] -> 0x\x00\xff\x1b');
    expect(scanSplats(noise)).toEqual([]);
    const lines = Buffer.from('BUG: KASAN: a in b\n'.repeat(20_000));
    expect(scanSplats(lines).length).toBeGreaterThan(0);
    const deep = Buffer.from(`[    1.000000] ${'[    1.000000] '.repeat(5000)}\n`);
    expect(scanSplats(deep)).toEqual([]);
  });
});

describe('newSplatReader', () => {
  const logs = fixtures().map((one) => [one.name, one.log] as const);

  it.each(logs)('%s in pieces of any size is the same', (_name, log) => {
    for (const size of [1, 7, 4096]) {
      const found: FoundSplat[] = [];
      const reader = newSplatReader((splat) => found.push(splat));
      for (let at = 0; at < log.length; at += size) reader.write(log.subarray(at, at + size));
      reader.end();
      expect(found.sort((one, other) => one.from - other.from)).toEqual(scanSplats(log));
    }
  });

  it('knows where a report stands behind a line that never seemed to end', () => {
    const flood = Buffer.alloc(3_000_000, 'x');
    const log = Buffer.from('\n[    1.000000] kernel BUG at mm/x.c:1!\n');
    const found: FoundSplat[] = [];
    const reader = newSplatReader((splat) => found.push(splat));
    reader.write(flood);
    reader.write(log);
    reader.end();
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      [flood.length + 1, flood.length + log.length],
    ]);
  });

  it('keeps little of a flood of reports', () => {
    const found: FoundSplat[] = [];
    const reader = newSplatReader((splat) => found.push(splat));
    for (let at = 0; at < 200; at++)
      reader.write(
        Buffer.from(`[    1.000000] Kernel panic - not syncing: ${'a'.repeat(at)}\n`.repeat(100)),
      );
    reader.end();
    expect(found).toHaveLength(1);
    expect(found[0]?.altTitles.length).toBeLessThan(10);
    expect(found[0]?.text.length).toBeLessThan(70_000);
  });
});

describe('newSplatScanner', () => {
  it('reports while the log is still being written', () => {
    const found: FoundSplat[] = [];
    const scanner = newSplatScanner((splat) => found.push(splat));
    const lines = [
      '[    1.000000] Kernel panic - not syncing: x',
      '[    1.100000] ---[ end Kernel panic',
    ];
    let at = 0;
    for (const line of [
      ...lines,
      ...Array.from({ length: 100 }, (_, i) => `[    2.000000] line ${i}`),
    ]) {
      scanner.line(line, at, at + line.length + 1);
      at += line.length + 1;
    }
    expect(found.map((one) => one.title)).toEqual(['panic: x']);
    scanner.end();
    expect(found).toHaveLength(1);
  });
});

it('the same report in two boots of one console is two reports', () => {
  const boot = '[    0.000000] Linux version 6.12.0\n[    2.000000] kernel BUG at mm/x.c:1!\n';
  const found = scanSplats(boot + boot);
  expect(found.map(({ from }) => from)).toEqual([
    boot.indexOf('[    2'),
    boot.length + boot.indexOf('[    2'),
  ]);
});
