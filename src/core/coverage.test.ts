import { expect, test } from 'vitest';
import { parseCoverage } from './coverage.ts';

test('a line per type, in any order of its values', () => {
  expect(
    parseCoverage(
      [
        'MEMORY_DEVICE_FS_DAX mappings=2 pages=262144 unmapped=1 failed=0',
        'MEMORY_DEVICE_PRIVATE unmapped=0 pages=512 mappings=1',
        'unknown:9 mappings=1 pages=8 unmapped=0 failed=0',
        '',
      ].join('\n'),
    ),
  ).toEqual({
    MEMORY_DEVICE_FS_DAX: { mappings: 2, pages: 262_144, unmapped: 1 },
    MEMORY_DEVICE_PRIVATE: { mappings: 1, pages: 512, unmapped: 0 },
    'unknown:9': { mappings: 1, pages: 8, unmapped: 0 },
  });
});

test('a value that is not there is 0, not a guess', () => {
  expect(parseCoverage('MEMORY_DEVICE_GENERIC failed=3\n')).toEqual({
    MEMORY_DEVICE_GENERIC: { mappings: 0, pages: 0, unmapped: 0 },
  });
});

test.each([
  '',
  'cat: /proc/pgmap_probe/coverage: No such file or directory',
  ' MEMORY_DEVICE_PRIVATE mappings=1',
  'memory_device_private mappings=1',
  '__proto__ mappings=1',
  'unknown: mappings=1',
  '\0\xff\ufffd',
])('%j proves nothing', (text) => {
  expect(parseCoverage(text)).toEqual({});
});

test('cut anywhere, it never shows more than the whole', () => {
  const text =
    'MEMORY_DEVICE_PRIVATE mappings=12 pages=345 unmapped=6\nMEMORY_DEVICE_COHERENT mappings=7 pages=89 unmapped=0\n';
  const whole = parseCoverage(text);
  for (let end = 0; end < text.length; end++)
    for (const [type, use] of Object.entries(parseCoverage(text.slice(0, end)))) {
      const full = whole[type];
      // A cut name is another one, and has no values.
      if (full === undefined) expect(use.mappings).toBe(0);
      else expect(use.mappings).toBeLessThanOrEqual(full.mappings);
    }
});
