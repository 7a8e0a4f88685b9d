// What pgmap_probe saw: /proc/pgmap_probe/coverage, a line per memory type.
import type { TypeUse } from './event.ts';

/** `MEMORY_DEVICE_FS_DAX mappings=2 pages=262144 unmapped=1 failed=0`; lines of another shape are left out. */
export function parseCoverage(text: string): Record<string, TypeUse> {
  const types: Record<string, TypeUse> = {};
  for (const line of text.split('\n')) {
    const match = /^(MEMORY_DEVICE_[A-Z0-9_]+|unknown:\d+) (.*)$/.exec(line);
    if (match?.[1] === undefined) continue;
    const values = new Map(
      [...(match[2] ?? '').matchAll(/([a-z]+)=(\d{1,15})/g)].map((pair) => [
        pair[1],
        Number(pair[2]),
      ]),
    );
    types[match[1]] = {
      mappings: values.get('mappings') ?? 0,
      pages: values.get('pages') ?? 0,
      unmapped: values.get('unmapped') ?? 0,
    };
  }
  return types;
}

type Use = Readonly<Record<string, TypeUse>>;

/** What two boots proved together. */
export function sumOfUse(one: Use, other: Use): Record<string, TypeUse> {
  const sum: Record<string, TypeUse> = { ...one };
  for (const [name, use] of Object.entries(other)) {
    const { mappings, pages, unmapped } = sum[name] ?? { mappings: 0, pages: 0, unmapped: 0 };
    sum[name] = {
      mappings: mappings + use.mappings,
      pages: pages + use.pages,
      unmapped: unmapped + use.unmapped,
    };
  }
  return sum;
}
