// The files that memremap patches are about: their functions are watched when it is recorded what tests reach.

export interface SubsystemPart {
  /** A source file, or all of a folder: `drivers/dax/`. */
  readonly path: string;
  /** Of a file that does more than this, the functions that belong here. All are watched; only these can be gaps. */
  readonly part?: RegExp;
}

export const subsystem: readonly SubsystemPart[] = [
  { path: 'arch/x86/mm/init.c', part: /memremap|devmem|hotplug/ },
  {
    path: 'arch/x86/mm/init_64.c',
    part: /vmemmap|add_|remove_|free_pagetable|hotadd|register_page/,
  },
  { path: 'arch/x86/mm/ioremap.c', part: /memremap|ram|desc/ },
  { path: 'arch/x86/mm/pat/memtype.c', part: /memtype|pfn/ },
  { path: 'arch/x86/mm/pat/set_memory.c', part: /mce|nocache|_wb|_uc|direct_map/ },
  { path: 'drivers/acpi/nfit/' },
  { path: 'drivers/base/memory.c' },
  { path: 'drivers/dax/' },
  { path: 'drivers/dax/hmem/' },
  { path: 'drivers/nvdimm/' },
  { path: 'drivers/nvme/host/pci.c', part: /cmb|p2p|map_data|prp|sgl/ },
  { path: 'drivers/pci/p2pdma.c' },
  { path: 'fs/dax.c' },
  { path: 'fs/ext4/file.c', part: /dax|mmap/ },
  { path: 'fs/ext4/inode.c', part: /dax/ },
  { path: 'fs/ext4/super.c', part: /dax/ },
  { path: 'fs/xfs/xfs_aops.c', part: /dax/ },
  { path: 'fs/xfs/xfs_file.c', part: /dax|fault|mmap|layouts/ },
  { path: 'fs/xfs/xfs_iomap.c', part: /dax/ },
  { path: 'fs/xfs/xfs_notify_failure.c' },
  { path: 'fs/xfs/xfs_super.c', part: /dax|blkdev/ },
  { path: 'kernel/iomem.c' },
  { path: 'kernel/resource.c', part: /free_mem|iomem_res|intersects|insert_|walk_|memregion|desc/ },
  { path: 'lib/test_hmm.c' },
  { path: 'mm/gup.c', part: /folio|follow_p|longterm|devmap|migrat|pin/ },
  { path: 'mm/hmm.c' },
  { path: 'mm/huge_memory.c', part: /devmap|pfn|touch_p|migration|zap_huge|device|vmf_insert/ },
  { path: 'mm/memory-failure.c' },
  { path: 'mm/memory_hotplug.c' },
  { path: 'mm/memremap.c' },
  { path: 'mm/migrate_device.c' },
  { path: 'mm/mm_init.c', part: /zone_device|compound|init_single|contiguous/ },
  { path: 'mm/sparse-vmemmap.c' },
  { path: 'mm/sparse.c' },
];

/** The entry that a source file falls under: its own, or its folder's. */
export const partOf = (file: string): SubsystemPart | undefined =>
  subsystem.find(({ path }) => path === file) ??
  subsystem.find(({ path }) => path === file.slice(0, file.lastIndexOf('/') + 1));
