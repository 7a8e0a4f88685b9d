import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { cpio } from './cpio.ts';

test('cpio(1) lists what went in, with the folders above it', () => {
  const archive = cpio([
    { path: '/bin/sh', kind: 'symlink', target: 'busybox' },
    { path: 'lib/x/tap.sh', kind: 'file', mode: 0o644, data: Buffer.from('abc') },
  ]);
  const listing = spawnSync('cpio', ['-tv', '--quiet'], {
    input: archive,
    encoding: 'utf8',
  }).stdout;
  const rows = listing
    .trim()
    .split('\n')
    .map((row) => row.split(/\s+/))
    .map((words) => [words[0], words[4], words.slice(8).join(' ')]);
  expect(rows).toEqual([
    ['drwxr-xr-x', '0', 'bin'],
    ['lrwxrwxrwx', '7', 'bin/sh -> busybox'],
    ['drwxr-xr-x', '0', 'lib'],
    ['drwxr-xr-x', '0', 'lib/x'],
    ['-rw-r--r--', '3', 'lib/x/tap.sh'],
  ]);
});

test('equal entries in another order give equal bytes, and layers stay aligned', () => {
  const a = { path: 'a', kind: 'file', mode: 0o600, data: Buffer.from('1') } as const;
  const b = { path: 'b', kind: 'directory' } as const;
  expect(cpio([a, b]).equals(cpio([b, a]))).toBe(true);
  expect(cpio([a, b]).length % 512).toBe(0);
});
