import { expect, test } from 'vitest';
import { preimages } from './other-base.ts';

const change = (path: string, from: string, to: string): string =>
  `diff --git a/${path} b/${path}\nindex ${from}..${to} 100644\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`;
const added = (path: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\nindex 0000000..1234567\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+b\n`;

test('files as they must be before the first patch that changes them', () => {
  const patches = [
    `${change('mm/a.c', 'aaaaaaa1', 'aaaaaaa2')}${added('mm/new.c')}`,
    `${change('mm/a.c', 'aaaaaaa2', 'aaaaaaa3')}${change('mm/b.c', 'bbbbbbb1', 'bbbbbbb2')}`,
    change('mm/new.c', '1234567', '7654321'),
  ];
  expect(preimages(patches.map((patch) => ({ patch })))).toEqual([
    { path: 'mm/a.c', blob: 'aaaaaaa1' },
    { path: 'mm/b.c', blob: 'bbbbbbb1' },
  ]);
});

test('diffs that name no blobs say nothing', () => {
  expect(preimages([{ patch: '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n' }])).toEqual([]);
  expect(preimages([])).toEqual([]);
});
