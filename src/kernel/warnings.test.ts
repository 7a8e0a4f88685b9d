import { expect, test } from 'vitest';
import {
  compareWarnings,
  learn,
  parseWarnings,
  readWarnings,
  warningName,
  type Warnings,
} from './warnings.ts';

test.each([
  [
    "/src/mm/memremap.c:12:6: warning: unused variable 'i' [-Wunused-variable]",
    "mm/memremap.c: unused variable 'i' [-Wunused-variable]",
  ],
  [
    "../src/mm/memremap.c:99: warning: unused variable 'i' [-Wunused-variable]",
    "src/mm/memremap.c: unused variable 'i' [-Wunused-variable]",
  ],
  [
    'mm/memremap.o: warning: objtool: memremap_pages+0x1f: unreachable instruction',
    'mm/memremap.o: objtool: memremap_pages+0x…: unreachable instruction',
  ],
  [
    'WARNING: modpost: vmlinux: section mismatch in reference: a+0x8 -> b',
    'modpost: vmlinux: section mismatch in reference: a+0x… -> b',
  ],
  ['mm/memremap.c:12:6: error: x undeclared', undefined],
  ['mm/memremap.c:12:6: note: in expansion of macro', undefined],
  ['  CC      mm/memremap.o', undefined],
  ['make[1]: warning: jobserver unavailable', 'make[1]: jobserver unavailable'],
  [`${'x'.repeat(5000)}:1:1: warning: y`, undefined],
])('%.80s', (line, name) => {
  expect(warningName(line, '/src')).toBe(name);
});

const make = (text: string): Map<string, readonly string[]> => {
  const reader = readWarnings('/src');
  for (const line of text.split('\n').filter((one) => one !== '')) reader.line(line);
  return reader.objects();
};

test('warnings belong to the object whose step line stands above them', () => {
  const made = make(`
make[1]: Entering directory '/o'
  CC      mm/a.o
  CC [M]  drivers/b.o
In file included from /src/drivers/b.c:3:
/src/include/h.h:7:1: warning: w1
/src/drivers/b.c:9:1: warning: w2
    9 | int x;
  CC      mm/c.o
/src/mm/c.c:1:1: warning: w3
/src/mm/c.c:2:2: error: broken
make[3]: *** [/src/scripts/Makefile.build:234: mm/c.o] Error 1
make[2]: *** [/src/scripts/Makefile.build:471: mm] Error 2
  AR      mm/built-in.a`);
  expect(Object.fromEntries(made)).toEqual({
    make: [],
    'mm/a.o': [],
    'drivers/b.o': ['include/h.h: w1', 'drivers/b.c: w2'],
    'mm/built-in.a': [],
  });
});

test('many warnings of one object are cut, and garbage is read', () => {
  const lines = Array.from({ length: 5000 }, (_, at) => `/src/a.c:${at}:1: warning: w${at}`);
  expect(make(['  CC      a.o', ...lines].join('\n')).get('a.o')).toHaveLength(200);
  expect([...make('\0\u0001\n  \n  CC\n:::: warning: \n*** [').keys()]).toEqual(['make']);
});

const known = (objects: Warnings['objects'], complete = true): Warnings => ({ complete, objects });

test.each([
  ['nothing', known({ a: ['x'] }), known({ a: ['x'] }), [], [], []],
  ['a new one', known({ a: [] }), known({ a: ['x'] }), ['x'], [], []],
  ['one mended', known({ a: ['x', 'y'] }), known({ a: ['y'] }), [], ['x'], []],
  ['a second of the same name', known({ a: ['x'] }), known({ a: ['x', 'x'] }), ['x'], [], []],
  ['a new file', known({}), known({ a: ['x'] }), ['x'], [], []],
  ['a header, in one object more', known({ a: ['h'] }), known({ a: ['h'], b: ['h'] }), [], [], []],
  [
    'a header, gone from one of two',
    known({ a: ['h'], b: ['h'] }),
    known({ a: [], b: ['h'] }),
    [],
    [],
    [],
  ],
  ['a file that nobody listened to', known({}, false), known({ a: ['x'] }), [], [], ['x']],
  ['one that somebody did', known({ a: [] }, false), known({ a: ['x'] }), ['x'], [], []],
])('%s', (_, before, after, added, fixed, unknown) => {
  expect(compareWarnings(before, after)).toEqual({ added, fixed, unknown });
});

test('what is made anew replaces what was known, and the rest stays', () => {
  const before = known({ a: ['x'], b: ['y'] });
  expect(learn(before, new Map([['a', []]]))).toEqual(known({ a: [], b: ['y'] }));
});

test.each([
  undefined,
  '',
  'null',
  '[]',
  '{"objects":3}',
  '{"objects":{"a":[1]}}',
  '{"complete":true}',
])('what cannot be read is as if nobody had listened: %s', (text) => {
  expect(parseWarnings(text)).toEqual({ complete: false, objects: {} });
});

test('what was written is read', () => {
  const warnings = known({ a: ['x'] });
  expect(parseWarnings(JSON.stringify(warnings))).toEqual(warnings);
});
