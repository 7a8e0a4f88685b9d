// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgmap_probe: watches memremap_pages(), answers questions about single pages, and calls memremap_pages() itself when
 * it is told to, below /proc/pgmap_probe/. Load it before the drivers whose mappings it is to count.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/string.h>

#include "pgmap_probe.h"

static struct proc_dir_entry *dir;

#define NAME_OF(name) { name, #name },
static const struct {
	int type;
	const char *name;
} types[] = { PGMAP_TYPES(NAME_OF) };

const char *type_name(int type)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

int type_value(const char *name, int *type)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name)) {
			*type = types[i].type;
			return 0;
		}
	return -ENOENT;
}

static int __init probe_init(void)
{
	int error;

	dir = proc_mkdir(KBUILD_MODNAME, NULL);
	if (!dir)
		return -ENOMEM;
	error = pfn_init(dir);
	if (!error)
		error = remap_init(dir);
	if (!error)
		error = coverage_init(dir);
	if (!error) {
		error = reach_init(dir);
		if (error)
			coverage_exit();
	}
	if (error)
		proc_remove(dir);
	return error;
}

static void __exit probe_exit(void)
{
	proc_remove(dir);
	coverage_exit();
	reach_exit();
}

module_init(probe_init);
module_exit(probe_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts what memremap_pages() is called with, per memory type");
