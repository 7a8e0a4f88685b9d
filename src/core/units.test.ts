import { expect, test } from 'vitest';
import { FailureError } from './failure.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

const codeOf = (action: () => unknown): string => {
  try {
    return String(action());
  } catch (error) {
    if (error instanceof FailureError) return `${error.failure.blame}/${error.failure.code}`;
    throw error;
  }
};

test.each([
  ['0', 0],
  ['4096', 4096],
  ['128K', 131_072],
  ['512M', 536_870_912],
  ['3G', 3_221_225_472],
  ['2T', 2_199_023_255_552],
])('%s is %i bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  '',
  'M',
  '1.5G',
  '-1M',
  '512m',
  '512MB',
  ' 512M',
  '512M\n',
  '0x10',
  '9999999999999999T',
])('%j is no size', (text) => {
  expect(codeOf(() => parseSize(text))).toBe('usage/bad-size');
});

test.each([
  ['0s', 0],
  ['850ms', 850],
  ['90s', 90_000],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['14d', 1_209_600_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '90', 's', '1h30m', '-1s', '1e3s', ' 1s', '1 s', '.5s'])(
  '%j is no duration',
  (text) => {
    expect(codeOf(() => parseDuration(text))).toBe('usage/bad-duration');
  },
);

test('a complaint names what was written', () => {
  expect(() => parseSize('12Q')).toThrow("'12Q'");
  expect(() => parseDuration('soon')).toThrow("'soon'");
});

test('sizes for people are right to a twentieth of their unit', () => {
  const units: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  for (let bytes = 1; bytes < 2 ** 39; bytes = Math.ceil(bytes * 1.37)) {
    const [number = '', unit = ''] = formatSize(bytes).split(' ');
    const size = units[unit] ?? NaN;
    expect(Math.abs(Number(number) * size - bytes), formatSize(bytes)).toBeLessThanOrEqual(
      size / 20,
    );
  }
  expect(formatSize(3 * 2 ** 40)).toBe('3 TiB');
  expect(formatSize(0)).toBe('0 B');
});

test.each([
  [0, '0 ms'],
  [850.4, '850 ms'],
  [999.6, '1.0 s'],
  [12_345, '12.3 s'],
  [59_990, '1 min 0 s'],
  [250_400, '4 min 10 s'],
  [119_700, '2 min 0 s'],
])('%f ms are %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
