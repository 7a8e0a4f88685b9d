// How the compiler lays out `struct dev_pagemap` and what it makes of `enum memory_type`: a file that only includes the
// header, compiled with the flags of mm/memremap.c, and its debug information read back. Nothing is built.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../util/context.ts';
import { outputOf, run } from '../util/proc.ts';
import { inSandbox } from '../util/sandbox.ts';
import { removeTemp, tempFolder } from '../util/temp.ts';
import { readMade } from './made.ts';
import { environment } from './make.ts';

export interface Member {
  readonly name: string;
  /** Bytes from the start of the struct; members of a nameless union or struct count as its own. */
  readonly offset: number;
  /** Bytes; absent for arrays without a size. */
  readonly size?: number;
}

export interface Layout {
  /** Bytes of `struct dev_pagemap`. */
  readonly size: number;
  readonly members: readonly Member[];
  /** Of `enum memory_type`. */
  readonly values: readonly { readonly name: string; readonly value: number }[];
}

/**
 * The layout that the headers in `headersDir` give, a folder with `include/` and `arch/…/include/` of a tree.
 * `objectDir` is where a kernel of that tree, or of one near to it, was built. Undefined if none was, or if the headers
 * do not compile: a build says that better.
 */
export async function memremapLayout(
  headersDir: string,
  objectDir: string,
  ctx: Context,
): Promise<Layout | undefined> {
  const command = await readMade(objectDir, 'mm/.memremap.o.cmd');
  const flags = command === undefined ? undefined : compilerFlags(command, headersDir);
  if (flags === undefined) return undefined;
  const dir = await tempFolder('layout');
  try {
    const [source, object] = [join(dir, 'layout.c'), join(dir, 'layout.o')];
    await writeFile(
      source,
      '#include <linux/memremap.h>\nstruct dev_pagemap pgmap;\nenum memory_type type;\n',
    );
    const env = environment(ctx);
    const argv = ['gcc', ...flags, '-g', '-gdwarf-4', '-w', '-c', '-o', object, source];
    const room = { reads: [headersDir, objectDir], writes: [dir], cwd: objectDir };
    const boxed = await inSandbox(argv, room, ctx);
    const compiled = await run(boxed, { cwd: objectDir, env, signal: ctx.signal });
    if (compiled.code !== 0) return undefined;
    const dump = ['readelf', '--debug-dump=info', object];
    const info = await outputOf(await inSandbox(dump, room, ctx), {
      ...{ what: 'Cannot read the debug information', env, signal: ctx.signal },
    });
    return readLayout(info);
  } finally {
    await removeTemp(dir);
  }
}

/**
 * What of kbuild's `.cmd` file of an object decides on layout, with the tree's own folders turned to `headersDir`.
 * Undefined if it has no command.
 */
