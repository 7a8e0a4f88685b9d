// The log of a bisection in its folder: a line of JSON per step, on disk before anything follows from it.
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Step } from '../core/bisect/step.ts';
import { FailureError } from '../core/failure.ts';
import { diskFull, hasCode } from '../util/files.ts';

export const bisectLogName = 'bisect.ndjson';

/** Where steps are kept: opened with the first, so that what is refused before leaves nothing. */
export interface StepLog {
  append(step: Step): void;
  close(): void;
}

export function openStepLog(dir: string): StepLog {
  let file: number | undefined;
  return {
    append(step) {
      try {
        mkdirSync(dir, { recursive: true });
        file ??= openSync(join(dir, bisectLogName), 'a');
        writeSync(file, `${JSON.stringify(step)}\n`);
        fsyncSync(file);
      } catch (error) {
        throw hasCode(error, 'ENOSPC', 'EDQUOT') ? diskFull(dir, error) : error;
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
    },
  };
}

/**
 * The steps in a file, up to a line that was cut off. With `mend` that line goes, so that others can follow.
 * Throws FailureError `usage/no-bisect-log`.
 */
export async function readSteps(path: string, { mend = false } = {}): Promise<Step[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FailureError(
      {
        blame: 'usage',
        code: 'no-bisect-log',
        title: `${path} cannot be read`,
        hint: `Give the folder of a bisection, or the ${bisectLogName} in it.`,
      },
      { cause },
    );
  });
  const steps: Step[] = [];
  let bytes = 0;
  for (const line of text.split(/(?<=\n)/)) {
    const step = line.endsWith('\n') ? asStep(line) : undefined;
    if (step === undefined) break;
    steps.push(step);
    bytes += Buffer.byteLength(line);
  }
  if (mend && bytes < Buffer.byteLength(text)) await truncate(path, bytes);
  return steps;
}

const types = ['begin', 'graph', 'walk', 'commit', 'image', 'observe', 'resume', 'revert'];

function asStep(line: string): Step | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
    return types.includes(String(value.type)) ? (value as Step) : undefined;
  } catch {
    return undefined;
  }
}
