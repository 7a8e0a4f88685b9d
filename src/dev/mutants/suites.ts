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

/** Suites of one run, and whether only those of their tests are run that enter a function that the mutant changes. */
export interface Stage {
  readonly names: readonly string[];
  readonly auto: boolean;
}

/**
 * The chosen ones for whoever only wants to know whether a mutant is caught: what is recorded to enter the changed
 * functions first, by day and then by night, and only then all there is. No stage is empty.
 */
export function stages(names: readonly string[], suites: Iterable<Suite>): Stage[] {
  const night = new Set<string>();
  for (const { name, nightly } of suites) if (nightly) night.add(name);
  return [
    { names: names.filter((name) => !night.has(name)), auto: true },
    { names: names.filter((name) => night.has(name)), auto: true },
    { names, auto: false },
  ].filter((stage) => stage.names.length > 0);
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
