// What a build says, damaged: nobody throws over it.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { flipped, linesOf, seeded, withLines } from '../testing/mutate.ts';
import { diagnose, formatDiagnostic } from './diagnostics.ts';
import { kconfigEntries, lossReason, parseConfig } from './kconfig.ts';
import { objectLines, parseWarnings, readWarnings } from './warnings.ts';

const rounds = Number(process.env['PGMAP_FUZZ'] ?? 1);
const folder = new URL('testdata/', import.meta.url);
const logs = readdirSync(folder).map((name) => readFileSync(new URL(name, folder)));
const lines = logs.flatMap(linesOf);

test('there are logs', () => {
  expect(logs.length).toBeGreaterThan(5);
});

test('cut, mixed and with bits turned over', () => {
  for (let round = 0; round < 10 * rounds; round++)
    for (const [at, log] of logs.entries()) {
      const random = seeded(100 * round + at);
      const text = flipped(withLines(log, lines, 5, random), 20, random).toString('utf8');
      const { error } = diagnose(text, '/src');
      if (error !== undefined) expect(formatDiagnostic(error)).not.toBe('');
      const warnings = readWarnings('/src');
      const objects = objectLines();
      for (const line of text.split('\n')) {
        warnings.line(line);
        objects.line(line);
      }
      expect(warnings.objects().size).toBeLessThanOrEqual(text.split('\n').length);
      parseWarnings(text);
      const symbols = parseConfig(text);
      lossReason('y', symbols, 'X', kconfigEntries(text, 'X'));
    }
});
