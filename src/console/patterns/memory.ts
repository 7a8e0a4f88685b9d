// Pages, page tables and slabs.
import { baseName } from '../frames.ts';
import { isGeneric } from '../generic.ts';
import { guiltyOf, inHeader, inTrace, stable, where } from '../guilty.ts';
import type { Pattern } from '../pattern.ts';

export const memory: readonly Pattern[] = [
  {
    kind: 'BUG',
    header:
      /^BUG: (Bad page (?:state|map|cache|special))(?: in process|:| )(?!.*messages suppressed)/,
    title: (match, lines) => where(`BUG: ${match[1]}`, guiltyOf(lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header:
      /^BUG: (Bad rss-counter state|non-zero (?:pgtables_bytes|nr_ptes|nr_pmds) on freeing mm)/,
    title: (match) => `BUG: ${match[1]}`,
    body: 'line',
  },
  {
    kind: 'BUG',
    header: /^BUG (\S+) \((?:Not tainted|Tainted: [^)]{0,80})\): (.{1,200})$/,
    title: (match, lines) =>
      where(`BUG: slab ${match[1]}: ${stable(match[2] ?? '')}`, ownerOf(lines)),
    body: 'trace',
  },
  {
    kind: 'BUG',
    // The SLAB allocator, gone since 6.8.
    header: /^(?:slab error in (\w+)\(\): cache|Slab corruption \()/,
    title: inHeader(() => 'slab error', 1),
    body: 'trace',
  },
  {
    kind: 'BUG',
    header: /^kmem_cache_destroy \S{1,40}: Slab cache still has objects/,
    title: inTrace('kmem_cache_destroy: slab cache still has objects'),
    body: 'trace',
    message: true,
  },
];

/** Who had the object; the one that finds it broken is often a bystander. */
function ownerOf(lines: readonly string[]): string | undefined {
  for (const line of lines.slice(0, 40)) {
    const name = /^\s*(?:INFO: )?(?:Allocated|Freed) in ([A-Za-z_][\w.]*)\+0x/.exec(line)?.[1];
    if (name !== undefined && !isGeneric(baseName(name))) return baseName(name);
  }
  return guiltyOf(lines);
}
