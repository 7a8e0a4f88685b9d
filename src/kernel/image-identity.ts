// Whether two built kernels are the same program: code and data, not names of files, times or build ids.
import { createHash, type Hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { elfSections, type Section, sectionFlags, sectionTypes, symbolNames } from './elf.ts';

/**
 * A hash of all that a kernel loads: the allocated sections of vmlinux and of each module, with what modules are
 * relocated by. Two kernels of one hash do the same, so what was seen of one holds for the other.
 *
 * Left out: notes (build ids, which hash the debug information too) and the line numbers of `__bug_table`, which are
 * only printed with a warning and move with every line above them. All else counts, even where it only moves with
 * lines: `__LINE__` in code (might_sleep() under DEBUG_ATOMIC_SLEEP), dynamic debug, sanitizers' locations. So the
 * same hash is sure, and another hash may be no more than a moved line.
 *
 * `dir` is an entry of the kernel cache: `vmlinux` and `modules/`. Undefined if vmlinux cannot be read as ELF.
 */
export async function imageIdentity(dir: string): Promise<string | undefined> {
  const vmlinux = await readFile(join(dir, 'vmlinux')).catch(() => undefined);
  const sections = vmlinux === undefined ? undefined : elfSections(vmlinux);
  if (sections === undefined) return undefined;
  const bugEntry = bugEntrySize(sections);
  const hash = createHash('sha256');
  addFile(hash, 'vmlinux', sections, bugEntry);
  const modules = join(dir, 'modules');
  // With types it does not follow links: `build` leads to objects that are another kernel's by now.
  const entries = await readdir(modules, { recursive: true, withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ko'))
    .map((entry) => relative(modules, join(entry.parentPath, entry.name)));
  for (const name of names.sort()) {
    const file = await readFile(join(modules, name));
    const own = elfSections(file);
    if (own === undefined) hash.update(`${name}\0`).update(file);
    else addFile(hash, name, own, bugEntry);
  }
  return hash.digest('hex');
}

function addFile(hash: Hash, name: string, sections: readonly Section[], bugEntry: number): void {
  hash.update(`file ${name}\0`);
  for (const section of sections) {
    if ((section.flags & sectionFlags.alloc) === 0) {
      addRelocations(hash, section, sections);
      continue;
    }
    if (section.type === sectionTypes.note) continue;
    const { type, flags, address, size } = section;
    hash.update(`section ${section.name} ${type} ${flags} ${address} ${size}\0`);
    hash.update(
      section.name === '__bug_table' ? withoutLines(section.data, bugEntry) : section.data,
    );
  }
}

/** Only modules have any: where, of which kind, to which symbol, and how far behind it. */
function addRelocations(hash: Hash, section: Section, sections: readonly Section[]): void {
  const target = sections[section.info];
  if (section.type !== sectionTypes.rela || ((target?.flags ?? 0) & sectionFlags.alloc) === 0)
    return;
  const table = sections[section.link];
  const names = table === undefined ? [] : symbolNames(sections, table);
  hash.update(`relocations ${target?.name ?? ''}\0`);
  for (let at = 0; at + 24 <= section.data.length; at += 24) {
    hash.update(section.data.subarray(at, at + 12));
    hash.update(`${names[section.data.readUInt32LE(at + 12)] ?? '?'}\0`);
    hash.update(section.data.subarray(at + 16, at + 24));
  }
}

/**
 * Bytes of a `struct bug_entry`, found by trying: its first member is the distance to the instruction that traps, an
 * `ud2` or `ud1`. 8 without DEBUG_BUGVERBOSE, 12 with it, 16 where it also has the format. 0 if none fits: then all of
 * the table counts. Source: include/asm-generic/bug.h, arch/x86/include/asm/bug.h.
 */
export function bugEntrySize(sections: readonly Section[]): number {
  const table = sections.find((section) => section.name === '__bug_table');
  if (table === undefined || table.size === 0) return 0;
  const code = sections.filter((section) => (section.flags & sectionFlags.execute) !== 0);
  const traps = (at: number): boolean => {
    const address = table.address + at + table.data.readInt32LE(at);
    const home = code.find(
      (section) => address >= section.address && address + 1 < section.address + section.size,
    );
    if (home === undefined || home.data.length === 0) return false;
    const from = address - home.address;
    const prefixed = home.data[from] === 0x67 ? from + 1 : from;
    const second = home.data[prefixed + 1];
    return home.data[prefixed] === 0x0f && (second === 0x0b || second === 0xb9);
  };
  const fits = (size: number): boolean => {
    if (table.size % size !== 0) return false;
    for (let at = 0; at + size <= table.data.length; at += size) if (!traps(at)) return false;
    return true;
  };
  return [12, 16].find(fits) ?? 0;
}

/** The line is the last but one of the 16 bit members at the end of an entry; the last are flags. */
function withoutLines(table: Buffer, entry: number): Buffer {
  if (entry === 0) return table;
  const copy = Buffer.from(table);
  for (let at = entry - 4; at + 4 <= copy.length; at += entry) copy.writeUInt16LE(0, at);
  return copy;
}
