import { existsSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event, EventBody } from '../core/event.ts';
import { fold } from '../core/result.ts';
import {
  continueRecord,
  type Following,
  isRunning,
  listRuns,
  readRecord,
  startRecord,
  writeDerived,
} from './run-folder.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-store-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const bodies: EventBody[] = [
  { type: 'note', text: 'ünï → "quoted"\nsecond line\u2028' },
  { type: 'step-begin', step: 'build' },
  { type: 'line', source: 'make', text: '  CC      mm/memremap.o' },
  { type: 'step-end', step: 'build', status: 'PASS' },
  { type: 'run-end', status: 'PASS' },
];
/** Lets nothing pass that must not happen. */
const following = (onEvent: (event: Event) => void = () => undefined): Following => ({
  onEvent,
  onBroken(failure) {
    throw new Error(failure.title);
  },
});
const stored = bodies.filter((body) => body.type !== 'line');

async function record(into: string): Promise<Event[]> {
  const seen: Event[] = [];
  const recorder = await startRecord(
    into,
    following((event) => seen.push(event)),
  );
  for (const body of bodies) recorder.emit(body);
  recorder.close();
  return seen;
}

const withoutTime = (events: readonly Event[]): unknown[] =>
  events.map(({ at: _at, ...body }) => body);

test('what is emitted is seen at once, and read again; lines are seen only', async () => {
  const run = join(dir, 'deep/run');
  const seen = await record(run);
  expect(withoutTime(seen)).toEqual(bodies);
  const events = await readRecord(run);
  expect(withoutTime(events)).toEqual(stored);
  expect(events.map((event) => event.at)).toEqual(
    events.map((event) => event.at).toSorted((a, b) => a - b),
  );
  expect((await readFile(join(run, 'events.ndjson'), 'utf8')).trimEnd().split('\n')).toHaveLength(
    stored.length,
  );
});

test('an event is on disk before anybody sees it', async () => {
  const run = join(dir, 'run');
  const recorder = await startRecord(
    run,
    following((event) => {
      if (event.type === 'note') throw new Error('a view broke');
    }),
  );
  expect(() => recorder.emit({ type: 'note', text: 'x' })).toThrow('a view broke');
  expect(withoutTime(await readRecord(run))).toEqual([{ type: 'note', text: 'x' }]);
  recorder.close();
});

test('nothing is made before the first event', async () => {
  const run = join(dir, 'run');
  const recorder = await startRecord(run, following());
  expect(existsSync(run)).toBe(false);
  recorder.close();
  expect(existsSync(run)).toBe(false);
});

test('a record cut at any byte keeps every whole event before the cut, and is MISS', async () => {
  const run = join(dir, 'run');
  await record(run);
  const file = join(run, 'events.ndjson');
  const whole = await readFile(file);
  const lineEnds = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at);
  for (let end = 0; end < whole.length - 1; end++) {
    await writeFile(file, whole.subarray(0, end));
    const events = await readRecord(run);
    // A line whose line feed alone is missing is whole.
    const complete = lineEnds.filter((at) => at <= end).length;
    expect(withoutTime(events), String(end)).toEqual(stored.slice(0, complete));
    expect(fold(events).status, String(end)).toBe('MISS');
  }
});

test('of a damaged record, what stands before the damage counts', async () => {
  const run = join(dir, 'run');
  await record(run);
  await appendFile(
    join(run, 'events.ndjson'),
    '{"at":1,"type":\n{"at":2,"type":"note","text":"late"}\n',
  );
  expect(withoutTime(await readRecord(run))).toEqual(stored);
});

test('lines that are JSON but no events are damage too', async () => {
  for (const line of [
    '7',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"type":"note"}',
    '{"at":"1","type":"note"}',
  ]) {
    await writeFile(join(dir, 'events.ndjson'), `${line}\n`);
    expect(await readRecord(dir), line).toEqual([]);
  }
});

test('a folder that holds a run is left alone', async () => {
  const run = join(dir, 'run');
  await record(run);
  const before = await readFile(join(run, 'events.ndjson'), 'utf8');
  await expect(startRecord(run, following())).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'run-exists' },
  });
  expect(await readFile(join(run, 'events.ndjson'), 'utf8')).toBe(before);
});

