// What a guest machine is made of, as data. configs/topologies/*.yaml in, QEMU arguments out (vm/qemu-args.ts).

/** A size as written in YAML, e.g. `512M`; parsed with parseSize. */
export type Size = string;

/** A device of the machine. `id` is its QEMU id and what in-guest tests call it by. */
export type Device =
  /** ACPI NFIT region. `size` is the usable size: the backing object gets `label` more. */
  | { type: 'nvdimm'; id: string; size: Size; label?: Size; address?: string; node?: number }
  | { type: 'virtio-pmem'; id: string; size: Size; address?: string; bus?: string }
  | { type: 'virtio-mem'; id: string; size: Size; requested: Size; node?: number; bus?: string }
  | { type: 'pc-dimm'; id: string; size: Size; node?: number; address?: string }
  | { type: 'pcie-root-port'; id: string }
  /** An upstream port on a root port of its own, and one downstream port per name in `ports`. */
  | { type: 'pcie-switch'; id: string; ports: string[] }
  /** `iops`: no more requests per second than that, so that a transfer takes a while. */
  | { type: 'nvme'; id: string; size: Size; cmb?: Size; iops?: number; bus?: string };

/** What the booted guest must show, or the topology is a MISS. Exactly one of the two. */
export interface Sign {
  /** A path that must exist; `*` matches inside one component. */
  readonly path?: string;
  /** A resource name that must be in /proc/iomem. */
  readonly iomem?: string;
}

export interface NumaNode {
  /** RAM of the node; a node without any is there for devices. */
  readonly memory?: Size;
}

export interface Topology {
  readonly name: string;
  readonly description: string;
  readonly cpus: number;
  /** RAM at boot. */
  readonly memory: Size;
  /** Slots and ceiling for memory devices; QEMU's `-m slots=,maxmem=`. */
  readonly slots?: number;
  readonly maxmem?: Size;
  /** Extra properties of `-M q35`, e.g. `nvdimm: on`. */
  readonly machine: Readonly<Record<string, string>>;
  readonly nodes: readonly NumaNode[];
  /** Words for the kernel command line. */
  readonly append: readonly string[];
  readonly devices: readonly Device[];
  /** Devices that are not there at boot; a test plugs them by id through QMP. */
  readonly hotplug: readonly Device[];
  /** Fragments of configs/kernel/ that this machine needs, without `.config`. */
  readonly config: readonly string[];
  /** Kernel modules to load, in order, once pgmap_probe is watching. */
  readonly modules: readonly string[];
  readonly signs: readonly Sign[];
}
