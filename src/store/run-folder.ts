// A run's folder: events.ndjson as the only record, everything else derived from it.
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, EventBody } from '../core/event.ts';
import { asFailure, type Failure, FailureError } from '../core/failure.ts';
import { commandLine } from '../core/shell.ts';
import { diskFull, hasCode, writeAtomic } from '../util/files.ts';
import { lockOpenFile } from '../util/lock.ts';

export interface Recorder {
  /**
   * Stamps, stores and passes on; `line` events are passed on only. Never throws for a disk that is full: then
   * `onBroken` is told, once, and nothing is stored any more.
   */
  emit(body: EventBody): void;
  close(): void;
  /** Why the record has come to an end before the run. */
  broken(): Failure | undefined;
}

export interface Following {
  onEvent(event: Event): void;
  /** The record cannot be written: what is done from now on is for nothing. */
  onBroken(failure: Failure): void;
}

/**
 * Starts the record in `dir`, which must be empty or new. It is made with the first event: a run that is refused
 * before it begins leaves nothing. Nobody else can write it, see {@link continueRecord}.
 * Throws FailureError `usage/run-exists|out-not-empty|out-unusable`, the last one also from emit().
 */
export async function startRecord(dir: string, follow: Following): Promise<Recorder> {
  await mustBeFree(dir);
  return recorder(dir, 0, follow, () => openNew(dir));
}

/**
 * Goes on with the record of a run that was cut short, from its last whole event; what stands behind that is cut off
 * with the first new one. `events`: those that are there.
 * Throws FailureError `usage/no-run`, and `usage/run-running` if the process that writes it lives.
 */
export async function continueRecord(
  dir: string,
  follow: Following,
): Promise<{ readonly recorder: Recorder; readonly events: readonly Event[] }> {
  await readRecord(dir);
  const path = join(dir, 'events.ndjson');
  const file = openSync(path, 'a');
  if (!lockOpenFile(file)) {
    closeSync(file);
    throw new FailureError({
      blame: 'usage',
      code: 'run-running',
      title: `the run in ${dir} is still going on`,
      hint: 'Another pgmap works in it: wait for it, or stop it first.',
    });
  }
  // Read again: only now nobody writes any more.
  const { events, bytes } = parseRecord(readFileSync(path));
  let mended = false;
  const mend = (): number => {
    mended = true;
    ftruncateSync(file, bytes);
    // The last line may be whole but for its line feed.
    if (bytes > 0 && readFileSync(path).at(-1) !== lineFeed) appendFileSync(file, '\n');
    return file;
  };
  const last = events.reduce((max, event) => Math.max(max, event.at), 0);
  const held = recorder(dir, last, follow, mend);
  return {
    events,
    recorder: {
      ...held,
      close() {
        held.close();
        if (!mended) closeSync(file);
      },
    },
  };
}

/** Whether somebody writes the record in a folder. */
export function isRunning(dir: string): boolean {
  let file: number;
  try {
    file = openSync(join(dir, 'events.ndjson'), 'r');
  } catch {
    return false;
  }
  try {
    return !lockOpenFile(file);
  } finally {
    closeSync(file);
  }
}

function recorder(dir: string, from: number, follow: Following, open: () => number): Recorder {
  let file: number | undefined;
  let failure: Failure | undefined;
  const start = performance.now() - from;
  const store = (event: Event): void => {
    file ??= open();
    append(file, `${JSON.stringify(event)}\n`, dir);
    if (isMilestone(event)) fsyncSync(file);
  };
  return {
    emit(body) {
      const event: Event = { at: Math.round(performance.now() - start), ...body };
      if (event.type !== 'line' && failure === undefined)
        try {
          store(event);
        } catch (error) {
          if (file === undefined && !isFull(error)) throw error;
          failure = asFailure(error);
          follow.onBroken(failure);
        }
      follow.onEvent(event);
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
    broken: () => failure,
  };
}

/** What a power cut must not take. */
const isMilestone = (event: Event): boolean =>
  event.type === 'run-begin' ||
  event.type === 'run-end' ||
  (event.type === 'step-end' && event.step === 'teardown');

const isFull = (error: unknown): boolean =>
  error instanceof FailureError && error.failure.code === 'disk-full';

async function mustBeFree(dir: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw unusable(dir, error);
  }
  if (names.length === 0) return;
  const [code, title] = names.includes('events.ndjson')
    ? ['run-exists', `${dir} already holds a run`]
    : ['out-not-empty', `${dir} is not empty`];
  throw new FailureError({
    blame: 'usage',
    code,
    title,
    hint: 'Give another --out: a run needs a folder of its own.',
  });
}

