// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/pgmap_probe/remap: calls memremap_pages() as it is told. An open file holds one mapping at most, and takes it
 * along when it is closed. Written, one request at a time:
 *
 *	map TYPE [nr=N] [order=N] [altmap=PAGES] [without=ops|free|migrate|owner]... START-END...
 *	touch
 *	unmap
 *
 * TYPE is a name of enum memory_type, or a number. START and END are physical addresses, both inclusive; `free:SIZE`
 * in their place asks request_free_mem_region() for a range, as drivers of device private memory do. nr is the number
 * of ranges that the kernel is told, if it is not that of the ranges given. altmap has the memmap in the first range.
 * touch writes and reads the first and the last page of each range through the linear map.
 *
 * write(2) fails with what memremap_pages() said, or EBADMSG (a request that makes no sense), ENODEV (a type that
 * this tree does not have), EBUSY (one is mapped), ENOENT (none is), EIO (touch read something else than it wrote).
 * Read, it gives the ranges of the mapping, a line `START-END` each.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "pgmap_probe.h"

#define MAX_RANGES 4
#define MAX_REQUEST 512

/* What one open file has. */
struct remap {
	struct mutex lock;
	struct dev_pagemap *pgmap; /* NULL: nothing is mapped */
	struct resource *region; /* of `free:` */
};

static vm_fault_t refuse_to_migrate(struct vm_fault *fault)
{
	return VM_FAULT_SIGBUS;
}

/* No page of ours is ever given to anybody, so none is freed. Its type differs between releases, hence the casts. */
static void free_nothing(void *unused)
{
}

#ifdef PGMAP_HAS_FOLIO_FREE
#define FREE .folio_free = (void *)free_nothing
#else
#define FREE .page_free = (void *)free_nothing
#endif
static const struct dev_pagemap_ops all = { FREE, .migrate_to_ram = refuse_to_migrate };
static const struct dev_pagemap_ops no_free = { .migrate_to_ram = refuse_to_migrate };
static const struct dev_pagemap_ops no_migrate = { FREE };

static int parse_type(const char *word, struct dev_pagemap *pgmap)
{
	int type;

	if (kstrtoint(word, 0, &type) && type_value(word, &type))
		return -ENODEV;
	pgmap->type = type;
	return 0;
}

static int parse_without(const char *word, struct dev_pagemap *pgmap)
{
	if (!strcmp(word, "ops"))
		pgmap->ops = NULL;
	else if (!strcmp(word, "free"))
		pgmap->ops = &no_free;
	else if (!strcmp(word, "migrate"))
		pgmap->ops = &no_migrate;
	else if (!strcmp(word, "owner"))
		pgmap->owner = NULL;
	else
		return -EBADMSG;
	return 0;
}

static int parse_range(char *word, struct range *range)
{
	char *end = strchr(word, '-');

	if (!end)
		return -EBADMSG;
	*end++ = '\0';
	if (kstrtou64(word, 0, &range->start) || kstrtou64(end, 0, &range->end) || range->end < range->start)
		return -EBADMSG;
	return 0;
}

static int take_free(const char *word, struct remap *remap, struct range *range)
{
	unsigned long size;

	if (remap->region || kstrtoul(word, 0, &size))
		return -EBADMSG;
	/* Without it, the kernel does not have that function. */
	if (!IS_ENABLED(CONFIG_DEVICE_PRIVATE))
		return -ENODEV;
	remap->region = request_free_mem_region(&iomem_resource, size, KBUILD_MODNAME);
	if (IS_ERR(remap->region)) {
		int error = PTR_ERR(remap->region);

		remap->region = NULL;
		return error;
	}
	range->start = remap->region->start;
	range->end = remap->region->end;
	return 0;
}

static void give_back(struct remap *remap)
{
	if (remap->region)
		release_mem_region(remap->region->start, resource_size(remap->region));
	remap->region = NULL;
}

static int set_order(struct dev_pagemap *pgmap, unsigned long order)
{
#ifdef PGMAP_HAS_VMEMMAP_SHIFT
	pgmap->vmemmap_shift = order;
	return 0;
#else
	return -EBADMSG;
#endif
}

/* Fills in all but the altmap, whose base is only known once the ranges are. */
static int parse_map(struct remap *remap, struct dev_pagemap *pgmap, char *rest, unsigned long *altmap)
{
	char *word = strsep(&rest, " ");
	unsigned long value;
	int nr = 0, told = -1, error;

	if (!word)
		return -EBADMSG;
	error = parse_type(word, pgmap);
	pgmap->ops = &all;
	pgmap->owner = remap;
	while (!error && (word = strsep(&rest, " "))) {
		if (!strncmp(word, "without=", 8))
			error = parse_without(word + 8, pgmap);
		else if (!strncmp(word, "nr=", 3))
			error = kstrtoint(word + 3, 0, &told) || told < 0 || told > MAX_RANGES ? -EBADMSG : 0;
		else if (!strncmp(word, "altmap=", 7))
			error = kstrtoul(word + 7, 0, altmap) ? -EBADMSG : 0;
		else if (!strncmp(word, "order=", 6))
			error = kstrtoul(word + 6, 0, &value) ? -EBADMSG : set_order(pgmap, value);
		else if (nr == MAX_RANGES)
			error = -EBADMSG;
		else if (!strncmp(word, "free:", 5))
			error = take_free(word + 5, remap, &pgmap->ranges[nr++]);
		else
			error = parse_range(word, &pgmap->ranges[nr++]);
	}
	pgmap->nr_range = told < 0 ? nr : told;
	return error ?: nr ? error : -EBADMSG;
}

