// A run's folder: events.ndjson as the only record, everything else derived from it.
import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, EventBody } from '../core/event.ts';
import { FailureError } from '../core/failure.ts';
import { diskFull, hasCode, writeAtomic } from '../util/files.ts';

export interface Recorder {
  /** Stamps, stores and passes on. `line` events are passed on only. Throws FailureError `lab/disk-full`. */
  emit(body: EventBody): void;
  close(): void;
}

/**
 * Starts the record in `dir`, which must be empty or new. It is made with the first event: a run that is refused
 * before it begins leaves nothing. Throws FailureError `usage/run-exists|out-not-empty|out-unusable`.
 */
export async function startRecord(dir: string, onEvent: (event: Event) => void): Promise<Recorder> {
  await mustBeFree(dir);
  let file: number | undefined;
  const start = performance.now();
  return {
    emit(body) {
      const event: Event = { at: Math.round(performance.now() - start), ...body };
      if (event.type !== 'line') {
        file ??= open(dir);
        append(file, `${JSON.stringify(event)}\n`, dir);
      }
      onEvent(event);
    },
    close() {
      if (file !== undefined) closeSync(file);
    },
  };
}

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

function open(dir: string): number {
  try {
    mkdirSync(dir, { recursive: true });
    return openSync(join(dir, 'events.ndjson'), 'ax');
  } catch (error) {
    throw hasCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(dir, error) : unusable(dir, error);
  }
}

function append(file: number, text: string, dir: string): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    throw hasCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(dir, error) : error;
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
  let text: string;
  try {
    text = await readFile(join(dir, 'events.ndjson'), 'utf8');
  } catch (cause) {
    throw new FailureError(
      {
        blame: 'usage',
        code: 'no-run',
        title: `${dir} is no run folder: it has no events.ndjson`,
        hint: '`pgmap list runs` shows the runs there are.',
      },
      { cause },
    );
  }
  const events: Event[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const event = asEvent(line);
    // The tool died while writing this line: what stands before it is still true.
    if (event === undefined) break;
    events.push(event);
  }
  return events;
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
