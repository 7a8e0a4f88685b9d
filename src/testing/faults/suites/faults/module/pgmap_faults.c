// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a broken kernel does, on demand: `insmod pgmap_faults.ko fault=NAME`. Each fault has a function of its own, which
 * a report must name.
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <asm/desc.h>

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "What to do: oops, warn, bug, spin, irqs-off, irqs-off-one, deadlock, triple, stuck");

static DEFINE_MUTEX(pgmap_faults_one);
static DEFINE_MUTEX(pgmap_faults_other);

static noinline void pgmap_faults_oops(void)
{
	*(volatile int *)0x10 = 1;
}

static noinline void pgmap_faults_warn(void)
{
	WARN(1, "pgmap_faults was asked to warn\n");
}

static noinline void pgmap_faults_bug(void)
{
	BUG();
}

/* Interrupts come in, but nobody else gets this processor: a soft lockup. */
static noinline void pgmap_faults_spin(void)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

static noinline void pgmap_faults_irqs_off(void *unused)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

/* An exception that nobody can take: the machine resets and nothing is said. */
static noinline void pgmap_faults_triple(void)
{
	static const struct desc_ptr none;

	load_idt(&none);
	asm volatile("int3");
}

static noinline void pgmap_faults_stuck(void)
{
	struct completion never;

	init_completion(&never);
	wait_for_completion(&never);
}

/* Takes the locks the other way round, while the first one is held. */
static noinline int pgmap_faults_deadlock_other(void *first_held)
{
	mutex_lock(&pgmap_faults_other);
	complete(first_held);
	mutex_lock(&pgmap_faults_one);
	mutex_unlock(&pgmap_faults_one);
	mutex_unlock(&pgmap_faults_other);
	return 0;
}

static noinline void pgmap_faults_deadlock(void)
{
	DECLARE_COMPLETION_ONSTACK(other_held);

	mutex_lock(&pgmap_faults_one);
	if (IS_ERR(kthread_run(pgmap_faults_deadlock_other, &other_held, "deadlock")))
		return;
	wait_for_completion(&other_held);
	mutex_lock(&pgmap_faults_other);
	mutex_unlock(&pgmap_faults_other);
	mutex_unlock(&pgmap_faults_one);
}

static int __init pgmap_faults_init(void)
{
	pr_info("pgmap_faults: %s\n", fault);
	if (!strcmp(fault, "oops"))
		pgmap_faults_oops();
	else if (!strcmp(fault, "warn"))
		pgmap_faults_warn();
	else if (!strcmp(fault, "bug"))
		pgmap_faults_bug();
	else if (!strcmp(fault, "spin"))
		pgmap_faults_spin();
	else if (!strcmp(fault, "irqs-off"))
		on_each_cpu(pgmap_faults_irqs_off, NULL, 1);
	else if (!strcmp(fault, "irqs-off-one"))
		pgmap_faults_irqs_off(NULL);
	else if (!strcmp(fault, "deadlock"))
		pgmap_faults_deadlock();
	else if (!strcmp(fault, "triple"))
		pgmap_faults_triple();
	else if (!strcmp(fault, "stuck"))
		pgmap_faults_stuck();
	else
		return -EINVAL;
	return 0;
}
module_init(pgmap_faults_init);

static void __exit pgmap_faults_exit(void)
{
}
module_exit(pgmap_faults_exit);

MODULE_DESCRIPTION("Faults on demand, for the tests of pgmap");
MODULE_LICENSE("GPL");
