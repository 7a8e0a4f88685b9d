// A mutant: a patch that breaks the kernel on purpose, with a header that says for which memory types.

export interface Mutant {
  /** File name without its ending. */
  readonly name: string;
  /** First line of the file. */
  readonly title: string;
  /** Kernel names of the memory types it breaks; empty if the header names none, which means all. */
  readonly types: readonly string[];
  /** It sits in code that all types share, or says nothing about types. */
  readonly shared: boolean;
  /** `Where:`, as written. */
  readonly where: string;
  /** Files it changes, relative to the tree. */
  readonly files: readonly string[];
  /** The whole file. */
  readonly text: string;
}

/** Reads header and diff. Total: a file without either gives a mutant of all types that changes nothing. */
export function readMutant(name: string, text: string): Mutant {
  const lines = text.split('\n');
  const diff = lines.findIndex((line) => /^(?:--- |diff |Index: )/.test(line));
  const header = diff === -1 ? lines : lines.slice(0, diff);
  const type = field(header, 'Type');
  const types = typesIn(type);
  return {
    name,
    title: header.find((line) => line.trim() !== '')?.trim() ?? name,
    types,
    shared: types.length === 0 || /\b(?:shared|all|any|several)\b/i.test(type),
    where: field(header, 'Where'),
    files: [...new Set(lines.slice(Math.max(diff, 0)).flatMap(changedFile))],
    text,
  };
}

/** The value of `Name: value`, '' if there is none. */
const field = (header: readonly string[], name: string): string =>
  header
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim() ?? '';

/** What headers call a type → the kernel's name for it. Each is looked for as a word of its own. */
const words: readonly (readonly [RegExp, string])[] = [
  [/\bprivate\b/, 'MEMORY_DEVICE_PRIVATE'],
  [/\bcoherent\b/, 'MEMORY_DEVICE_COHERENT'],
  [/\bfs[-_]?dax\b/, 'MEMORY_DEVICE_FS_DAX'],
  [/\b(?:generic|dev[-_]?dax)\b/, 'MEMORY_DEVICE_GENERIC'],
  [/\b(?:pci[-_])?p2pdma\b/, 'MEMORY_DEVICE_PCI_P2PDMA'],
];

function typesIn(text: string): string[] {
  const plain = text.toLowerCase().replaceAll('memory_device_', '');
  return words.filter(([word]) => word.test(plain)).map(([, type]) => type);
}

/** `+++ b/mm/memremap.c` → its path; a file that is deleted is named by its `---` line. */
function changedFile(line: string): string[] {
  const path = /^(?:\+\+\+ b|--- a)\/([^\t\n]+)/.exec(line)?.[1];
  return path === undefined ? [] : [path.trim()];
}