export function compilerFlags(command: string, headersDir: string): string[] | undefined {
  const line = /^(?:saved)?cmd_\S+ := (.*)$/m.exec(command)?.[1]?.split(' ; ')[0];
  const sourceDir = sourceDirOf(command);
  if (line === undefined || sourceDir === undefined) return undefined;
  const flags: string[] = [];
  const words = line.split(/\s+/);
  for (const [at, word] of words.entries()) {
    if (/['"]/.test(word) || /^-f(?:plugin|macro-prefix-map)/.test(word)) continue;
    if (word === '-include' || word === '-isystem') flags.push(word, words[at + 1] ?? '');
    else if (/^-(?:I|D|m|f|O|std=|nostdinc)/.test(word)) flags.push(word);
  }
  return flags.map((flag) => flag.replaceAll(sourceDir, headersDir));
}

/** Files of the tree that mm/memremap.c was last compiled from, as kbuild wrote them down; none if it never was. */
export async function layoutSources(objectDir: string): Promise<string[]> {
  const command = (await readMade(objectDir, 'mm/.memremap.o.cmd')) ?? '';
  const dir = sourceDirOf(command);
  if (dir === undefined) return [];
  return command
    .split(/\s+/)
    .filter((word) => word.startsWith(`${dir}/`))
    .map((word) => word.slice(dir.length + 1));
}

function sourceDirOf(command: string): string | undefined {
  const [, name = '', path = ''] = /^source_(\S+)\.o := (\S+)$/m.exec(command) ?? [];
  return path.endsWith(`/${name}.c`) ? path.slice(0, -`/${name}.c`.length) : undefined;
}

interface Entry {
  readonly tag: string;
  readonly depth: number;
  readonly fields: Map<string, string>;
  readonly children: Entry[];
}

/** Reads what `readelf --debug-dump=info` prints. Source: readelf(1), DWARF 4 section 5. */
export function readLayout(text: string): Layout | undefined {
  const entries = new Map<string, Entry>();
  const open: Entry[] = [];
  for (const line of text.split('\n')) {
    const head = /^ <(\d+)><([0-9a-f]+)>: Abbrev Number: \d+ \((DW_TAG_\w+)\)$/.exec(line);
    if (head !== null) {
      const entry = { tag: head[3] ?? '', depth: Number(head[1]), fields: new Map(), children: [] };
      entries.set(head[2] ?? '', entry);
      open.length = Math.min(open.length, entry.depth);
      open[entry.depth - 1]?.children.push(entry);
      open[entry.depth] = entry;
      continue;
    }
    // Where a string is kept stands before it, and an offset of 0 without `0x`.
    const field =
      /^ +<[0-9a-f]+> +(DW_AT_\w+) *: (?:\((?:\w+ ){1,2}string[,:][^)]{0,60}\): )?(.*?)\s*$/.exec(
        line,
      );
    if (field !== null) open.at(-1)?.fields.set(field[1] ?? '', field[2] ?? '');
  }
  const find = (tag: string, name: string): Entry | undefined =>
    [...entries.values()].find(
      ({ tag: its, fields }) =>
        its === tag && fields.get('DW_AT_name') === name && fields.has('DW_AT_byte_size'),
    );
  const struct = find('DW_TAG_structure_type', 'dev_pagemap');
  if (struct === undefined) return undefined;
  const values = find('DW_TAG_enumeration_type', 'memory_type')?.children ?? [];
  return {
    size: numberOf(struct, 'DW_AT_byte_size') ?? 0,
    members: membersOf(struct, 0, entries),
    values: values.map((entry) => ({
      name: entry.fields.get('DW_AT_name') ?? '',
      value: numberOf(entry, 'DW_AT_const_value') ?? 0,
    })),
  };
}

function membersOf(
  entry: Entry,
  base: number,
  entries: ReadonlyMap<string, Entry>,
  depth = 0,
): Member[] {
  if (depth > 8) return [];
  return entry.children
    .filter((child) => child.tag === 'DW_TAG_member')
    .flatMap((member): Member[] => {
      const offset = base + (numberOf(member, 'DW_AT_data_member_location') ?? 0);
      const name = member.fields.get('DW_AT_name');
      const type = typeOf(member, entries);
      if (name === undefined)
        return type === undefined ? [] : membersOf(type, offset, entries, depth + 1);
      const size = type === undefined ? undefined : numberOf(type, 'DW_AT_byte_size');
      return [{ name, offset, ...(size === undefined ? {} : { size }) }];
    });
}

/** The type itself, behind typedefs and qualifiers. */
function typeOf(entry: Entry, entries: ReadonlyMap<string, Entry>): Entry | undefined {
  let type: Entry | undefined = entry;
  for (let steps = 0; steps < 16 && type !== undefined; steps++) {
    type = entries.get(/^<0x([0-9a-f]+)>/.exec(type.fields.get('DW_AT_type') ?? '')?.[1] ?? '');
    if (type?.fields.has('DW_AT_byte_size') === true) return type;
  }
  return type;
}

function numberOf(entry: Entry, field: string): number | undefined {
  const text = entry.fields.get(field);
  return text !== undefined && /^(?:0x[0-9a-f]+|-?\d+)/.test(text)
    ? Number.parseInt(text)
    : undefined;
}

/** What changes, as lines of a diff; none if nothing does. */
export function layoutDiff(before: Layout, after: Layout): string[] {
  const struct = difference(
    before.members,
    after.members,
    (is, was) => {
      const moved = is.offset === was.offset ? [] : [`offset ${was.offset} -> ${is.offset}`];
      const grown = is.size === was.size ? [] : [`${bytes(was)} -> ${bytes(is)}`];
      return [...moved, ...grown];
    },
    (member) => `offset ${member.offset}, ${bytes(member)}`,
  );
  const values = difference(
    before.values,
    after.values,
    (is, was) => (is.value === was.value ? [] : [`${was.value} -> ${is.value}`]),
    ({ value }) => String(value),
  );
  const size =
    before.size === after.size ? `${after.size} bytes` : `${before.size} -> ${after.size} bytes`;
  return [
    ...(struct.length === 0 && before.size === after.size ? [] : [`struct dev_pagemap, ${size}:`]),
    ...struct,
    ...(values.length === 0 ? [] : ['enum memory_type:']),
    ...values,
  ];
}

const bytes = ({ size }: Member): string => (size === undefined ? 'an array' : `${size} bytes`);

function difference<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
  changes: (is: T, was: T) => readonly string[],
  whole: (one: T) => string,
): string[] {
  const gone = before.filter((was) => !after.some((is) => is.name === was.name));
  return [
    ...gone.map((was) => `  - ${was.name}: ${whole(was)}`),
    ...after.flatMap((is) => {
      const was = before.find((one) => one.name === is.name);
      if (was === undefined) return [`  + ${is.name}: ${whole(is)}`];
      const changed = changes(is, was);
      return changed.length === 0 ? [] : [`  ~ ${is.name}: ${changed.join(', ')}`];
    }),
  ];
}
