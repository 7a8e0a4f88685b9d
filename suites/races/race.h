/* SPDX-License-Identifier: GPL-2.0-only */
/* What the races share: random numbers that can be repeated, workers that run until told to stop, and a time limit. */
#ifndef PGMAP_RACE_H
#define PGMAP_RACE_H

#include <sys/wait.h>
#include <tap.h>
#include <pages.h>

/* xorshift64*; each worker has one of its own, so that what it does follows from the seed and its number. */
static inline uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1dUL >> 33) % below;
}

static inline uint64_t draws(uint64_t seed, uint64_t worker)
{
	return (seed + 1) * 0x9e3779b97f4a7c15UL ^ (worker + 1) * 0xc2b2ae3d27d4eb4fUL;
}

/* Seen by all workers. */
struct stage {
	volatile int stop;
	volatile int wrong;
	volatile long rounds[16];
};

static inline struct stage *stage_new(void)
{
	struct stage *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(s, 0, sizeof(*s));
	return s;
}

/* The seed of the command line, or one of the clock. It is printed, so that a run can be repeated. */
static inline uint64_t seed_of(const char *text)
{
	uint64_t seed = text && strcmp(text, "0") ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;

	tap_note("seed %lu", seed);
	return seed;
}

/* Whether all of them end with 0 in that time. Those that do not are stuck in the kernel. */
static inline int all_end(struct stage *s, pid_t *pids, int count, double limit)
{
	double until = seconds() + limit;
	int left = count, good = 1, status;

	s->stop = 1;
	while (left && seconds() < until) {
		for (int i = 0; i < count; i++)
			if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
				if (status) {
					tap_note("worker %d ended with %#x", i, status);
					good = 0;
				}
				pids[i] = 0;
				left--;
			}
		usleep(2000);
	}
	for (int i = 0; i < count; i++)
		if (pids[i]) {
			tap_note("worker %d does not end", i);
			kill(pids[i], SIGKILL);
		}
	return good && !left;
}

#endif
