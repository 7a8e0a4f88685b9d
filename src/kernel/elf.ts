// As much of an ELF file as it takes to compare two of them: sections, symbols, relocations; 64 bit, little endian.
// Source: elf(5).

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly size: number;
  /** Empty for SHT_NOBITS. */
  readonly data: Buffer;
  /** sh_link and sh_info: for relocations the symbol table, and the section they are for. */
  readonly link: number;
  readonly info: number;
}

export const sectionTypes = { symbols: 2, rela: 4, note: 7, nobits: 8 } as const;
export const sectionFlags = { alloc: 2, execute: 4 } as const;

/** The sections of an ELF file; undefined if it is none, or cut short. */
export function elfSections(file: Buffer): Section[] | undefined {
  // 64 bit, little endian.
  if (file.length < 64 || file.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
  const [table, entry] = [Number(file.readBigUInt64LE(40)), file.readUInt16LE(58)];
  const [many, names] = [file.readUInt16LE(60), file.readUInt16LE(62)];
  if (entry < 64 || table + many * entry > file.length) return undefined;
  const sections: (Section & { readonly at: number })[] = [];
  for (let index = 0; index < many; index++) {
    const header = file.subarray(table + index * entry);
    const type = header.readUInt32LE(4);
    const [offset, size] = [Number(header.readBigUInt64LE(24)), Number(header.readBigUInt64LE(32))];
    if (type !== sectionTypes.nobits && offset + size > file.length) return undefined;
    sections.push({
      index,
      at: header.readUInt32LE(0),
      name: '',
      type,
      flags: Number(header.readBigUInt64LE(8) & 0xff_ffff_ffffn),
      address: Number(BigInt.asUintN(48, header.readBigUInt64LE(16))),
      size,
      data: type === sectionTypes.nobits ? Buffer.alloc(0) : file.subarray(offset, offset + size),
      link: header.readUInt32LE(40),
      info: header.readUInt32LE(44),
    });
  }
  const strings = sections[names]?.data ?? Buffer.alloc(0);
  return sections.map(({ at, ...section }) => ({ ...section, name: stringAt(strings, at) }));
}

/** The string that begins at an offset of a string table. */
export function stringAt(table: Buffer, offset: number): string {
  if (offset >= table.length) return '';
  const end = table.indexOf(0, offset);
  return table.toString('latin1', offset, end === -1 ? table.length : end);
}

/**
 * What a symbol of a relocatable file stands for, in words that stay the same when symbols are numbered anew: its name,
 * or its section and offset.
 */
export function symbolNames(sections: readonly Section[], table: Section): string[] {
  const strings = sections[table.link]?.data ?? Buffer.alloc(0);
  const names: string[] = [];
  for (let at = 0; at + 24 <= table.data.length; at += 24) {
    const name = stringAt(strings, table.data.readUInt32LE(at));
    const home = sections[table.data.readUInt16LE(at + 6)]?.name ?? '';
    const value = table.data.readBigUInt64LE(at + 8);
    names.push(`${name} ${home}+${value.toString(16)}`);
  }
  return names;
}
