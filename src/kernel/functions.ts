// Which functions a source file became in a built kernel, and where they are: for probing them. Static functions are in;
// what the compiler inlined everywhere is in no symbol table, and in no answer of ours.
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { Context } from '../util/context.ts';
import { outputOf } from '../util/proc.ts';
import { inSandbox } from '../util/sandbox.ts';
import { type Build, type KernelRequest, withObjects } from './build.ts';
import { type BuildPlace, environment } from './make.ts';

export interface KernelFunction {
  /** `mm/memremap.c`. */
  readonly file: string;
  /** Without what the compiler adds: `foo.isra.0` is `foo`. */
  readonly name: string;
  /** As pgmap_probe's `watch` takes it: an address in hexadecimal, or `MODULE:SYMBOL+OFFSET`. */
  readonly place: string;
}

export interface CompiledFunctions {
  readonly functions: readonly KernelFunction[];
  /** Functions that are there, but whose place cannot be told: `file:name`. */
  readonly lost: readonly string[];
  /** Headers that nothing but the files asked for includes → which of those do. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** For the built kernel's files and folders (`mm/memremap.c`, `drivers/dax/`); those that it does without are left out. */
export async function functionsOf(
  build: Build,
  request: KernelRequest,
  paths: readonly string[],
  ctx: Context,
): Promise<CompiledFunctions> {
  return withObjects(request, ctx, async (at) => {
    const all = await compiledFiles(at);
    const isAskedFor = ({ file }: CompiledFile): boolean =>
      paths.some((path) => path === file || path === `${dirname(file)}/`);
    const asked = all.filter(isAskedFor);
    const symbols = await readelf(
      asked.map(({ object }) => object),
      ctx,
    );
    const images = await readImages(build, ctx);
    const functions: KernelFunction[] = [];
    const lost: string[] = [];
    for (const { object, file, module } of asked)
      for (const one of place(
        functionSymbols(symbols.get(object) ?? ''),
        images.get(module ?? '') ?? { addresses: new Map(), last: [] },
        module,
      ))
        if (one.place === undefined) lost.push(`${file}:${one.name}`);
        else functions.push({ file, name: one.name, place: one.place });
    return { functions, lost, headers: ownHeaders(all, isAskedFor) };
  });
}

/** A symbol of an object file. */
export interface ObjectSymbol {
  readonly name: string;
  readonly section: string;
  /** Offset in its section. */
  readonly value: number;
}

export interface Image {
  /** Symbol → every address that has the name. */
  readonly addresses: ReadonlyMap<string, readonly bigint[]>;
  /**
   * The function that ends a module's code, by all its names. The kernel takes all that follows it for a part of it and, when it looks
   * whether a probe there can be a jump, may read beyond the module's last page (6.12, can_optimize()): an oops.
   */
  readonly last: readonly string[];
}

/** Where each function of an object file ended up, told by a neighbour of the same section whose name is unique. */
export function place(
  symbols: readonly ObjectSymbol[],
  { addresses, last }: Image,
  module: string | undefined,
): { name: string; place: string | undefined }[] {
  const known = symbols.filter((one) => addresses.get(one.name)?.length === 1);
  const seen = new Set<string>();
  return symbols.flatMap((one): { name: string; place: string | undefined }[] => {
    const at = `${one.section} ${one.value}`;
    const isProbed =
      probedSections.test(one.section) || (module !== undefined && one.section === '.exit.text');
    // Two names for one place: init_module is every module's.
    if (
      !isProbed ||
      seen.has(at) ||
      /^__(pfx|cfi)_|\.cold\b|^(init|cleanup)_module$/.test(one.name)
    )
      return [];
    seen.add(at);
    const name = one.name.replace(/\.(isra|constprop|part|llvm|lto_priv)\b.*/, '');
    const anchor = known
      .filter(({ section, value }) => section === one.section && value <= one.value)
      .reduce<ObjectSymbol | undefined>(
        (best, next) => (best === undefined || next.value > best.value ? next : best),
        undefined,
      );
    const address = anchor === undefined ? undefined : addresses.get(anchor.name)?.[0];
    if (anchor === undefined || address === undefined || last.includes(one.name))
      return [{ name, place: undefined }];
    const offset = one.value - anchor.value;
    return [
      {
        name,
        place:
          module === undefined
            ? (address + BigInt(offset)).toString(16)
            : `${module}:${anchor.name}+${offset}`,
      },
    ];
  });
}

/** Code that stays: no .init.text, and none where no probe may be (.noinstr.text, .entry.text). */
const probedSections = /^\.text($|\.)|^\.(ref|meminit|memexit)\.text$/;

interface CompiledFile {
  /** Its object file. */
  readonly object: string;
  /** Its source, relative to the tree. */
  readonly file: string;
  /** `nd_pmem`; absent for what is in the kernel itself. */
  readonly module?: string;
  /** Headers of the tree that it includes, however deep. */
  readonly headers: readonly string[];
}

/** Everything that was compiled, as kbuild notes it down beside each object. */
async function compiledFiles({ sourceDir, objectDir }: BuildPlace): Promise<CompiledFile[]> {
  const notes = (await readdir(objectDir, { recursive: true })).filter((name) =>
    /(^|\/)\.[^/]+\.o\.cmd$/.test(name),
  );
  const found: CompiledFile[] = [];
  for (const name of notes.sort()) {
    const note = await readFile(join(objectDir, name), 'utf8');
    const [, object, source] = /^source_(\S+) := (\S+\.c)$/m.exec(note) ?? [];
    // Of a linked object there is none, and NAME.mod.c is no source of the tree.
    if (object === undefined || source?.startsWith(`${sourceDir}/`) !== true) continue;
    const module = / -DMODULE /.test(note)
      ? /-DKBUILD_MODNAME='"([^"']+)"'/.exec(note)?.[1]
      : undefined;
    found.push({
      object: join(objectDir, object),
      file: relative(sourceDir, source),
      ...(module === undefined ? {} : { module }),
      headers: [...note.matchAll(/^ {2}(?:\$\(wildcard )?(\/\S+\.h)\)? \\$/gm)]
        .map(([, header = '']) => relative(sourceDir, header))
        .filter((header) => !header.startsWith('..')),
    });
  }
  return found;
}

