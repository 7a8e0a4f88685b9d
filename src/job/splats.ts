// The kernel reports on a job's console, each tied to the tests that ran, and to the entry that allows it.
import { createReadStream } from 'node:fs';
import { type FoundSplat, newSplatReader } from '../console/splat.ts';
import { allowFor } from '../core/allow.ts';
import { type Mark, readMarks, testsAt } from '../core/console-marks.ts';
import type { Splat } from '../core/event.ts';
import { limits } from '../core/limits.ts';
import { allocatedDuring } from '../core/leak-time.ts';
import type { PlannedJob } from '../core/plan.ts';

/** Bytes of a console. */
export interface ConsoleRange {
  readonly from: number;
  readonly to: number;
}

/** Marks of tests that are kept, the latest of them; a console that is flooded with them has no more to say. */
const mostMarks = 100_000;
/** Longest line in which a mark is looked for, in bytes. */
const maxLine = 4096;
const maxText = 65_536;

/**
 * Reports from byte `from` of a console on, in order. What it said because we `asked` is no report. A file that is not
 * there has none; one of any size is read in pieces.
 */
export async function findSplats(
  path: string,
  from: number,
  plan: Pick<PlannedJob, 'suite'>,
  asked: readonly ConsoleRange[] = [],
): Promise<Splat[]> {
  const { found, marks } = await scan(path, from);
  return found
    .filter((splat) => !asked.some((range) => range.from <= splat.from && splat.from < range.to))
    .map((splat) => {
      const during =
        (splat.kind === 'LEAK' ? allocatedDuring(marks, splat.text, splat.from) : undefined) ??
        testsAt(marks, splat.from);
      const allow = allowFor(plan.suite, splat, during);
      return {
        title: splat.title,
        kind: splat.kind,
        from: splat.from,
        to: splat.to,
        text: splat.text.slice(0, maxText),
        during,
        ...(allow === undefined ? {} : { allowed: allow.reason }),
      };
    });
}

async function scan(
  path: string,
  from: number,
): Promise<{ found: FoundSplat[]; marks: readonly Mark[] }> {
  const found: FoundSplat[] = [];
  let bytes = 0;
  const marks: Mark[] = [];
  const reader = newSplatReader((splat) => {
    if (found.length >= limits.reportsPerJob) return;
    const text = bytes < limits.reportBytesPerJob ? splat.text : '';
    bytes += text.length;
    found.push({ ...splat, text, from: from + splat.from, to: from + splat.to });
  });
  let rest = '';
  let at = from;
  const look = (text: string, base: number): void => {
    for (const mark of readMarks(text)) marks.push({ ...mark, at: base + mark.at });
    if (marks.length > 2 * mostMarks) marks.splice(0, marks.length - mostMarks);
  };
  try {
    const stream = createReadStream(path, { start: from, highWaterMark: 2 ** 20 });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      reader.write(chunk);
      // An index into latin1 is a byte offset.
      const text = rest + chunk.toString('latin1');
      const base = at - rest.length;
      at += chunk.length;
      const whole = text.lastIndexOf('\n') + 1;
      look(text.slice(0, whole), base);
      rest = text.slice(whole);
      // Of a line without an end only the beginning can be a mark; what is dropped of it stays counted.
      if (rest.length > maxLine) {
        look(rest.slice(0, maxLine), at - rest.length);
        rest = '';
      }
    }
    look(rest, at - rest.length);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  reader.end();
  return { found: found.sort((one, other) => one.from - other.from), marks };
}
