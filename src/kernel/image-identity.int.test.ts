// On ELF files that the compiler makes here: what counts as the same kernel and what does not.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../util/proc.ts';
import { imageIdentity } from './image-identity.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-identity-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface Parts {
  /** Of the WARN in vmlinux. */
  readonly line?: number;
  readonly flags?: number;
  readonly value?: number;
  readonly note?: string;
  /** What the module calls. */
  readonly callee?: string;
  readonly moduleLine?: number;
  readonly first?: string;
  readonly code?: string;
}

/** An entry of `struct bug_entry` as WARN() makes it, with DEBUG_BUGVERBOSE. */
const bug = (line: number, flags: number): string =>
  String.raw`__asm__("1: ud2\n.pushsection __bug_table,\"aw\"\n2: .long 1b - .\n.long file - .\n.word ${line}\n.word ${flags}\n.popsection");`;

let entries = 0;
async function kernel({
  line = 10,
  flags = 1,
  value = 1,
  note = 'a',
  callee = 'printk',
  moduleLine = 20,
  first = '',
  code = '',
}: Parts): Promise<string | undefined> {
  const entry = join(dir, String(++entries));
  const modules = join(entry, 'modules/lib/modules/6.12.0/kernel');
  await mkdir(modules, { recursive: true });
  const build = async (name: string, text: string, ...flagsOf: string[]): Promise<void> => {
    const source = join(entry, 'source.c');
    await writeFile(source, text);
    const argv = ['gcc', '-O1', '-w', '-fno-pie', '-fno-asynchronous-unwind-tables', ...flagsOf];
    await must([...argv, '-o', name, source], { what: `cannot make ${name}` });
  };
  const notes = String.raw`__asm__(".pushsection .note.build,\"a\",@note\n.long 4, 4, 1\n.ascii \"pgm\\0\"\n.ascii \"${note}${note}${note}${note}\"\n.popsection");`;
  await build(
    join(entry, 'vmlinux'),
    `${notes} const char file[] = "mm/memremap.c"; int value = ${value};
     void _start(void) { ${bug(line, flags)} ${code} value++; ${bug(line + 5, flags)} }`,
    ...['-static', '-nostdlib', '-Wl,--build-id=none'],
  );
  await build(
    join(modules, 'module.ko'),
    `${first} static const char file[] __attribute__((used)) = "lib/test_hmm.c";
     void printk(void); void pr_cont(void);
     void probe(void) { ${callee}(); ${bug(moduleLine, 1)} }`,
    '-c',
  );
  return imageIdentity(entry);
}

test('the same text gives the same identity, wherever it is built', async () => {
  expect(await kernel({})).toMatch(/^[0-9a-f]{64}$/);
  expect(await kernel({})).toBe(await kernel({}));
});

test.each<[string, Parts]>([
  ['the line of a WARN in vmlinux', { line: 300 }],
  ['the line of a WARN in a module', { moduleLine: 300 }],
  ['a build id', { note: 'b' }],
  ['a symbol in another place of the module’s table', { first: '__asm__(".set early_mark, 5");' }],
])('no difference: %s', async (_, parts) => {
  expect(await kernel(parts)).toBe(await kernel({}));
});

test.each<[string, Parts]>([
  ['what a WARN does: its flags', { flags: 3 }],
  ['data', { value: 2 }],
  ['code', { code: 'value *= 3;' }],
  ['what a module calls, which only its relocations tell', { callee: 'pr_cont' }],
])('a difference: %s', async (_, parts) => {
  expect(await kernel(parts)).not.toBe(await kernel({}));
});

test('what is built now, behind the link of the modules, does not count', async () => {
  const identity = await kernel({});
  const entry = join(dir, String(entries));
  const objects = join(dir, 'objects');
  await mkdir(objects, { recursive: true });
  await writeFile(join(objects, 'other.ko'), 'of another kernel');
  await symlink(objects, join(entry, 'modules/lib/modules/6.12.0/build'));
  expect(await imageIdentity(entry)).toBe(identity);
});

test('no vmlinux, or one that is none, or cut short', async () => {
  const entry = join(dir, 'broken');
  await mkdir(entry);
  expect(await imageIdentity(entry)).toBeUndefined();
  for (const bytes of [
    '',
    'no ELF at all',
    '\x7fELF\x02\x01',
    `\x7fELF\x02\x01${'\xff'.repeat(200)}`,
  ]) {
    await writeFile(join(entry, 'vmlinux'), bytes, 'latin1');
    expect(await imageIdentity(entry)).toBeUndefined();
  }
});
