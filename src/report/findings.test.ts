import { expect, test } from 'vitest';
import { findings } from './findings.ts';

test('a word per finding, and how to mend it below', () => {
  expect(
    findings(
      [
        { ok: true, needed: true, what: 'QEMU 7.2.22' },
        { ok: false, needed: true, what: 'no gcc', mend: 'apt install gcc' },
        { ok: false, needed: false, what: 'no ccache', mend: 'apt install ccache' },
        { ok: false, needed: false, what: 'little space' },
      ],
      { color: false },
    ),
  ).toBe(
    [
      'PASS  QEMU 7.2.22',
      'FAIL  no gcc',
      '      apt install gcc',
      'WARN  no ccache',
      '      apt install ccache',
      'WARN  little space',
      '',
    ].join('\n'),
  );
});

test('nothing to say is nothing said', () => {
  expect(findings([], { color: true })).toBe('');
});

test('colour is decoration only', () => {
  const list = [{ ok: false, needed: true, what: 'a\x1b[31mb', mend: 'c\nd' }];
  const bare = findings(list, { color: false });
  expect(bare).not.toContain('\x1b');
  expect(bare.trimEnd().split('\n')).toHaveLength(2);
  expect(findings(list, { color: true }).replaceAll(/\x1b\[\d+m/g, '')).toBe(bare);
});
