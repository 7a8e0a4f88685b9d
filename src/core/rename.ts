// A memory type under another name: same value, other enumerator. Suites and pgmap_probe keep the names they know; what
// the tested tree calls them is only put in where people read it.

/** One enumerator of `enum memory_type`. */
export interface MemoryType {
  readonly name: string;
  readonly value: number;
}

/** Name in the base → name in the tested tree; only those that differ. */
export type Renamed = Readonly<Record<string, string>>;

/**
 * Enumerators that `after` calls otherwise than `before`: the old name is gone, the new one was not there, the value is
 * the same. A name that comes or goes without such a partner is no renaming, whatever happens to the values of others.
 */
export function renamedTypes(before: readonly MemoryType[], after: readonly MemoryType[]): Renamed {
  const has = (list: readonly MemoryType[], name: string): boolean =>
    list.some((type) => type.name === name);
  const renamed: Record<string, string> = {};
  for (const old of before) {
    if (has(after, old.name)) continue;
    const now = after.find((type) => type.value === old.value && !has(before, type.name));
    if (now !== undefined) renamed[old.name] = now.name;
  }
  return renamed;
}

/** Name in suites → what other releases called it: MEMORY_DEVICE_DEVDAX from 5.3 to 5.9. */
const otherReleases: Renamed = { MEMORY_DEVICE_GENERIC: 'MEMORY_DEVICE_DEVDAX' };

/** Names of another release in a tree that stands alone. */
export function olderNames(enumerators: readonly string[]): Renamed {
  const there = Object.entries(otherReleases).filter(
    ([ours, theirs]) => !enumerators.includes(ours) && enumerators.includes(theirs),
  );
  return Object.fromEntries(there);
}

/**
 * What the tested tree calls the types that suites speak of: by what the series renames, else by what other releases
 * called them. Only what is not in `tree` under its own name.
 */
export const treeNames = (base: readonly MemoryType[], tree: readonly MemoryType[]): Renamed => ({
  ...olderNames(tree.map((type) => type.name)),
  ...renamedTypes(base, tree),
});

export const nameIn = (renamed: Renamed, name: string): string =>
  Object.hasOwn(renamed, name) ? (renamed[name] ?? name) : name;

/** The other way round: the name that suites use for a type of the tested tree. */
export const suiteName = (renamed: Renamed, name: string): string =>
  Object.keys(renamed).find((ours) => renamed[ours] === name) ?? name;

/** Enumerators that the base does not have under any name: no suite can be for them yet. */
export const newTypes = (base: readonly MemoryType[], tree: readonly MemoryType[]): string[] => {
  const known = Object.values(renamedTypes(base, tree));
  return tree
    .map((type) => type.name)
    .filter((name) => !known.includes(name) && !base.some((type) => type.name === name));
};
