import { expect, test } from 'vitest';
import { hostShortage } from './shortage.ts';

// As gcc 12, binutils 2.40, make 4.3 and git 2.39 print them.
test.each([
  ['disk-full', 'mm/x.c:1: fatal error: error writing to /tmp/ccXYZ.s: No space left on device'],
  [
    'disk-full',
    "{standard input}: Error: can't write 12 bytes to mm/x.o: 'No space left on device'",
  ],
  ['disk-full', 'fatal: unable to write loose object file: Disk quota exceeded'],
  ['host-memory', 'gcc: fatal error: Killed signal terminated program cc1'],
  ['host-memory', 'cc1: out of memory allocating 65536 bytes after a total of 1232896 bytes'],
  ['host-memory', 'virtual memory exhausted: Cannot allocate memory'],
  ['host-memory', 'ld: final link failed: memory exhausted'],
  ['host-memory', 'make: fork: Resource temporarily unavailable'],
  ['host-memory', 'fatal: Out of memory, malloc failed (tried to allocate 5 bytes)'],
])('%s: %s', (code, said) => {
  const text = `make[1]: Entering directory\n${said}\nmake: *** [Makefile:1: all] Error 2\n`;
  expect(hostShortage(text, 'building')?.failure).toMatchObject({ blame: 'lab', code });
});

test.each([
  '',
  "mm/memremap.c:12:2: error: expected ';' before 'return'",
  'WARNING: modpost: missing MODULE_DESCRIPTION()',
  'mm/oom_kill.c:1: warning: unused variable',
])('nothing of the kind: %j', (said) => {
  expect(hostShortage(said, 'building')).toBeUndefined();
});
