/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of test_hmm (lib/test_hmm_uapi.h), and a buffer that lives behind them. */
#ifndef PGMAP_DMIRROR_H
#define PGMAP_DMIRROR_H

#include <pages.h>
#include <lib/test_hmm_uapi.h>

struct dmirror {
	int fd;
	int minor;
	/* What pages of this device look like in a snapshot. */
	unsigned char local, remote;
};

static inline struct dmirror dmirror_open(int minor, int coherent)
{
	struct dmirror d = {
		.minor = minor,
		.local = coherent ? HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL : HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL,
		.remote = coherent ? HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE : HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE,
	};
	char path[64];

	snprintf(path, sizeof(path), "/dev/hmm_dmirror%d", minor);
	d.fd = open(path, O_RDWR | O_CLOEXEC);
	return d;
}

/* Pages the command worked on, or -errno. */
static inline long dmirror_do(struct dmirror *d, unsigned long request, void *at, uint64_t pages, void *mirror)
{
	struct hmm_dmirror_cmd cmd = { .addr = (uintptr_t)at, .ptr = (uintptr_t)mirror, .npages = pages };

	while (ioctl(d->fd, request, &cmd))
		if (errno != EINTR)
			return -errno;
	return cmd.cpages;
}

/* How many pages a snapshot shows in that state, protection bits aside. */
static inline uint64_t dmirror_count(struct dmirror *d, void *at, uint64_t pages, unsigned char state)
{
	unsigned char shown[pages];
	uint64_t count = 0;

	memset(shown, HMM_DMIRROR_PROT_ERROR, pages);
	if (dmirror_do(d, HMM_DMIRROR_SNAPSHOT, at, pages, shown) != (long)pages)
		return ~0UL;
	for (uint64_t i = 0; i < pages; i++)
		count += (shown[i] & 0xf0) == state && shown[i] != HMM_DMIRROR_PROT_ERROR;
	return count;
}

#endif
