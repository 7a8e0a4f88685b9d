// Where in the sources a kernel report's frames are: `memremap_pages+0x1c5/0x5f0` becomes that and ` (mm/memremap.c:213)`. With
// debug information by addr2line, as the kernel's own scripts/decode_stacktrace.sh does it; without, only the file, by the ELF
// symbol table. Only reports that count are worth the seconds.
import { join } from 'node:path';
import type { Context } from '../util/context.ts';
import { exists } from '../util/files.ts';
import { run } from '../util/proc.ts';
import { inSandbox } from '../util/sandbox.ts';
import { type FileSymbols, type FunctionSymbol, readFileSymbols } from './elf-symbols.ts';

export interface SymbolFiles {
  /** Folder of a kernel in the cache: vmlinux, modules/, and debug/ with unstripped modules if it has debug information. */
  readonly dir: string;
  readonly release: string;
}

/** Total: text that names no function comes back as it is, and so does all of it if the programs for it are missing. */
export type Symbolise = (text: string) => Promise<string>;

/** Functions that are looked up in one text. */
const mostPlaces = 400;
const frame =
  /\b([A-Za-z_][\w.$]*)\+0x([0-9a-f]{1,8})\/0x([0-9a-f]{1,8})(?: \[([\w-]+)\b[^\]\n]*\])?/g;
/** A program counter without a name, as QEMU tells it. */
const counter = /\bRIP (ffffffff[0-9a-f]{8})\b/g;

interface Place {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** Undefined for what is built in. */
  readonly module: string | undefined;
  /** The address is that of the instruction itself, and not of the one after a call. */
  readonly exact: boolean;
}

/** Gives what symbolises the reports of one kernel; it reads the kernel's symbols once, when they are first needed. */
export function symboliser(
  files: SymbolFiles,
  ctx: Pick<Context, 'path' | 'sandbox' | 'signal'>,
): Symbolise {
  const known = new Map<string, Promise<FileSymbols | undefined>>();
  const symbolsOf = (module: string | undefined): Promise<FileSymbols | undefined> => {
    const key = module ?? '';
    const found = known.get(key) ?? openSymbols(files, module, ctx);
    known.set(key, found);
    return found;
  };
  return async (text) => {
    const places = placesIn(text);
    const answers = new Map<string, string>();
    for (const module of new Set(places.map((place) => place.module))) {
      const symbols = await symbolsOf(module);
      if (symbols === undefined) continue;
      const own = places.filter((place) => place.module === module);
      // Modules are built where the kernel was.
      const prefix = symbols.hasLines ? ((await symbolsOf(undefined))?.prefix ?? '') : '';
      for (const [key, where] of await locate(own, { ...symbols, prefix }, ctx))
        answers.set(key, where);
    }
    const bare = /\bRIP ffffffff/.test(text) ? await symbolsOf(undefined) : undefined;
    return text
      .split('\n')
      .map((line) => {
        const named = line.replaceAll(counter, (whole, address: string) =>
          bare === undefined ? whole : `${whole}${nameAt(bare, Number.parseInt(address, 16))}`,
        );
        // Once is enough, and what was symbolised already stays.
        if (/\+0x[0-9a-f]+\/0x[0-9a-f]+(?: \[[^\]]*\])? \(/.test(named)) return named;
        return named.replaceAll(
          frame,
          (whole, name: string, offset: string, size: string, module?: string) => {
            const where = answers.get(keyOf(placeOf(line, name, offset, size, module)));
            return where === undefined ? whole : `${whole} (${where})`;
          },
        );
      })
      .join('\n');
  };
}

const keyOf = ({ name, offset, size, module, exact }: Place): string =>
  [name, offset, size, module ?? '', exact].join(' ');

function placeOf(
  line: string,
  name: string,
  offset: string,
  size: string,
  module: string | undefined,
): Place {
  const number = (text: string): number => Number.parseInt(text, 16);
  const exact = /\b(?:RIP|EIP|IP|PC|at)\b:? /.test(line.slice(0, line.indexOf(name)));
  return { name, offset: number(offset), size: number(size), module, exact };
}

function placesIn(text: string): Place[] {
  const found = new Map<string, Place>();
  for (const line of text.split('\n')) {
    if (found.size >= mostPlaces) break;
    for (const [, name = '', offset = '', size = '', module] of line.matchAll(frame)) {
      const place = placeOf(line, name, offset, size, module);
      found.set(keyOf(place), place);
    }
  }
  return [...found.values()];
}

