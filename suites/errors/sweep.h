/* SPDX-License-Identifier: GPL-2.0-only */
/* Lets the n-th memory allocation of an operation fail, for one n after the other. */
#ifndef PGMAP_SWEEP_H
#define PGMAP_SWEEP_H

/* What is tried, and how it is undone when it has worked. Both return 0 or -errno. */
struct operation {
	const char *name;
	int (*act)(void);
	int (*undo)(void);
	/* Whether the machine is as before the first try; says what is not. May be NULL. */
	int (*same)(void);
};

/* Prints the results: at most `limit` failures, spread over all allocations that the operation makes. */
void sweep(const struct operation *op, unsigned int limit);

/* Resources and total RAM, to be compared with those at the last call of memory_state_save(). */
void memory_state_save(void);
int memory_state_same(void);

#endif
