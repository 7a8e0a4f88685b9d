/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of test_hmm. They are no UAPI (lib/test_hmm_uapi.h), but their numbers have not changed. */
#ifndef PGMAP_DMIRROR_H
#define PGMAP_DMIRROR_H

#include <pages.h>

struct hmm_dmirror_cmd {
	uint64_t addr, ptr, npages, cpages, faults;
};

#define HMM_DMIRROR_READ _IOWR('H', 0, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_WRITE _IOWR('H', 1, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_MIGRATE_TO_DEV _IOWR('H', 2, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_MIGRATE_TO_SYS _IOWR('H', 3, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_SNAPSHOT _IOWR('H', 4, struct hmm_dmirror_cmd)

/* One byte a page in a snapshot; the upper half says where it is. */
enum {
	HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL = 0x20,
	HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE = 0x30,
	HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL = 0x40,
	HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE = 0x50,
	HMM_DMIRROR_PROT_ERROR = 0xff,
};

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
