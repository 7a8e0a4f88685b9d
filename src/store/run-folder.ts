// A run's folder: events.ndjson as the only record, everything else derived from it.
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event, EventBody } from '../core/event.ts';
import { FailureError } from '../core/failure.ts';

export interface Recorder {
  /** Stamps, stores and passes on. `line` events are passed on only. */
  emit(body: EventBody): void;
  close(): void;
}

/** Starts the record in `dir`, which must be empty or new. Throws FailureError `usage/run-exists`. */
export async function startRecord(dir: string, onEvent: (event: Event) => void): Promise<Recorder> {
  await mkdir(dir, { recursive: true });
  if ((await readdir(dir)).includes('events.ndjson'))
    throw new FailureError({
      blame: 'usage',
      code: 'run-exists',
      title: `${dir} already holds a run`,
      hint: 'Give another --out, or remove the folder.',
    });
  const file = openSync(join(dir, 'events.ndjson'), 'a');
  const start = performance.now();
  return {
    emit(body) {
      const event: Event = { at: Math.round(performance.now() - start), ...body };
      if (event.type !== 'line') appendFileSync(file, `${JSON.stringify(event)}\n`);
      onEvent(event);
    },
    close: () => closeSync(file),
  };
}

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
    try {
      events.push(JSON.parse(line) as Event);
    } catch {
      break; // The tool died while writing this line: what stands before it is still true.
    }
  }
  return events;
}

/** Writes a derived file whole or not at all. */
export async function writeDerived(dir: string, name: string, text: string): Promise<void> {
  const temporary = join(dir, `.${name}.part`);
  await writeFile(temporary, text);
  await rename(temporary, join(dir, name));
}

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
