// Whatever a guest calls its tests and prints: no report is broken by it, none grows without bounds, and no line is forged.
import { expect, test } from 'vitest';
import type { Event, TestPoint } from '../core/event.ts';
import { limits } from '../core/limits.ts';
import { fold } from '../core/result.ts';
import { parseTap } from '../tap/parse.ts';
import { json } from './json.ts';
import { junit } from './junit.ts';
import { live } from './live.ts';
import { plain } from './plain.ts';
import { tap } from './tap.ts';

const evil = [
  '\u001b[2J\u001b[1;1HPASS',
  '\u001b]0;title\u0007',
  '\u009b31m',
  '\r\nPASS  all tests passed',
  '\u0000\u0008\u007f',
  ']]><script>alert(1)</script><![CDATA[',
  '"><failure message="x"/>',
  '&amp;&lt;&#27;',
  '\ud800',
  '\ufffe\uffff',
  '\u202egnp.exe\u2066',
  '../../../../etc/passwd',
  '/etc/cron.d/x',
  'x\nok 2 - forged\n1..2',
  '# SKIP nothing to see',
  'name # TODO',
  'brace {',
  'devdax > every page of a 4 KiB aligned device is its own',
  '__proto__',
  'constructor',
  '',
  ' ',
  'w'.repeat(100_000),
  '\u6f22'.repeat(100_000),
  '\u0300'.repeat(10_000),
];

const points = evil.flatMap((name): TestPoint[] => [
  { path: ['s', 'one', name], status: 'FAIL', diagnostics: [name, name] },
  { path: ['s', 'one', name, name], status: 'PASS', diagnostics: [] },
  {
    ...{ path: ['s', 'one', `${name} skipped`], status: 'SKIP', diagnostics: [] },
    directive: { name: 'SKIP', reason: name },
  },
]);

function record(of: readonly TestPoint[]): Event[] {
  const job = 's@t';
  const jobs = [
    { id: job, topology: 't', suite: 's', tests: ['one'], types: [], reproduce: 'pgmap run' },
  ];
  const run = { id: 'r', startedAt: '2026-01-02T00:00:00Z', argv: [], version: '1', jobs };
  const host = { cpus: 1, memoryBytes: 1, accel: 'tcg' };
  return [
    { at: 0, type: 'run-begin', run: { ...run, host, subject: 'linux' } },
    { at: 0, type: 'step-begin', job, step: 'suite' },
    ...of.map((point): Event => ({ at: 1, type: 'test', job, point })),
    ...evil.map((title): Event => {
      const splat = {
        title,
        kind: title,
        from: 0,
        to: 1,
        text: `${title}\n`.repeat(3),
        during: [title],
      };
      return { at: 1, type: 'splat', job, splat };
    }),
    { at: 2, type: 'step-end', job, step: 'suite', status: 'PASS' },
    { at: 3, type: 'run-end', status: 'PASS' },
  ];
}

const result = fold(record(points));
/** Everything a terminal acts on, but for the line break. */
// eslint-disable-next-line no-control-regex -- that is what it is for
const acting = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

test('plain: no control, no forged verdict, nothing endless', () => {
  const text = plain(result, { color: false, width: 100 });
  expect(text).not.toMatch(acting);
  expect(text).not.toMatch(/^PASS\b/m);
  expect(text.trimEnd().split('\n').at(-1)).toMatch(/^FAIL /);
  expect(text.length).toBeLessThan(200_000);
});

test('junit: what it says is all escaped', () => {
  const text = junit(result);
  expect(text).not.toMatch(acting);
  expect(text).not.toMatch(/<script|<!\[|]]>/);
  // Nothing but our own elements, each attribute in its quotes.
  const tag = /<\/?[a-z-]+(?: [a-z]+="[^"<]*")*\/?>|<\?xml[^<>]*\?>/g;
  expect(text.replaceAll(tag, '')).not.toMatch(/[<>]/);
  expect(text.match(/<failure /g)?.length).toBe(text.match(/<\/failure>/g)?.length);
});

test('tap: reads back as what it is', () => {
  const text = tap(result);
  expect(text).not.toMatch(acting);
  const read: TestPoint[] = [];
  const reader = parseTap((point) => read.push(point));
  reader.write(text);
  expect(reader.end().status).toBe('FAIL');
  expect(read.filter(({ status }) => status === 'FAIL').length).toBeGreaterThanOrEqual(
    evil.length - 2,
  );
});

test('json: the same value, and nothing that acts', () => {
  const text = json(result);
  expect(text).not.toMatch(acting);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(result)));
});

test('live: lines of ours, whatever the terminal', () => {
  for (const isTerminal of [true, false]) {
    let text = '';
    const view = live({
      ...{ isTerminal, color: false, columns: () => 80 },
      write: (more) => void (text += more),
      clock: { now: () => 0, every: () => () => undefined },
    });
    for (const event of record(points)) view.on(event);
    void view.close?.();
    // Its own: rewriting its line, hiding the cursor.
    // eslint-disable-next-line no-control-regex -- those
    const bare = text.replaceAll(/\u001b\[(?:\d*[ABKGJ]|\?\d+[hl])|\r/g, '');
    expect(bare).not.toMatch(acting);
    expect(text.length).toBeLessThan(500_000);
  }
});

test('as many results as a test may have make a report in no time', () => {
  const many = Array.from({ length: limits.results.test }, (_, at): TestPoint => ({
    ...{ path: ['s', 'one', `case ${at}`], status: 'FAIL', diagnostics: ['why'] },
  }));
  const all = fold(record(many));
  expect(plain(all, { color: false, width: 100 }).length).toBeLessThan(200_000);
  expect(junit(all).match(/<testcase /g)?.length).toBeGreaterThanOrEqual(limits.results.test);
});
