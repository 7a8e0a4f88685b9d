// The functions of a vmlinux or a module, and the source file of each as far as the symbol table tells, through readelf(1): a
// vmlinux with debug information is too large to be read here.
import { createInterface } from 'node:readline';
import type { Context } from '../util/context.ts';
import { run } from '../util/proc.ts';
import { inSandbox } from '../util/sandbox.ts';

export interface FunctionSymbol {
  readonly name: string;
  /** In a relocatable file the offset in its section. */
  readonly address: number;
  /** Bytes, without padding. */
  readonly size: number;
  readonly section: string;
  /** Name of its source file, without folders; absent for a global function, of which the table does not tell. */
  readonly file?: string;
}

export interface FileSymbols {
  readonly path: string;
  readonly relocatable: boolean;
  /** Whether addr2line knows lines. */
  readonly hasLines: boolean;
  /** What all paths of sources begin with. */
  readonly prefix: string;
  readonly functions: ReadonlyMap<string, readonly FunctionSymbol[]>;
  readonly byAddress: readonly FunctionSymbol[];
}

const sectionLine = /^ +\[ *(\d+)\] (\S+) +([A-Z_]+) /;
const symbolLine = /^ +\d+: ([0-9a-f]{16}) +(0x[0-9a-f]+|\d+) (\w+) +(\w+) +\w+ +(\w+) (.*)$/;

/** Undefined if there is no such file, or no readelf. */
export async function readFileSymbols(
  path: string,
  ctx: Pick<Context, 'path' | 'sandbox' | 'signal'>,
): Promise<FileSymbols | undefined> {
  const env = { PATH: ctx.path, LC_ALL: 'C' };
  const sections = new Map<string, string>();
  const symbols: FunctionSymbol[] = [];
  let relocatable = false;
  let file: string | undefined;
  const line = (text: string): void => {
    if (/^ +Type: +REL\b/.test(text)) relocatable = true;
    const section = sectionLine.exec(text);
    if (section !== null) sections.set(section[1] ?? '', section[2] ?? '');
    const symbol = symbolLine.exec(text);
    if (symbol === null) return;
    const [, value = '', size = '', type, bind, index = '', name = ''] = symbol;
    if (type === 'FILE') file = /\.[chS]$|\.rs$/.test(name) ? name : undefined;
    // Functions of assembler sources have no type.
    if (type !== 'FUNC' && !(type === 'NOTYPE' && /text/.test(sections.get(index) ?? ''))) return;
    const own = { name, address: Number.parseInt(value, 16), size: Number(size) };
    // Global functions come last, behind all files.
    const whose = bind === 'LOCAL' && file !== undefined ? { file } : {};
    symbols.push({ ...own, section: sections.get(index) ?? '', ...whose });
  };
  // What it reads was made by somebody else's programs.
  const readelf = ['readelf', '-hSsW', path];
  const done = await run(await inSandbox(readelf, { reads: [path], writes: [] }, ctx), {
    ...{ env, signal: ctx.signal, timeoutMs: 60_000 },
    consume: async (stdout) => {
      for await (const text of createInterface({ input: stdout })) line(text);
    },
  }).catch(() => undefined);
  if (done?.code !== 0) return undefined;
  const byAddress = symbols.toSorted((a, b) => a.address - b.address);
  const functions = new Map<string, FunctionSymbol[]>();
  for (const one of byAddress) functions.set(one.name, [...(functions.get(one.name) ?? []), one]);
  const hasLines = [...sections.values()].some((name) => /^\.z?debug_line$/.test(name));
  const prefix = hasLines ? await prefixOf(path, functions.get('start_kernel')?.[0], ctx) : '';
  return { path, relocatable, hasLines, prefix, functions, byAddress };
}

/** What stands before `init/main.c`. Modules are built in the same place as the kernel, but do not have that file. */
async function prefixOf(
  path: string,
  main: FunctionSymbol | undefined,
  ctx: Pick<Context, 'path' | 'sandbox' | 'signal'>,
): Promise<string> {
  if (main === undefined) return '';
  const argv = ['addr2line', '-e', path, `0x${main.address.toString(16)}`];
  const env = { PATH: ctx.path, LC_ALL: 'C' };
  const boxed = await inSandbox(argv, { reads: [path], writes: [] }, ctx);
  const done = await run(boxed, { env, signal: ctx.signal, timeoutMs: 60_000 }).catch(
    () => undefined,
  );
  return /^(.*?)init\/main\.c:\d+/.exec(done?.stdout ?? '')?.[1] ?? '';
}
