// Which suites could see a mutant: those for its memory types, and for the types that use the files it changes.
import type { Suite } from '../../core/suite.ts';
import type { Mutant } from './patch.ts';

/** Names of the suites to run, in the order given. All of them where the mutant is shared or nothing is known of it. */
export function suitesFor(mutant: Mutant, suites: Iterable<Suite>, all: boolean): string[] {
  const types = new Set([...mutant.types, ...mutant.files.flatMap(usersOf)]);
  const every = [...suites];
  const chosen = every.filter(
    (suite) => suite.types.length === 0 || suite.types.some((type) => types.has(type)),
  );
  return (all || mutant.shared || chosen.length === 0 ? every : chosen).map((suite) => suite.name);
}

/**
 * The chosen ones in two steps, for whoever only wants to know whether a mutant is caught: suites for one or two types
 * first, which are short and name the type, then those for more. No step is empty.
 */
export function stages(names: readonly string[], suites: Iterable<Suite>): string[][] {
  const narrow = new Set<string>();
  for (const { name, types } of suites) if (types.length > 0 && types.length <= 2) narrow.add(name);
  return [
    names.filter((name) => narrow.has(name)),
    names.filter((name) => !narrow.has(name)),
  ].filter((stage) => stage.length > 0);
}

const device = ['MEMORY_DEVICE_PRIVATE', 'MEMORY_DEVICE_COHERENT'];
const fsDax = 'MEMORY_DEVICE_FS_DAX';
const generic = 'MEMORY_DEVICE_GENERIC';

/** Beginning of a path → types whose memory goes through it. Files that all types go through are not listed. */
const users: readonly (readonly [string, readonly string[]])[] = [
  ['lib/test_hmm', device],
  ['mm/hmm.c', device],
  ['mm/migrate_device.c', device],
  ['fs/', [fsDax]],
  ['drivers/nvdimm/', [fsDax, generic]],
  ['drivers/dax/', [generic]],
  ['drivers/dax/super.c', [fsDax]],
  ['drivers/pci/p2pdma.c', ['MEMORY_DEVICE_PCI_P2PDMA']],
  ['drivers/nvme/', ['MEMORY_DEVICE_PCI_P2PDMA']],
  ['mm/memory-failure.c', [fsDax, generic]],
  ['mm/memory_hotplug.c', [fsDax, generic]],
  ['drivers/base/memory.c', [fsDax, generic]],
  ['drivers/acpi/', [fsDax, generic]],
  ['drivers/virtio/', [fsDax]],
];

const usersOf = (file: string): readonly string[] =>
  users.filter(([beginning]) => file.startsWith(beginning)).flatMap(([, types]) => types);