function ownHeaders(
  all: readonly CompiledFile[],
  isAskedFor: (file: CompiledFile) => boolean,
): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const one of all.filter(isAskedFor))
    for (const header of new Set(one.headers))
      users.set(header, [...(users.get(header) ?? []), one.file]);
  for (const one of all)
    if (!isAskedFor(one)) for (const header of one.headers) users.delete(header);
  return users;
}

/** Of what readelf says of an object file. */
export function functionSymbols(text: string): ObjectSymbol[] {
  const sections = new Map(
    [...text.matchAll(/^ {2}\[ *(\d+)\] (\.\S+)/gm)].map((match) => [match[1], match[2] ?? '']),
  );
  return [...text.matchAll(/^ *\d+: ([0-9a-f]+) +\S+ FUNC +\S+ +\S+ +(\d+) (\S+)$/gm)].map(
    ([, value = '', section, name = '']) => ({
      ...{ name, section: sections.get(section) ?? '' },
      value: Number.parseInt(value, 16),
    }),
  );
}

/** The kernel ('') and each module. */
async function readImages(build: Build, ctx: Context): Promise<Map<string, Image>> {
  const images = new Map<string, Image>();
  const map = await readFile(join(build.dir, 'System.map'), 'utf8');
  images.set('', { addresses: byName(map.matchAll(/^([0-9a-f]+) [a-zA-Z] (\S+)$/gm)), last: [] });
  const modules = (await readdir(build.modulesDir, { recursive: true }))
    .filter((name) => name.endsWith('.ko'))
    .map((name) => join(build.modulesDir, name));
  for (const [path, text] of await readelf(modules, ctx))
    images.set(basename(path, '.ko').replaceAll('-', '_'), moduleImage(text));
  return images;
}

export function moduleImage(text: string): Image {
  const code = [
    ...text.matchAll(/^ {2}\[ *(\d+)\] (\S+) +\S+ +[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ \w+ +A?X/gm),
  ].flatMap(([, number, section = '']) => (section.startsWith('.init') ? [] : [Number(number)]));
  const functions = [
    ...text.matchAll(/^ *\d+: ([0-9a-f]+) +\S+ FUNC +\S+ +\S+ +(\d+) (\S+)$/gm),
  ].map(([, value = '', section, name = '']) => ({
    ...{ name, section: code.indexOf(Number(section)) },
    value: Number.parseInt(value, 16),
  }));
  const end = functions
    .filter(({ section }) => section >= 0)
    .sort((a, b) => a.section - b.section || a.value - b.value)
    .at(-1);
  return {
    addresses: byName(
      text.matchAll(/^ *\d+: ([0-9a-f]+) +\S+ (?:FUNC|OBJECT|NOTYPE) +\S+ +\S+ +\d+ (\S+)$/gm),
    ),
    last: functions
      .filter(({ section, value }) => section === end?.section && value === end.value)
      .map(({ name }) => name),
  };
}

function byName(matches: Iterable<RegExpMatchArray>): Map<string, bigint[]> {
  const found = new Map<string, bigint[]>();
  for (const [, address = '0', name = ''] of matches) {
    const others = found.get(name);
    if (others === undefined) found.set(name, [BigInt(`0x${address}`)]);
    else others.push(BigInt(`0x${address}`));
  }
  return found;
}

/** Sections and symbols of ELF files, by path. */
async function readelf(paths: readonly string[], ctx: Context): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  // A few at a time: the symbols of a file system are half a mebibyte.
  for (let at = 0; at < paths.length; at += 16) {
    const some = paths.slice(at, at + 16);
    // It names files only if there are several.
    const argv = ['readelf', '-SsW', ...some, ...(some.length === 1 ? some : [])];
    const boxed = await inSandbox(argv, { reads: some, writes: [] }, ctx);
    const text = await outputOf(boxed, {
      what: 'Cannot read the symbols of a built kernel',
      env: environment(ctx),
      signal: ctx.signal,
    });
    const [, ...parts] = text.split(/^File: (.*)$/m);
    for (let part = 0; part + 1 < parts.length; part += 2)
      found.set(parts[part] ?? '', parts[part + 1] ?? '');
  }
  return found;
}
