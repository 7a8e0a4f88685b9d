// Every record in testdata, rendered: the diff of a golden file is reviewed like code (`npm run golden`).
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Event } from '../core/event.ts';
import { type RunResult, fold } from '../core/result.ts';
import { json } from './json.ts';
import { junit } from './junit.ts';
import { plain } from './plain.ts';
import { jobPoints, notGreen, runPoints } from './points.ts';
import { tap } from './tap.ts';

const folder = new URL('testdata/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.ndjson'))
  .map((name) => name.slice(0, -'.ndjson'.length));
const results = new Map(names.map((name) => [name, fold(read(name))]));
const hasXmllint = spawnSync('xmllint', ['--version']).error === undefined;
/** Everything a terminal acts on, but for the line break. */
// eslint-disable-next-line no-control-regex -- that is what it is for
const acting = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

test('there are records to render', () => {
  expect(names).toContain('all-pass');
  expect(names).toContain('hostile');
});

describe.each([...results])('%s', (name, result) => {
  test('plain', async () => {
    const text = plain(result, { color: false, width: 120 });
    await expect(text).toMatchFileSnapshot(`testdata/${name}.plain.txt`);
    expect(text).not.toMatch(acting);
    expect(text.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${result.status} `));
  });

  test('plain keeps to its width, but for what is to be pasted', () => {
    for (const width of [100, 120]) {
      const lines = plain(result, { color: false, width }).split('\n');
      const over = lines.filter((line) => line.length > width);
      expect(over.filter((line) => !/^ +(?:again: |\(.*console\.log|more in )/.test(line))).toEqual(
        [],
      );
    }
  });

  test('colour changes no word', () => {
    const colored = plain(result, { color: true, width: 120 });
    // eslint-disable-next-line no-control-regex -- the colours themselves
    const bare = colored.replaceAll(/\u001b\[\d+m/g, '');
    expect(bare).toBe(plain(result, { color: false, width: 120 }));
    expect(colored).not.toBe(bare);
  });

  test('tap', async () => {
    const text = tap(result);
    await expect(text).toMatchFileSnapshot(`testdata/${name}.tap`);
    expect(text).not.toMatch(acting);
  });

  test('tap says ok for nothing that is not PASS', () => {
    const points = readTap(tap(result));
    const all = [...runPoints(result), ...result.jobs.flatMap((job) => jobPoints(job))];
    expect(points.filter((point) => point.leaf && !point.ok)).toHaveLength(
      all.filter((point) => notGreen(point.status) && isLeaf(point.path, all)).length,
    );
    for (const job of result.jobs) {
      const line = points.find((p) => p.depth === 0 && p.name === `${job.suite} @ ${job.topology}`);
      expect(line).toMatchObject({ ok: !notGreen(job.status), skip: job.status === 'SKIP' });
    }
    const green = points.every((point) => point.depth > 0 || point.ok);
    expect(green).toBe(!notGreen(result.status));
  });

  test('junit', async () => {
    const text = junit(result);
    await expect(text).toMatchFileSnapshot(`testdata/${name}.junit.xml`);
    expect(text).not.toMatch(acting);
    const [head = ''] = /<testsuites [^>]*>/.exec(text) ?? [];
    const counted = (tag: string): number => text.split(`<${tag} `).length - 1;
    expect(head).toContain(` tests="${counted('testcase')}"`);
    expect(head).toContain(` failures="${counted('failure')}"`);
    expect(head).toContain(` errors="${counted('error')}"`);
    expect(head).toContain(` skipped="${counted('skipped')}"`);
    expect(counted('failure') + counted('error') === 0).toBe(!notGreen(result.status));
  });

  test('json', async () => {
    const text = json(result);
    await expect(text).toMatchFileSnapshot(`testdata/${name}.json`);
    expect(text).not.toMatch(acting);
    expect(JSON.parse(text)).toEqual(result);
    const again: RunResult = JSON.parse(text);
    expect(json(again)).toBe(text);
  });
});

test('a green run of every type is short', () => {
  const lines = plain(resultOf('all-pass'), { color: false, width: 100 }).split('\n');
  expect(lines.length).toBeLessThanOrEqual(40);
});

test('a suite of which nothing ran is named in the verdict', () => {
  const lines = plain(resultOf('suite-skipped'), { color: false, width: 100 })
    .trimEnd()
    .split('\n');
  expect(lines.at(-1)).toContain('NOTHING RAN in p2pdma');
});

test('the end of a failed run names what failed', () => {
  const lines = plain(resultOf('test-fails'), { color: false, width: 160 }).trimEnd().split('\n');
  expect(lines.at(-1)).toContain('fs-dax > truncate > waits for a pinned page');
});

test.skipIf(!hasXmllint)('xmllint takes the JUnit files as well-formed', () => {
  for (const [name, result] of results)
    expect(
      execFileSync('xmllint', ['--noout', '-'], { input: junit(result), encoding: 'utf8' }),
      name,
    ).toBe('');
});

function read(name: string): Event[] {
  const lines = readFileSync(new URL(`${name}.ndjson`, folder), 'utf8').split('\n');
  const events: Event[] = [];
  for (const line of lines) {
    if (line === '') continue;
    try {
      const event: Event = JSON.parse(line);
      events.push(event);
    } catch {
      break; // Cut off in the middle, as store/ reads it.
    }
  }
  return events;
}

function resultOf(name: string): RunResult {
  const result = results.get(name);
  if (result === undefined) throw new Error(`no record ${name}`);
  return result;
}

/** No other point lies below it: only then does it have a line of its own. */
const isLeaf = (path: readonly string[], all: readonly { path: readonly string[] }[]): boolean =>
  !all.some(
    (other) =>
      other.path.length > path.length && path.every((name, index) => other.path[index] === name),
  );

interface ReadPoint {
  readonly depth: number;
  readonly ok: boolean;
  readonly skip: boolean;
  readonly name: string;
  readonly leaf: boolean;
}

/** TAP 14 by its rules, of one level per four spaces: plans must be met, numbers must count, every line must be known. */
function readTap(text: string): ReadPoint[] {
  const lines = text.split('\n');
  expect(lines.shift()).toBe('TAP version 14');
  expect(lines.pop()).toBe('');
  const points: ReadPoint[] = [];
  const open: { plan: number; seen: number }[] = [];
  let yaml: string | undefined;
  let closed = false;
  for (const line of lines) {
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    const words = line.slice(indent);
    if (yaml !== undefined) {
      expect(line.startsWith(yaml), line).toBe(true);
      if (line === `${yaml}...`) yaml = undefined;
      continue;
    }
    if (words === '---') {
      yaml = ' '.repeat(indent);
      continue;
    }
    const depth = indent / 4;
    expect(Number.isInteger(depth), line).toBe(true);
    if (words.startsWith('#')) continue;
    const plan = /^1\.\.(\d+)( # SKIP .*)?$/.exec(words);
    if (plan !== null) {
      expect(depth, line).toBe(open.length);
      open.push({ plan: Number(plan[1]), seen: 0 });
      continue;
    }
    const point = /^(not )?ok (\d+) - ((?:[^#\\]|\\.)*?)( # (?:SKIP) ?((?:[^#\\]|\\.)*))?$/.exec(
      words,
    );
    expect(point, line).not.toBeNull();
    closed = open.length > depth + 1;
    if (closed) {
      expect(open.length, line).toBe(depth + 2);
      const inner = open.pop();
      expect(inner?.seen, line).toBe(inner?.plan);
    }
    const level = open.at(-1);
    if (level === undefined || point === null) continue;
    expect(Number(point[2]), line).toBe(++level.seen);
    const name = (point[3] ?? '').replaceAll(/\\(.)/g, '$1');
    expect(name, line).not.toMatch(/\{$/);
    points.push({
      depth,
      ok: point[1] === undefined,
      skip: point[4] !== undefined,
      name,
      leaf: !closed,
    });
  }
  expect(open.map((level) => level.seen)).toEqual(open.map((level) => level.plan));
  expect(open).toHaveLength(1);
  return points;
}