function openNew(dir: string): number {
  try {
    mkdirSync(dir, { recursive: true });
    const file = openSync(join(dir, 'events.ndjson'), 'ax');
    lockOpenFile(file);
    return file;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw hasCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(dir, error) : unusable(dir, error);
  }
}

function append(file: number, text: string, dir: string): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error;
    const { failure } = diskFull(`the record of the run in ${dir}`, error);
    const hint = `Free some space, then go on with: npx pgmap run --resume ${commandLine([dir])}`;
    throw new FailureError({ ...failure, hint }, { cause: error });
  }
}

const unusable = (dir: string, cause: unknown): FailureError =>
  new FailureError(
    {
      blame: 'usage',
      code: 'out-unusable',
      title: `cannot make the run folder ${dir}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'Give an --out that is a new folder where you may write.',
    },
    { cause },
  );

/** The events of a record; a last line that was cut off is left out. Throws FailureError `usage/no-run`. */
export async function readRecord(dir: string): Promise<Event[]> {
  let content: Buffer;
  try {
    content = await readFile(join(dir, 'events.ndjson'));
  } catch (cause) {
    const bisection = (await readdir(dir).catch((): string[] => [])).includes('bisect.ndjson');
    throw new FailureError(
      {
        blame: 'usage',
        code: 'no-run',
        title: `${dir} is no run folder: it has no events.ndjson`,
        hint: bisection
          ? 'It is that of a bisection, see `pgmap bisect --help`.'
          : '`pgmap list runs` shows the runs there are.',
      },
      { cause },
    );
  }
  return parseRecord(content).events;
}

const lineFeed = 10;

/** `bytes`: how far the events reach. */
function parseRecord(content: Buffer): { events: Event[]; bytes: number } {
  const events: Event[] = [];
  let bytes = 0;
  while (bytes < content.length) {
    const feed = content.indexOf(lineFeed, bytes);
    const end = feed < 0 ? content.length : feed;
    const event = end === bytes ? undefined : asEvent(content.toString('utf8', bytes, end));
    // The tool died while writing this line: what stands before it is still true.
    if (event === undefined && end > bytes) break;
    if (event !== undefined) events.push(event);
    bytes = Math.min(end + 1, content.length);
  }
  return { events, bytes };
}

function asEvent(line: string): Event | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { at, type } = value as { at?: unknown; type?: unknown };
  return typeof at === 'number' && typeof type === 'string' ? (value as Event) : undefined;
}

/** Writes a derived file whole or not at all. Throws FailureError `lab/disk-full`. */
export const writeDerived = (dir: string, name: string, text: string): Promise<void> =>
  writeAtomic(join(dir, name), text);

/** Run folders below `root`, newest first. */
export async function listRuns(
  root: string,
): Promise<{ id: string; dir: string; mtimeMs: number }[]> {
  const names = await readdir(root).catch(() => []);
  const runs = [];
  for (const id of names) {
    const dir = join(root, id);
    const info = await stat(join(dir, 'events.ndjson')).catch(() => undefined);
    if (info !== undefined) runs.push({ id, dir, mtimeMs: info.mtimeMs });
  }
  return runs.sort((a, b) => b.mtimeMs - a.mtimeMs);
}
