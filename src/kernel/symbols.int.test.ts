// Frames of reports against real files of gcc and binutils: with debug information, without it, and a module.
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../util/proc.ts';
import { symboliser } from './symbols.ts';

const release = '6.12.0';
const ctx = { path: process.env['PATH'] ?? '', signal: new AbortController().signal };
let dir: string;

const sources: Readonly<Record<string, string>> = {
  'init/main.c': 'int guilty(int);\nint start_kernel(void)\n{\n\treturn guilty(1) + 1;\n}\n',
  'mm/guilty.c': `static int helper(int x)
{
	return x * 3;
}

static __attribute__((noinline)) int inner(int x)
{
	return helper(x) + 1;
}

int guilty(int x)
{
	return inner(x) + inner(x + 1);
}
`,
  'drivers/mod.c': '__attribute__((noinline)) int in_module(int x)\n{\n\treturn x + 2;\n}\n',
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pgmap-symbols-'));
  for (const [path, text] of Object.entries(sources)) {
    await mkdir(join(dir, 'src', path, '..'), { recursive: true });
    await writeFile(join(dir, 'src', path), text);
  }
  for (const kind of ['debug', 'plain']) {
    const flags = kind === 'debug' ? ['-g', '-O2'] : ['-O2'];
    const modules = join(dir, kind, 'modules/lib/modules', release, 'kernel/drivers');
    await mkdir(modules, { recursive: true });
    const gcc = (...argv: string[]) => must(['gcc', ...flags, ...argv], { what: 'gcc' });
    const files = ['init/main.c', 'mm/guilty.c'].map((path) => join(dir, 'src', path));
    const vmlinux = join(dir, kind, 'vmlinux');
    await gcc('-nostdlib', '-static', '-Wl,-estart_kernel', '-o', vmlinux, ...files);
    await gcc('-c', '-o', join(modules, 'my-mod.ko'), join(dir, 'src/drivers/mod.c'));
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const symbolise = (kind: string) => symboliser({ dir: join(dir, kind), release }, ctx);

/** `+0x0/0xSIZE` as the kernel prints it, with the padding that kallsyms counts. */
const report = `WARNING: CPU: 0 PID: 1 at mm/guilty.c:8 inner+0x0/0x10
RIP: 0010:inner+0x0/0x10
Call Trace:
 <TASK>
 guilty+0x0/0x20
 ? in_module+0x0/0x10 [my_mod]
 unknown_function+0x1/0x10
 </TASK>
`;

test('with debug information a frame says file and line, from the top of the tree', async () => {
  const lines = (await symbolise('debug')(report)).split('\n');
  expect(lines[1]).toMatch(/^RIP: 0010:inner\+0x0\/0x10 \(mm\/guilty\.c:\d+\)$/);
  expect(lines[4]).toMatch(/^ guilty\+0x0\/0x20 \(mm\/guilty\.c:1\d\)$/);
  expect(lines[5]).toMatch(/^ \? in_module\+0x0\/0x10 \[my_mod\] \(drivers\/mod\.c:\d\)$/);
  expect(lines[6]).toBe(' unknown_function+0x1/0x10');
});

test('without it a frame says the file, as far as the symbol table tells', async () => {
  const lines = (await symbolise('plain')(report)).split('\n');
  expect(lines[1]).toBe('RIP: 0010:inner+0x0/0x10 (guilty.c)');
  // Of a global function it does not: better no file than a wrong one.
  expect(lines[4]).toBe(' guilty+0x0/0x20');
});

test('twice is once, and what names no function comes back as it is', async () => {
  const once = await symbolise('debug')(report);
  expect(await symbolise('debug')(once)).toBe(once);
  const text = 'nothing\n\u001b[2J +0x/0x foo+0xzz/0x1\n'.repeat(100);
  expect(await symbolise('debug')(text)).toBe(text);
});

test('a kernel without its files says nothing, and breaks nothing', async () => {
  expect(await symbolise('none')(report)).toBe(report);
});
