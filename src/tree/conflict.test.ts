import { expect, test } from 'vitest';
import { findHunk, firstConflict } from './conflict.ts';

test.each([
  [
    'a hunk that does not fit',
    'Checking patch mm/memremap.c...\nerror: patch failed: mm/memremap.c:451\nerror: mm/memremap.c: patch does not apply\n',
    { file: 'mm/memremap.c', line: 451, reason: 'patch does not apply' },
  ],
  [
    'the second of two hunks, in another file',
    'error: patch failed: mm/a.c:3\nerror: mm/a.c: patch does not apply\nerror: patch failed: mm/b.c:9\nerror: mm/b.c: patch does not apply\n',
    { file: 'mm/a.c', line: 3, reason: 'patch does not apply' },
  ],
  [
    'a file that is not there',
    'error: drivers/dax/fsdev.c: does not exist in index\n',
    { file: 'drivers/dax/fsdev.c', reason: 'does not exist in index' },
  ],
  [
    'a file that is there already',
    'error: mm/new file.c: already exists in index\n',
    { file: 'mm/new file.c', reason: 'already exists in index' },
  ],
  [
    'a three-way merge that fails',
    'error: patch failed: mm/hmm.c:12\nerror: mm/hmm.c: patch does not apply\nFalling back\n'.replace(
      /error: mm\/hmm.c.*\n/,
      '',
    ) + 'CONFLICT (content): Merge conflict in mm/hmm.c\n',
    { file: 'mm/hmm.c', line: 12, reason: 'content conflict' },
  ],
  [
    'a merge with a deleted file',
    'CONFLICT (modify/delete): mm/gone.c deleted in HEAD and modified in x.\n',
    { file: 'mm/gone.c', reason: 'modify/delete conflict' },
  ],
  ['something else', 'error: corrupt patch at line 11\n', undefined],
  ['nothing', '', undefined],
])('%s', (_, messages, conflict) => {
  expect(firstConflict(messages)).toEqual(conflict);
});

const patch = `diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -3,2 +3,2 @@ int a(void)
-x
+y
@@ -40,2 +40,2 @@ int aa(void)
-x
+y
diff --git a/mm/b.c b/mm/b.c
--- a/mm/b.c
+++ b/mm/b.c
@@ -40 +40 @@ int b(void)
-x
+y
`;

test('a hunk is numbered within its file', () => {
  expect(findHunk(patch, 'mm/a.c', 40)).toEqual({
    number: 2,
    header: '@@ -40,2 +40,2 @@ int aa(void)',
  });
  expect(findHunk(patch, 'mm/b.c', 40)?.number).toBe(1);
  expect(findHunk(patch, 'mm/b.c', 41)).toBeUndefined();
  expect(findHunk(patch, 'mm/c.c', 40)).toBeUndefined();
});
