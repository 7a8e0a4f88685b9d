// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records which of a list of kernel functions are entered: what a test exercises. Off, and without a single probe,
 * until it is written to; ordinary runs never do.
 *
 * Write to /proc/pgmap_probe/reach, one command at a time:
 *   watch LABEL ADDRESS                a function of the kernel itself, in hexadecimal
 *   watch LABEL MODULE:SYMBOL+OFFSET   one of a module, loaded or not: it is probed whenever the module comes
 *   start                              forget what was entered, and record
 *   stop                               record no more
 * Functions of different files share names (size_show): hence places, and labels, which are any words.
 *
 * Read: `hit LABEL` for each function entered since `start`; `refused LABEL ERROR` for each that cannot be probed
 * (kprobes keep off their own code); last `# watched=3 waiting=1 refused=0 missed=0`: waiting for a module; entered
 * while another probe was being handled.
 *
 * A function that the compiler inlined is not there to be entered.
 */
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "pgmap_probe.h"

#define MAX_WATCHED 8192
#define MAX_COMMAND 512

struct watched {
	struct list_head list;
	struct kprobe probe;
	unsigned long address; /* 0: in a module, at symbol and offset */
	unsigned int offset;
	char *symbol; /* MODULE:SYMBOL */
	int error; /* 0: probed; -ENOENT: not there yet */
	bool hit;
	char label[];
};

static LIST_HEAD(all);
static int nr_watched;
static bool recording;
/* The list and its probes. Hits are only flags, and need none. */
static DEFINE_MUTEX(lock);

static int entered(struct kprobe *probe, struct pt_regs *regs)
{
	struct watched *w = container_of(probe, struct watched, probe);

	if (READ_ONCE(recording))
		WRITE_ONCE(w->hit, true);
	return 0;
}
NOKPROBE_SYMBOL(entered);

/* register_kprobe() wants either a symbol or an address, and leaves its traces in what it was given. */
static void arm(struct watched *w)
{
	memset(&w->probe, 0, sizeof(w->probe));
	w->probe.pre_handler = entered;
	if (w->symbol) {
		w->probe.symbol_name = w->symbol;
		w->probe.offset = w->offset;
	} else {
		w->probe.addr = (kprobe_opcode_t *)w->address;
	}
	w->error = register_kprobe(&w->probe);
}

/* `nd_pmem:pmem_attach_disk+0x40` or `ffffffff81234560`. */
static int set_place(struct watched *w, char *place)
{
	char *symbol = strsep(&place, "+");

	if (!strchr(symbol, ':'))
		return kstrtoul(symbol, 16, &w->address);
	if (!place || kstrtouint(place, 0, &w->offset))
		return -EBADMSG;
	w->symbol = kstrdup(symbol, GFP_KERNEL);
	return w->symbol ? 0 : -ENOMEM;
}

static int watch(char *rest)
{
	char *label = strsep(&rest, " ");
	struct watched *w;
	int error;

	if (!rest)
		return -EBADMSG;
	if (nr_watched == MAX_WATCHED)
		return -ENOSPC;
	w = kzalloc(sizeof(*w) + strlen(label) + 1, GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	memcpy(w->label, label, strlen(label));
	error = set_place(w, rest);
	if (error) {
		kfree(w);
		return error;
	}
	arm(w);
	list_add_tail(&w->list, &all);
	nr_watched++;
	return 0;
}

static void start(void)
{
	struct watched *w;

	list_for_each_entry(w, &all, list)
		WRITE_ONCE(w->hit, false);
	WRITE_ONCE(recording, true);
}

static bool is_of(const struct watched *w, const char *module)
{
	size_t length = strlen(module);

	return w->symbol && !strncmp(w->symbol, module, length) && w->symbol[length] == ':';
}

/* Its code is in place now, and none of it has run. Probes that are left from the last time died with it. */
static int module_comes(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *module = data;
	struct watched *w;

	if (state != MODULE_STATE_COMING)
		return NOTIFY_DONE;
	mutex_lock(&lock);
	list_for_each_entry(w, &all, list) {
		if (!is_of(w, module->name))
			continue;
		if (!w->error)
			unregister_kprobe(&w->probe);
		arm(w);
	}
	mutex_unlock(&lock);
	return NOTIFY_OK;
}

static struct notifier_block on_module = { .notifier_call = module_comes };

static int reach_show(struct seq_file *out, void *unused)
{
	int waiting = 0, refused = 0;
	unsigned long missed = 0;
	struct watched *w;

	mutex_lock(&lock);
	list_for_each_entry(w, &all, list) {
		if (w->error == -ENOENT) {
			waiting++;
		} else if (w->error) {
			refused++;
			seq_printf(out, "refused %s %d\n", w->label, w->error);
		} else {
			missed += w->probe.nmissed;
		}
		/* Of a module that is gone again, too. */
		if (READ_ONCE(w->hit))
			seq_printf(out, "hit %s\n", w->label);
	}
	seq_printf(out, "# watched=%d waiting=%d refused=%d missed=%lu\n", nr_watched, waiting, refused, missed);
	mutex_unlock(&lock);
	return 0;
}

static int command(char *text)
{
	char *rest = strim(text);
	char *verb = strsep(&rest, " ");

	if (!strcmp(verb, "watch") && rest)
		return watch(rest);
	if (!strcmp(verb, "start"))
		start();
	else if (!strcmp(verb, "stop"))
		WRITE_ONCE(recording, false);
	else
		return -EBADMSG;
	return 0;
}

static ssize_t reach_write(struct file *file, const char __user *text, size_t size, loff_t *pos)
{
	char *copy;
	int error;

	if (size > MAX_COMMAND)
		return -EBADMSG;
	copy = memdup_user_nul(text, size);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	mutex_lock(&lock);
	error = command(copy);
	mutex_unlock(&lock);
	kfree(copy);
	return error ?: size;
}

static int reach_open(struct inode *inode, struct file *file)
{
	return single_open(file, reach_show, NULL);
}

static const struct proc_ops reach_ops = {
	.proc_open = reach_open,
	.proc_read = seq_read,
	.proc_write = reach_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

int reach_init(struct proc_dir_entry *dir)
{
	if (!proc_create("reach", 0600, dir, &reach_ops))
		return -ENOMEM;
	return register_module_notifier(&on_module);
}

void reach_exit(void)
{
	struct watched *w, *next;

	unregister_module_notifier(&on_module);
	list_for_each_entry_safe(w, next, &all, list) {
		if (!w->error)
			unregister_kprobe(&w->probe);
		kfree(w->symbol);
		kfree(w);
	}
}
