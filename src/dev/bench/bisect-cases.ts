// Faults for bisections on real kernels: two for each memory type and two that concern several, each with a quick test that shows it.

export interface Case {
  /** A file of src/testing/mutants, without `.patch`. */
  readonly mutant: string;
  readonly type: string;
  /** `suite > test` */
  readonly test: string;
  readonly topology: string;
}

const device = 'device-coherent';

export const cases: readonly Case[] = [
  {
    mutant: 'fork-private-parent-writable',
    type: 'PRIVATE',
    test: 'hmm-private > data is right whoever touches a page on the device',
    topology: device,
  },
  {
    mutant: 'mprotect-private-stays-writable',
    type: 'PRIVATE',
    test: 'hmm-private > data is right whoever touches a page on the device',
    topology: device,
  },
  {
    mutant: 'coherent-longterm-keeps-pin',
    type: 'COHERENT',
    test: 'hmm-coherent > data is right whoever touches a page on the device',
    topology: device,
  },
  {
    mutant: 'coherent-linear-map-stays',
    type: 'COHERENT',
    test: 'hmm-coherent > unloads in time and leaves nothing behind',
    topology: device,
  },
  {
    mutant: 'dax-write-hole-stale-map',
    type: 'FS_DAX',
    test: 'fs-dax > files on ext4 are the same mapped, read, written and on the device',
    topology: 'virtio-pmem',
  },
  {
    mutant: 'pmem-raw-not-devmap',
    type: 'FS_DAX',
    test: 'fs-dax > files on a namespace without an info block',
    topology: 'virtio-pmem',
  },
  {
    mutant: 'devdax-first-page',
    type: 'GENERIC',
    test: 'devdax > every page of a 4 KiB aligned device is its own',
    topology: 'nvdimm',
  },
  {
    mutant: 'kmem-resource-stays',
    type: 'GENERIC',
    test: 'kmem > soft-reserved memory becomes RAM and comes back',
    topology: 'soft-reserved',
  },
  {
    mutant: 'p2pdma-mmap-keeps-page',
    type: 'P2PDMA',
    test: 'p2pdma > every mapped page comes back to the pool',
    topology: 'nvme-cmb',
  },
  {
    mutant: 'p2pdma-mappings-survive',
    type: 'P2PDMA',
    test: 'p2pdma > remove takes a live mapping away',
    topology: 'nvme-cmb',
  },
  {
    mutant: 'unmap-keeps-caching-attribute',
    type: 'shared',
    test: 'memremap > coherent pages come and go',
    topology: device,
  },
  {
    mutant: 'device-page-uncharge-lost',
    type: 'shared',
    test: 'hmm-more > a cgroup is charged for pages on devices and does not linger',
    topology: device,
  },
];
