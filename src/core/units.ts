// Sizes and durations as people write them, and as the code wants them: bytes and milliseconds.
import { FailureError } from './failure.ts';

const sizeUnits: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const durationUnits: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `'512M'` → bytes; binary units as QEMU's -m takes them. Throws FailureError `bad-size`. */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)$/.exec(text);
  const bytes = Number(match?.[1]) * (sizeUnits[match?.[2] ?? '-'] ?? NaN);
  if (!Number.isSafeInteger(bytes))
    throw new FailureError({
      blame: 'usage',
      code: 'bad-size',
      title: `'${text}' is no size`,
      hint: 'Write a number with K, M, G or T, e.g. 512M.',
    });
  return bytes;
}

/** `'90s'` → milliseconds. Throws FailureError `bad-duration`. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unit = durationUnits[match?.[2] ?? '-'];
  if (match === null || unit === undefined)
    throw new FailureError({
      blame: 'usage',
      code: 'bad-duration',
      title: `'${text}' is no duration`,
      hint: 'Write a number with ms, s, m, h or d, e.g. 90s.',
    });
  return Number(match[1]) * unit;
}

/** Bytes for people: the largest binary unit with at most one decimal. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K'] as const) {
    const value = bytes / (sizeUnits[unit] ?? 1);
    if (value >= 1) return `${Number(value.toFixed(1))} ${unit}iB`;
  }
  return `${bytes} B`;
}

/** Milliseconds for people: `850 ms`, `12.3 s`, `4 min 10 s`. */
export function formatDuration(ms: number): string {
  // What rounds up to the next unit is written in it.
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
