// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/pgmap_probe/pfn: write a PFN, read what kind of page it is, on the same open file:
 *
 *	pfn=0x140000 type=MEMORY_DEVICE_FS_DAX zone=Device refcount=1 start=0x140000000 end=0x17fffffff altmap=0
 *
 * type is `none` for a page of the page allocator, `unknown:<n>` for a value that is not in the tree's enum. zone is
 * `reserved` for the part of a mapping that holds its own memmap, and `absent` where there is no page at all.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pgmap_probe.h"

typedef struct dev_pagemap *(*lookup_t)(unsigned long);
typedef struct dev_pagemap *(*lookup_with_hint_t)(unsigned long, struct dev_pagemap *);

/* The second argument is gone in newer kernels: call with what the tree's prototype has. */
static struct dev_pagemap *lookup(unsigned long pfn)
{
	void *function = get_dev_pagemap;

	if (__builtin_types_compatible_p(typeof(&get_dev_pagemap), lookup_with_hint_t)) {
		lookup_with_hint_t with_hint = function;

		return with_hint(pfn, NULL);
	} else {
		lookup_t plain = function;

		return plain(pfn);
	}
}

static void show_page(struct seq_file *out, struct page *page)
{
	seq_printf(out, " zone=%s refcount=%d", page_zone(page)->name, page_ref_count(page));
}

static void show_mapped(struct seq_file *out, unsigned long pfn, struct dev_pagemap *pgmap)
{
	phys_addr_t address = PFN_PHYS(pfn);
	const char *name = type_name(pgmap->type);
	int i;

	if (name)
		seq_printf(out, " type=%s", name);
	else
		seq_printf(out, " type=unknown:%d", pgmap->type);
	if (pfn - PHYS_PFN(pgmap->ranges[0].start) < altmap_pages(pgmap))
		seq_puts(out, " zone=reserved");
	else
		show_page(out, pfn_to_page(pfn));
	for (i = 0; i < pgmap->nr_range; i++)
		if (address >= pgmap->ranges[i].start && address <= pgmap->ranges[i].end)
			seq_printf(out, " start=%#llx end=%#llx", pgmap->ranges[i].start, pgmap->ranges[i].end);
	seq_printf(out, " altmap=%lu", altmap_pages(pgmap));
}

static int pfn_show(struct seq_file *out, void *unused)
{
	unsigned long *asked = out->private;
	struct dev_pagemap *pgmap = lookup(*asked);

	seq_printf(out, "pfn=%#lx", *asked);
	if (pgmap) {
		show_mapped(out, *asked, pgmap);
		put_dev_pagemap(pgmap);
	} else if (pfn_to_online_page(*asked)) {
		seq_puts(out, " type=none");
		show_page(out, pfn_to_page(*asked));
	} else {
		seq_puts(out, " type=none zone=absent");
	}
	seq_putc(out, '\n');
	return 0;
}

static int pfn_open(struct inode *inode, struct file *file)
{
	unsigned long *asked = kzalloc(sizeof(*asked), GFP_KERNEL);
	int error;

	if (!asked)
		return -ENOMEM;
	error = single_open(file, pfn_show, asked);
	if (error)
		kfree(asked);
	return error;
}

static int pfn_release(struct inode *inode, struct file *file)
{
	struct seq_file *out = file->private_data;

	kfree(out->private);
	return single_release(inode, file);
}

static ssize_t pfn_write(struct file *file, const char __user *text, size_t size, loff_t *pos)
{
	struct seq_file *out = file->private_data;
	int error = kstrtoul_from_user(text, size, 0, out->private);

	if (error)
		return error;
	/* Reading starts over, for the PFN just written. */
	*pos = 0;
	return size;
}

static const struct proc_ops pfn_ops = {
	.proc_open = pfn_open,
	.proc_read = seq_read,
	.proc_write = pfn_write,
	.proc_lseek = seq_lseek,
	.proc_release = pfn_release,
};

int pfn_init(struct proc_dir_entry *dir)
{
	return proc_create("pfn", 0600, dir, &pfn_ops) ? 0 : -ENOMEM;
}
