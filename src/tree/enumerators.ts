// The memory types a tree knows, read out of include/linux/memremap.h: names, for their numbers change between releases.

/** Where `enum memory_type` stands in a kernel tree. */
export const memremapHeader = 'include/linux/memremap.h';

/** Enumerators of `enum memory_type` in order, e.g. `MEMORY_DEVICE_PRIVATE`; empty if the text has no such enum. */
export function memoryTypes(header: string): string[] {
  const code = header.replaceAll(/\/\*[^]*?\*\/|\/\/[^\n]*/g, ' ');
  const body = /\benum\s+memory_type\s*\{([^}]*)\}/.exec(code)?.[1] ?? '';
  return body.split(',').flatMap((entry) => {
    const name = /^\s*([A-Za-z_]\w*)/.exec(entry)?.[1] ?? '';
    return name.startsWith('MEMORY_DEVICE_') ? [name] : [];
  });
}