static void set_altmap(struct dev_pagemap *pgmap, unsigned long pages)
{
	/* Its members are const. */
	struct vmem_altmap altmap = {
		.base_pfn = PHYS_PFN(pgmap->ranges[0].start),
		.end_pfn = PHYS_PFN(pgmap->ranges[0].end),
		.free = pages,
	};

	memcpy(&pgmap->altmap, &altmap, sizeof(altmap));
	pgmap->flags |= PGMAP_ALTMAP_VALID;
}

static int map(struct remap *remap, char *rest)
{
	struct dev_pagemap *pgmap;
	unsigned long altmap = 0;
	int error;

	if (remap->pgmap)
		return -EBUSY;
	pgmap = kzalloc(sizeof(*pgmap) + MAX_RANGES * sizeof(struct range), GFP_KERNEL);
	if (!pgmap)
		return -ENOMEM;
	error = parse_map(remap, pgmap, rest, &altmap);
	if (!error) {
		if (altmap)
			set_altmap(pgmap, altmap);
		error = PTR_ERR_OR_ZERO(memremap_pages(pgmap, NUMA_NO_NODE));
	}
	if (error) {
		give_back(remap);
		kfree(pgmap);
	} else {
		remap->pgmap = pgmap;
	}
	return error;
}

static int unmap(struct remap *remap)
{
	if (!remap->pgmap)
		return -ENOENT;
	memunmap_pages(remap->pgmap);
	kfree(remap->pgmap);
	remap->pgmap = NULL;
	give_back(remap);
	return 0;
}

static int touch(struct remap *remap)
{
	struct dev_pagemap *pgmap = remap->pgmap;
	u64 *words[2 * MAX_RANGES];
	int i;

	if (!pgmap)
		return -ENOENT;
	for (i = 0; i < pgmap->nr_range; i++) {
		words[2 * i] = __va(pgmap->ranges[i].start);
		words[2 * i + 1] = __va(pgmap->ranges[i].end + 1 - sizeof(u64));
	}
	/* Its first pages are the memmap. */
	words[0] += altmap_pages(pgmap) * PAGE_SIZE / sizeof(u64);
	for (i = 0; i < 2 * pgmap->nr_range; i++)
		WRITE_ONCE(*words[i], (u64)(uintptr_t)words[i]);
	for (i = 0; i < 2 * pgmap->nr_range; i++)
		if (READ_ONCE(*words[i]) != (u64)(uintptr_t)words[i])
			return -EIO;
	return 0;
}

static int remap_show(struct seq_file *out, void *unused)
{
	struct remap *remap = out->private;
	int i;

	mutex_lock(&remap->lock);
	for (i = 0; remap->pgmap && i < remap->pgmap->nr_range; i++)
		seq_printf(out, "%#llx-%#llx\n", remap->pgmap->ranges[i].start, remap->pgmap->ranges[i].end);
	mutex_unlock(&remap->lock);
	return 0;
}

static ssize_t remap_write(struct file *file, const char __user *text, size_t size, loff_t *pos)
{
	struct remap *remap = ((struct seq_file *)file->private_data)->private;
	char *request, *rest, *verb;
	int error;

	if (size > MAX_REQUEST)
		return -EBADMSG;
	request = memdup_user_nul(text, size);
	if (IS_ERR(request))
		return PTR_ERR(request);
	rest = strim(request);
	verb = strsep(&rest, " ");
	if (mutex_lock_killable(&remap->lock)) {
		kfree(request);
		return -EINTR;
	}
	if (!strcmp(verb, "map"))
		error = map(remap, rest);
	else if (!strcmp(verb, "touch"))
		error = touch(remap);
	else if (!strcmp(verb, "unmap"))
		error = unmap(remap);
	else
		error = -EBADMSG;
	mutex_unlock(&remap->lock);
	kfree(request);
	/* Reading starts over. */
	*pos = 0;
	return error ?: size;
}

static int remap_open(struct inode *inode, struct file *file)
{
	struct remap *remap = kzalloc(sizeof(*remap), GFP_KERNEL);
	int error;

	if (!remap)
		return -ENOMEM;
	mutex_init(&remap->lock);
	error = single_open(file, remap_show, remap);
	if (error)
		kfree(remap);
	return error;
}

static int remap_release(struct inode *inode, struct file *file)
{
	struct remap *remap = ((struct seq_file *)file->private_data)->private;

	unmap(remap);
	kfree(remap);
	return single_release(inode, file);
}

static const struct proc_ops remap_ops = {
	.proc_open = remap_open,
	.proc_read = seq_read,
	.proc_write = remap_write,
	.proc_lseek = seq_lseek,
	.proc_release = remap_release,
};

int remap_init(struct proc_dir_entry *dir)
{
	return proc_create("remap", 0600, dir, &remap_ops) ? 0 : -ENOMEM;
}
