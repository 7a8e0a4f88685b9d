import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diagnose, formatDiagnostic } from './diagnostics.ts';

const folder = join(import.meta.dirname, 'testdata');

/** Logs of real makes on trees that we broke: `ERROR: what is to be found`, a blank line, the log as it came. */
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith('.log'))
  .map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const end = text.indexOf('\n\n');
    const header = Object.fromEntries(
      text
        .slice(0, end)
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    return { name, error: header['ERROR'], log: text.slice(end + 2) };
  });

test('there are recordings', () => {
  expect(recorded.length).toBeGreaterThan(4);
});

test.each(recorded)('$name', ({ error, log }) => {
  const found = diagnose(log, '/src/linux').error;
  expect(found === undefined ? 'none' : formatDiagnostic(found)).toBe(error);
});

test.each(recorded)('$name, cut at every line, is read without a throw', ({ log }) => {
  const lines = log.split('\n');
  lines.forEach((_, at) => {
    const cut = diagnose(lines.slice(0, at).join('\n'), '/src/linux');
    expect(cut.warnings.length).toBeLessThanOrEqual(100);
  });
});

test('file, line and column stand by themselves', () => {
  const log = '/src/linux/mm/memremap.c:451:6: error: expected expression\n';
  expect(diagnose(log, '/src/linux').error).toEqual({
    file: 'mm/memremap.c',
    line: 451,
    column: 6,
    text: 'error: expected expression',
  });
});

test('warnings are kept apart, and of a flood the first hundred', () => {
  const warning = '../mm/hmm.c:12:3: warning: unused variable ‘x’ [-Wunused-variable]\n';
  const { error, warnings } = diagnose(warning.repeat(5000));
  expect(error).toBeUndefined();
  expect(warnings).toHaveLength(100);
  expect(warnings[0]).toMatchObject({ file: 'mm/hmm.c', line: 12 });
});

test('what nobody explains is at least what make said', () => {
  expect(
    diagnose('  CC      a.o\nmake[2]: *** [x:1: a.o] Error 1\nmake: *** [b] Error 2\n').error,
  ).toEqual({ text: 'make[2]: *** [x:1: a.o] Error 1' });
});

test('odd input: long lines, binary, nothing', () => {
  expect(diagnose('')).toEqual({ warnings: [] });
  expect(diagnose(`${'a:1:1: error: '.repeat(50_000)}\n`)).toEqual({ warnings: [] });
  expect(diagnose(`${':'.repeat(4000)}\n${'x '.repeat(2000)}\n\u0000\u0001`)).toEqual({
    warnings: [],
  });
});
