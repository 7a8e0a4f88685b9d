// The memory types a tree knows, read out of include/linux/memremap.h: names, for their numbers change between releases.

/** Where `enum memory_type` stands in a kernel tree. */
export const memremapHeader = 'include/linux/memremap.h';

/** Enumerators of `enum memory_type` in order, e.g. `MEMORY_DEVICE_PRIVATE`; empty if the text has no such enum. */
export const memoryTypes = (header: string): string[] =>
  numberedTypes(header).map((type) => type.name);

/** The same with the values that C gives them; one set to something else than a number counts on from the one before. */
export function numberedTypes(header: string): { name: string; value: number }[] {
  const code = header.replaceAll(/\/\*[^]*?\*\/|\/\/[^\n]*/g, ' ');
  const body = /\benum\s+memory_type\s*\{([^}]*)\}/.exec(code)?.[1] ?? '';
  let next = 0;
  return body.split(',').flatMap((entry) => {
    const [, name = '', number] =
      /^\s*([A-Za-z_]\w*)(?:\s*=\s*(0x[\da-f]{1,8}|\d{1,9})\b)?/i.exec(entry) ?? [];
    if (name === '') return [];
    const value = number === undefined ? next : Number(number);
    next = value + 1;
    return name.startsWith('MEMORY_DEVICE_') ? [{ name, value }] : [];
  });
}
