// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts calls of memremap_pages() and memunmap_pages() by memory type: the proof that a suite really made pages of
 * the type that it is for.
 *
 * /proc/pgmap_probe/coverage: per type `NAME mappings=2 pages=262144 unmapped=1 failed=0`, for every type of the tree
 * even when all is zero. Values that the tree's enum does not have follow as `unknown:<n> ...` once they are mapped.
 * pages counts the PFNs of all ranges, whatever the order of their pages.
 *
 * /proc/pgmap_probe/mappings: one line per range of each mapping. State: `live`; `unmapping` from memunmap_pages() on
 * (one that stays so is waiting for a reference that nobody drops); `gone`, and then its place may be taken by another.
 * The last line has the calls that no kretprobe was left for and the mappings that are not listed any more.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kprobes.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>

#include "pgmap_probe.h"

#define MAX_TYPES 24
#define MAX_MAPPINGS 512
#define MAX_RANGES 4
/* Calls in flight at once; what goes beyond is in `missed`. A call that hangs keeps its place. */
#define MAX_ACTIVE 64

struct count {
	int type;
	const char *name; /* NULL: not in the tree's enum */
	unsigned long mappings, pages, unmapped, failed;
};

enum state { LIVE, UNMAPPING, GONE };

struct mapping {
	struct dev_pagemap *pgmap; /* only compared once it is made */
	struct count *count;
	enum state state;
	int nr_range;
	struct range ranges[MAX_RANGES];
	unsigned long altmap, order;
	char comm[TASK_COMM_LEN];
};

#define COUNT_OF(value) { .type = value, .name = #value },
static struct count counts[MAX_TYPES] = { PGMAP_TYPES(COUNT_OF) };
#define ONE_OF(value) + 1
static int nr_counts = 0 PGMAP_TYPES(ONE_OF);
/* For values that find no more room in counts[]. */
static struct count other = { .type = -1 };

static struct mapping mappings[MAX_MAPPINGS];
static int nr_mappings;
static unsigned long unlisted;

/* Raw and interrupts off: the handlers run wherever a kprobe does. */
static DEFINE_RAW_SPINLOCK(lock);

static struct count *count_of(int type)
{
	int i;

	for (i = 0; i < nr_counts; i++)
		if (counts[i].type == type)
			return &counts[i];
	if (nr_counts == MAX_TYPES)
		return &other;
	counts[nr_counts].type = type;
	return &counts[nr_counts++];
}

static struct mapping *find(struct dev_pagemap *pgmap)
{
	int i;

	for (i = nr_mappings - 1; i >= 0; i--)
		if (mappings[i].pgmap == pgmap && mappings[i].state == LIVE)
			return &mappings[i];
	return NULL;
}

/* A new place or, when all are taken, that of the first mapping that is gone. NULL if none is. */
static struct mapping *place(void)
{
	int i;

	if (nr_mappings < MAX_MAPPINGS)
		return &mappings[nr_mappings++];
	unlisted++;
	for (i = 0; i < MAX_MAPPINGS; i++)
		if (mappings[i].state == GONE)
			return &mappings[i];
	return NULL;
}

static void add(struct dev_pagemap *pgmap, struct count *count)
{
	struct mapping *m = place();
	int i;

	if (!m)
		return;
	m->pgmap = pgmap;
	m->count = count;
	m->state = LIVE;
	m->nr_range = pgmap->nr_range;
	for (i = 0; i < pgmap->nr_range && i < MAX_RANGES; i++)
		m->ranges[i] = pgmap->ranges[i];
	m->altmap = altmap_pages(pgmap);
	m->order = compound_order_of(pgmap);
	strscpy(m->comm, current->comm, sizeof(m->comm));
}

/* What a call of memremap_pages() takes to its return: a failing one may leave the pgmap half undone. */
struct map_call {
	struct dev_pagemap *pgmap;
	int type;
};

static int map_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct map_call *call = (void *)instance->data;

	call->pgmap = (void *)regs_get_kernel_argument(regs, 0);
	call->type = call->pgmap->type;
	return 0;
}
NOKPROBE_SYMBOL(map_entry);

