import { expect, test } from 'vitest';
import type { Failure } from '../core/failure.ts';
import { complaint } from './complaint.ts';

const failure: Failure = { blame: 'lab', code: 'qemu-missing', title: 'no QEMU here' };

test('what failed, its code, the lines that matter, what to do', () => {
  expect(
    complaint(
      { ...failure, detail: '$ qemu -version\n\nnot found\n', artifact: 'qemu.log', hint: 'apt' },
      { color: false },
    ),
  ).toBe(
    [
      'pgmap: no QEMU here [lab/qemu-missing]',
      '    $ qemu -version',
      '    not found',
      '  see: qemu.log',
      'hint: apt',
      '',
    ].join('\n'),
  );
});

test('a bare failure is one line', () => {
  expect(complaint(failure, { color: false })).toBe('pgmap: no QEMU here [lab/qemu-missing]\n');
});

test('it fits on a screen, however much there is to say', () => {
  const detail = Array.from({ length: 5000 }, (_, at) => `line ${at}`).join('\n');
  const lines = complaint({ ...failure, detail, hint: 'h' }, { color: false }).split('\n');
  expect(lines.length).toBeLessThan(40);
  expect(lines).toContain('hint: h');
});

test('colour is decoration only, and what others wrote brings none of its own', () => {
  const hostile: Failure = {
    ...failure,
    title: 'a\x1b[2Jb',
    detail: 'c\x1b]0;title\x07',
    hint: '\rpgmap: PASS',
    artifact: 'x\ny',
  };
  const bare = complaint(hostile, { color: false });
  expect(bare).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
  const colored = complaint(hostile, { color: true });
  expect(colored).not.toBe(bare);
  expect(colored.replaceAll(/\x1b\[\d+m/g, '')).toBe(bare);
});