async function openSymbols(
  { dir, release }: SymbolFiles,
  module: string | undefined,
  ctx: Pick<Context, 'path' | 'sandbox' | 'signal'>,
): Promise<FileSymbols | undefined> {
  const name = module?.replaceAll('-', '_');
  if (name === undefined) return readFileSymbols(join(dir, 'vmlinux'), ctx);
  const debug = join(dir, 'debug', `${name}.ko`);
  if (await exists(debug)) return readFileSymbols(debug, ctx);
  const found = await run(
    [
      'find',
      join(dir, 'modules/lib/modules', release),
      '-name',
      `${name.replaceAll('_', '[-_]')}.ko`,
    ],
    { env: { PATH: ctx.path, LC_ALL: 'C' }, signal: ctx.signal },
  ).catch(() => undefined);
  const file = found?.stdout.split('\n')[0] ?? '';
  return file === '' ? undefined : readFileSymbols(file, ctx);
}

/** Key of a place → where it is. */
async function locate(
  places: readonly Place[],
  symbols: FileSymbols,
  ctx: Pick<Context, 'path' | 'sandbox' | 'signal'>,
): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const found = places.flatMap((place) => {
    const symbol = symbolOf(place, symbols);
    return symbol === undefined ? [] : [{ place, symbol }];
  });
  for (const { place, symbol } of found)
    if (symbol.file !== undefined) answers.set(keyOf(place), symbol.file);
  if (!symbols.hasLines) return answers;
  for (const section of new Set(found.map(({ symbol }) => symbol.section))) {
    const own = found.filter(({ symbol }) => symbol.section === section);
    const addresses = own.map(({ place, symbol }) =>
      // A return address may already belong to the next line.
      (symbol.address + place.offset - (place.exact || place.offset === 0 ? 0 : 1)).toString(16),
    );
    const argv = [
      ...['addr2line', '-e', symbols.path, '-i', '-a'],
      ...(symbols.relocatable ? ['-j', section] : []),
      ...addresses.map((address) => `0x${address}`),
    ];
    const env = { PATH: ctx.path, LC_ALL: 'C' };
    const boxed = await inSandbox(argv, { reads: [symbols.path], writes: [] }, ctx);
    const done = await run(boxed, { env, signal: ctx.signal, timeoutMs: 60_000 }).catch(
      () => undefined,
    );
    const groups = (done?.stdout ?? '').split(/^0x[0-9a-f]+\n/m).slice(1);
    for (const [index, { place }] of own.entries()) {
      const lines = (groups[index] ?? '').split('\n').filter((line) => /:\d/.test(line));
      const where = lines.map((line) => short(line, symbols.prefix)).slice(0, 6);
      if (where.length > 0) answers.set(keyOf(place), where.join(' '));
    }
  }
  return answers;
}

/** `/somewhere/src/mm/memremap.c:213 (discriminator 2)` → `mm/memremap.c:213` */
function short(line: string, prefix: string): string {
  const plain = line.replace(/ \(discriminator \d+\)$/, '');
  return plain.startsWith(prefix) ? plain.slice(prefix.length) : plain;
}

/** The function of that name and size; undefined if there are several. */
function symbolOf({ name, offset, size }: Place, symbols: FileSymbols): FunctionSymbol | undefined {
  const all = (symbols.functions.get(name) ?? []).filter(
    (one) => offset < Math.max(one.size, size),
  );
  // kallsyms has a function go on to the next one, padding included.
  const near = all.filter((one) => one.size <= size && size - one.size < 64);
  const best = near.length > 0 ? near : all;
  return best.length === 1 ? best[0] : undefined;
}

/** ` default_idle+0xb/0x10` */
function nameAt({ byAddress }: FileSymbols, address: number): string {
  let low = 0;
  let high = byAddress.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((byAddress[middle]?.address ?? 0) <= address) low = middle + 1;
    else high = middle;
  }
  const one = byAddress[low - 1];
  if (one === undefined || address >= one.address + Math.max(one.size, 1)) return '';
  return ` ${one.name}+0x${(address - one.address).toString(16)}/0x${one.size.toString(16)}`;
}
