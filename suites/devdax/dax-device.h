/* SPDX-License-Identifier: GPL-2.0-only */
/* A device-dax device as sysfs describes it: size, alignment, and which physical memory is at which offset. */
#ifndef PGMAP_DAX_DEVICE_H
#define PGMAP_DAX_DEVICE_H

#include <pages.h>

struct dax_device {
	const char *name;
	char path[64];
	uint64_t size, align, pages;
	int ranges;
	struct {
		uint64_t start, end, first;
	} range[8];
};

/* 0, or what is missing. A device that was made at boot or by hmem has a mappingN for each range, others only have
 * one range. */
static inline const char *dax_device(const char *name, struct dax_device *d)
{
	const char *sys = "/sys/bus/dax/devices";

	memset(d, 0, sizeof(*d));
	d->name = name;
	snprintf(d->path, sizeof(d->path), "/dev/%s", name);
	d->size = number_in(0, "%s/%s/size", sys, name);
	d->align = number_in(0, "%s/%s/align", sys, name);
	d->pages = d->size / PAGE;
	if (!d->size || !d->align)
		return "no size or no alignment in sysfs";
	for (; d->ranges < 8; d->ranges++) {
		uint64_t none = ~0UL, start = number_in(none, "%s/%s/mapping%d/start", sys, name, d->ranges);

		if (start == none)
			break;
		d->range[d->ranges].start = start;
		d->range[d->ranges].end = number_in(0, "%s/%s/mapping%d/end", sys, name, d->ranges);
		d->range[d->ranges].first = number_in(0, "%s/%s/mapping%d/page_offset", sys, name, d->ranges);
	}
	if (!d->ranges) {
		d->range[0].start = number_in(0, "%s/%s/resource", sys, name);
		d->range[0].end = d->range[0].start + d->size - 1;
		d->ranges = 1;
	}
	return d->range[0].start ? NULL : "no physical address in sysfs";
}

/* The frame that must be behind a page of the device. */
static inline uint64_t dax_frame(const struct dax_device *d, uint64_t page)
{
	for (int i = 0; i < d->ranges; i++) {
		uint64_t count = (d->range[i].end + 1 - d->range[i].start) / PAGE;

		if (page >= d->range[i].first && page < d->range[i].first + count)
			return d->range[i].start / PAGE + page - d->range[i].first;
	}
	return 0;
}

/* Maps bytes at an offset; MAP_FAILED and errno if refused. */
static inline char *dax_map(const struct dax_device *d, uint64_t offset, uint64_t bytes, int prot, int flags)
{
	int fd = open(d->path, prot & PROT_WRITE ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC), err;
	char *at;

	if (fd < 0)
		return MAP_FAILED;
	at = mmap(NULL, bytes, prot, flags, fd, offset);
	err = errno;
	close(fd);
	errno = err;
	return at;
}

#endif