static int map_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct map_call *call = (void *)instance->data;
	struct count *count;
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&lock, flags);
	count = count_of(call->type);
	if (IS_ERR_VALUE(regs_return_value(regs))) {
		count->failed++;
	} else {
		count->mappings++;
		for (i = 0; i < call->pgmap->nr_range; i++)
			count->pages += range_len(&call->pgmap->ranges[i]) >> PAGE_SHIFT;
		add(call->pgmap, count);
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}
NOKPROBE_SYMBOL(map_return);

static int unmap_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct mapping **m = (void *)instance->data;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	*m = find((void *)regs_get_kernel_argument(regs, 0));
	if (*m)
		(*m)->state = UNMAPPING;
	raw_spin_unlock_irqrestore(&lock, flags);
	/* Not ours: memremap_pages() undoes its own failure with memunmap_pages(). No need to see it return. */
	return *m ? 0 : 1;
}
NOKPROBE_SYMBOL(unmap_entry);

static int unmap_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct mapping **m = (void *)instance->data;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	(*m)->state = GONE;
	(*m)->count->unmapped++;
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}
NOKPROBE_SYMBOL(unmap_return);

static struct kretprobe map_probe = {
	.kp.symbol_name = "memremap_pages",
	.entry_handler = map_entry,
	.handler = map_return,
	.data_size = sizeof(struct map_call),
	.maxactive = MAX_ACTIVE,
};

static struct kretprobe unmap_probe = {
	.kp.symbol_name = "memunmap_pages",
	.entry_handler = unmap_entry,
	.handler = unmap_return,
	.data_size = sizeof(struct mapping *),
	.maxactive = MAX_ACTIVE,
};

/* Copies under the lock, prints without it. */
static void show_count(struct seq_file *out, const struct count *from)
{
	struct count c;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	c = *from;
	raw_spin_unlock_irqrestore(&lock, flags);
	if (c.name)
		seq_puts(out, c.name);
	else if (from == &other)
		seq_puts(out, "unknown:other");
	else
		seq_printf(out, "unknown:%d", c.type);
	seq_printf(out, " mappings=%lu pages=%lu unmapped=%lu failed=%lu\n", c.mappings, c.pages, c.unmapped, c.failed);
}

static int coverage_show(struct seq_file *out, void *unused)
{
	int i;

	for (i = 0; i < READ_ONCE(nr_counts); i++)
		if (counts[i].name || READ_ONCE(counts[i].mappings))
			show_count(out, &counts[i]);
	if (other.mappings || other.failed)
		show_count(out, &other);
	return 0;
}

static int mappings_show(struct seq_file *out, void *unused)
{
	static const char *const states[] = { "live", "unmapping", "gone" };
	int i, range;

	for (i = 0; i < READ_ONCE(nr_mappings); i++) {
		struct mapping m;
		unsigned long flags;

		raw_spin_lock_irqsave(&lock, flags);
		m = mappings[i];
		raw_spin_unlock_irqrestore(&lock, flags);
		for (range = 0; range < m.nr_range && range < MAX_RANGES; range++)
			seq_printf(out, "%d %s range=%d/%d start=%#llx end=%#llx pages=%llu order=%lu altmap=%lu state=%s comm=%s\n",
				   i, m.count->name ?: "unknown", range + 1, m.nr_range, m.ranges[range].start,
				   m.ranges[range].end, range_len(&m.ranges[range]) >> PAGE_SHIFT, m.order,
				   range ? 0 : m.altmap, states[m.state], m.comm);
	}
	seq_printf(out, "# missed=%d unlisted=%lu\n", map_probe.nmissed + unmap_probe.nmissed, READ_ONCE(unlisted));
	return 0;
}

int coverage_init(struct proc_dir_entry *dir)
{
	struct kretprobe *probes[] = { &map_probe, &unmap_probe };
	int error;

	BUILD_BUG_ON(0 PGMAP_TYPES(ONE_OF) >= MAX_TYPES);
	if (!proc_create_single("coverage", 0444, dir, coverage_show) ||
	    !proc_create_single("mappings", 0444, dir, mappings_show))
		return -ENOMEM;
	error = register_kretprobes(probes, ARRAY_SIZE(probes));
	if (error)
		pr_err("cannot watch %s and %s: %d\n", map_probe.kp.symbol_name, unmap_probe.kp.symbol_name, error);
	return error;
}

void coverage_exit(void)
{
	unregister_kretprobe(&map_probe);
	unregister_kretprobe(&unmap_probe);
}