test('a folder that holds other things is left alone, an empty one is taken', async () => {
  await mkdir(join(dir, 'home'));
  await writeFile(join(dir, 'home/letter'), 'dear');
  await expect(startRecord(join(dir, 'home'), following())).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'out-not-empty' },
  });
  await mkdir(join(dir, 'empty'));
  await record(join(dir, 'empty'));
  expect(await readRecord(join(dir, 'empty'))).toHaveLength(stored.length);
});

test('a file in the place of the folder is the command line’s fault', async () => {
  await writeFile(join(dir, 'file'), 'x');
  for (const out of ['file', 'file/run'])
    await expect(startRecord(join(dir, out), following()), out).rejects.toMatchObject({
      failure: { blame: 'usage', code: 'out-unusable' },
    });
});

test.each(['nothing', 'empty'])('%s is no run', async (name) => {
  await mkdir(join(dir, 'empty'));
  await expect(readRecord(join(dir, name))).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'no-run' },
  });
});

test('a derived file is there whole, and nothing else', async () => {
  await writeDerived(dir, 'results.json', 'old');
  await writeDerived(dir, 'results.json', 'new');
  expect(await readdir(dir)).toEqual(['results.json']);
  expect(await readFile(join(dir, 'results.json'), 'utf8')).toBe('new');
});

test('runs are listed newest first; what is no run is left out', async () => {
  for (const [id, seconds] of [
    ['b', 300],
    ['a', 100],
    ['c', 200],
  ] as const) {
    await record(join(dir, id));
    await utimes(join(dir, id, 'events.ndjson'), seconds, seconds);
  }
  await mkdir(join(dir, 'no-run'));
  await writeFile(join(dir, 'file'), '');
  const runs = await listRuns(dir);
  expect(runs.map(({ id }) => id)).toEqual(['b', 'c', 'a']);
  expect(runs[0]?.dir).toBe(join(dir, 'b'));
  expect(await listRuns(join(dir, 'nowhere'))).toEqual([]);
});

test('a record that was cut goes on behind its last whole event, and time with it', async () => {
  const run = join(dir, 'run');
  await record(run);
  const file = join(run, 'events.ndjson');
  const whole = await readFile(file);
  for (const torn of ['', '{"at":7,"type":"no', '\0\0\0\0', '{"at":3}\n{"at":9,"type":"note"}\n']) {
    await writeFile(file, Buffer.concat([whole, Buffer.from(torn)]));
    const { recorder, events } = await continueRecord(run, following());
    expect(withoutTime(events), torn).toEqual(stored);
    recorder.emit({ type: 'resume', startedAt: 'later' });
    recorder.close();
    const after = await readRecord(run);
    expect(withoutTime(after), torn).toEqual([...stored, { type: 'resume', startedAt: 'later' }]);
    expect(after.at(-1)?.at, torn).toBeGreaterThanOrEqual(after.at(-2)?.at ?? 0);
    expect((await readFile(file, 'utf8')).endsWith('"later"}\n')).toBe(true);
  }
});

test('a last line that lacks nothing but its line feed is kept whole', async () => {
  const run = join(dir, 'run');
  await record(run);
  const file = join(run, 'events.ndjson');
  await writeFile(file, (await readFile(file)).subarray(0, -1));
  const { recorder } = await continueRecord(run, following());
  recorder.emit({ type: 'note', text: 'next' });
  recorder.close();
  expect(withoutTime(await readRecord(run))).toEqual([...stored, { type: 'note', text: 'next' }]);
});

test('what is only looked at stays as it is', async () => {
  const run = join(dir, 'run');
  await record(run);
  const file = join(run, 'events.ndjson');
  await appendFile(file, '{"at":7,"type":"no');
  const before = await readFile(file, 'utf8');
  const { recorder } = await continueRecord(run, following());
  recorder.close();
  expect(await readFile(file, 'utf8')).toBe(before);
});

test('two cannot write one record', async () => {
  const run = join(dir, 'run');
  const first = await startRecord(run, following());
  first.emit({ type: 'note', text: 'x' });
  expect(isRunning(run)).toBe(true);
  await expect(continueRecord(run, following())).rejects.toMatchObject({
    failure: { blame: 'usage', code: 'run-running' },
  });
  first.close();
  expect(isRunning(run)).toBe(false);
  const { recorder } = await continueRecord(run, following());
  expect(isRunning(run)).toBe(true);
  recorder.close();
  expect(isRunning(run)).toBe(false);
  expect(isRunning(join(dir, 'nothing'))).toBe(false);
});
