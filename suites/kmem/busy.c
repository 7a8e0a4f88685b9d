// SPDX-License-Identifier: GPL-2.0-only
/*
 * busy NODE START END READY: has data in the RAM from START to END, which is all of that node, says so by a line to the
 * file READY, and waits for a line. Then its data is what it was and where it was, and it can have more there.
 */
#include <sys/syscall.h>
#include <tap.h>
#include <pages.h>

enum { bind_to_nodes = 2 /* MPOL_BIND */, count = 4096 };

static uint64_t start, end, was[count], now[count];

static char *on_node(int node)
{
	unsigned long mask[16] = { 0 };
	char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mask[node / 64] = 1UL << node % 64;
	if (at == MAP_FAILED || syscall(SYS_mbind, at, count * PAGE, bind_to_nodes, mask, 1024UL, 0))
		tap_bail("%lu bytes on node %d: %s", count * PAGE, node, strerror(errno));
	return at;
}

static uint64_t outside(const uint64_t *pfn)
{
	uint64_t found = 0;

	for (int i = 0; i < count; i++)
		found += pfn[i] * PAGE < start || pfn[i] * PAGE >= end;
	return found;
}

int main(int argc, char **argv)
{
	uint64_t where = 0;
	char *at, *more, line[16];
	int fd;

	if (argc < 5)
		tap_bail("usage: busy NODE START END READY");
	start = strtoull(argv[2], NULL, 0);
	end = strtoull(argv[3], NULL, 0);
	at = on_node(atoi(argv[1]));
	stamp_all(at, 1, 0, count);
	page_frames(at, count, was);
	fd = open(argv[4], O_WRONLY);
	if (write(fd, "ready\n", 6) != 6 || close(fd) || !fgets(line, sizeof(line), stdin))
		tap_bail("%s: %s", argv[4], strerror(errno));

	tap_ok(!outside(was), "a program has memory of the device");
	page_frames(at, count, now);
	tap_ok(!memcmp(was, now, sizeof(was)) && !stamps_wrong(at, 1, 0, count, &where),
	       "its data is still there when the driver is gone");
	more = on_node(atoi(argv[1]));
	stamp_all(more, 2, 0, count);
	page_frames(more, count, now);
	tap_ok(!outside(now) && !stamps_wrong(more, 2, 0, count, &where) && !stamps_wrong(at, 1, 0, count, &where),
	       "and it can have more of it");
	tap_done();
}
