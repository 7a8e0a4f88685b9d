import { expect, test } from 'vitest';
import { changedFunctions } from './touched.ts';

/** A `git diff -U0` of one file; each hunk has the function that git names, and changed lines. */
const patch = (...hunks: [context: string, ...lines: string[]][]): string =>
  [
    'diff --git a/mm/x.c b/mm/x.c',
    'index 1..2 100644',
    '--- a/mm/x.c',
    '+++ b/mm/x.c',
    ...hunks.flatMap(([context, ...lines]) => {
      const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
      return [`@@ -10,${count('-')} +10,${count('+')} @@ ${context}`, ...lines];
    }),
    '',
  ].join('\n');

test.each<[string, string, string[] | undefined]>([
  ['the body of a function', patch(['int foo(int a)', '-\ta();', '+\tb();']), ['foo']],
  [
    'two of them',
    patch(['static inline struct page *foo(int a,', '-\ta();'], ['void bar(void)', '+\tb();']),
    ['bar', 'foo'],
  ],
  [
    'a new function, after another',
    patch(['int foo(int a)', '+', '+static void bar(struct page *page)', '+{', '+\tx();', '+}']),
    ['bar', 'foo'],
  ],
  ['a signature', patch(['int before(void)', '-int foo(int a)', '+int foo(long a)']), ['foo']],
  ['a name on a line of its own', patch(['foo(int a,', '-\ta();']), ['foo']],
  ['a label', patch(['int foo(int a)', '-out:', '+out_free:']), ['foo']],
  [
    'a line that looks like a file name',
    patch(['int foo(int a)', '--- a/y.c', '+++ b/y.c']),
    ['foo'],
  ],
  ['a structure', patch(['struct dev_pagemap {', '+\tint more;']), undefined],
  [
    'a structure of functions',
    patch(['static const struct x ops = {', '-\t.a = foo(),']),
    undefined,
  ],
  ['a macro', patch(['int foo(int a)', '-#define X 1', '+#define X 2']), undefined],
  ['an include', patch(['', '+#include <linux/mm.h>']), undefined],
  ['a condition of the preprocessor', patch(['int foo(int a)', '+#ifdef CONFIG_X']), undefined],
  ['a variable', patch(['int foo(int a)', '-static int x;', '+static long x;']), undefined],
  ['a declaration', patch(['int foo(int a)', '+int bar(void);']), undefined],
  ['an assignment of a call', patch(['int foo(int a)', '+static int x = bar(1);']), undefined],
  ['something before the first function', patch(['', '+\tx']), undefined],
  [
    'a function, and a structure elsewhere in the file',
    patch(['int foo(int a)', '-\ta();'], ['struct y {', '+\tint b;']),
    undefined,
  ],
])('%s', (_, text, wanted) => {
  expect(changedFunctions(text).get('mm/x.c')).toEqual(wanted);
});

test('a file that is new is all of its functions', () => {
  const text = [
    ...['diff --git a/mm/n.c b/mm/n.c', 'new file mode 100644', '--- /dev/null', '+++ b/mm/n.c'],
    ...['@@ -0,0 +1,4 @@', '+int foo(void)', '+{', '+}', '+#include "x.h"'],
  ].join('\n');
  expect(changedFunctions(text).size).toBe(0);
});

test('garbage is nobody’s function', () => {
  for (const text of ['', '@@', '@@ -1 +1 @@ int foo(int a)\n-x', '+++ b/\n+\n', '-'.repeat(1e5)])
    expect(changedFunctions(text).size).toBe(0);
});
