# SPDX-License-Identifier: GPL-2.0-only
# A device that stays bound in the same GiB of physical memory, so that its page table of the linear map is there:
# x86's phys_pmd_init() and its like do not look whether alloc_low_page() got a page (arch/x86/mm/init_64.c, at least up
# to 6.12), and die if it did not.
keep_linear_map() {
	tap_try "a neighbour is made that keeps the page tables" pmem_new 0 64M devdax mem 2M || tap_done
}
