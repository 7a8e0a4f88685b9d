// SPDX-License-Identifier: GPL-2.0-only
/*
 * ram NODE START END BLOCK [OWN]: physical memory from START to END is RAM of that node now, in memory blocks of that
 * size, of each of which the first OWN bytes hold its struct pages. A program can use all the rest; then every block is
 * taken offline while a program has data there, and the data survives.
 */
#include <sys/syscall.h>
#include <tap.h>
#include <pages.h>

enum { bind_to_nodes = 2 /* MPOL_BIND */ };

static uint64_t start, end, block, own;

static char *on_node(int node, uint64_t bytes, int huge)
{
	unsigned long mask[16] = { 0 };
	char *room = mmap(NULL, bytes + 2 * MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)room + 2 * MiB - 1) & ~(2 * MiB - 1));

	mask[node / 64] = 1UL << node % 64;
	if (room == MAP_FAILED || syscall(SYS_mbind, at, bytes, bind_to_nodes, mask, 1024UL, 0))
		tap_bail("%lu bytes on node %d: %s", bytes, node, strerror(errno));
	madvise(at, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return at;
}

static int inside(uint64_t pfn)
{
	return pfn * PAGE >= start && pfn * PAGE < end && (pfn * PAGE - start) % block >= own;
}

/* Nearly all of it, with a word of its own in every page. */
static void use_all(int node)
{
	uint64_t blocks = (end - start) / block, bytes = blocks * (block - own) - 16 * MiB, count = bytes / PAGE;
	uint64_t *pfn = malloc(count * 8), outside = 0, wrong = 0, used = 0;
	char *at = on_node(node, bytes, 1), seen[1024] = "";

	for (uint64_t i = 0; i < count; i++)
		*(volatile uint64_t *)(at + i * PAGE) = stamp_word(1, i, 0);
	if (page_frames(at, count, pfn))
		tap_bail("pagemap: %s", strerror(errno));
	for (uint64_t i = 0; i < count; i++) {
		if (!inside(pfn[i]))
			outside++;
		else
			seen[(pfn[i] * PAGE - start) / block % sizeof(seen)] = 1;
		wrong += *(volatile uint64_t *)(at + i * PAGE) != stamp_word(1, i, 0);
	}
	for (uint64_t i = 0; i < blocks && i < sizeof(seen); i++)
		used += seen[i];
	if (!tap_ok(!outside, "memory of the node is memory of the device"))
		tap_note("%lu of %lu pages are elsewhere", outside, count);
	tap_ok(used == blocks, "every block of it gets used");
	tap_ok(!wrong, "%lu MiB hold what was stored", bytes / MiB);
	munmap(at, bytes);
	free(pfn);
}

static void take_offline(int node)
{
	enum { count = 2048 };
	char *at = on_node(node, count * PAGE, 0), path[128], text[32] = "";
	uint64_t where = 0, left = 0, busy = 0, pfn[count];

	stamp_all(at, 2, 0, count);
	for (uint64_t number = end / block; number-- > start / block;) {
		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state", number);
		/* A page may be in use for a moment. */
		for (int tries = 0; tries < 3 && write_to(path, "offline"); tries++)
			usleep(20000);
		FILE *f = fopen(path, "r");

		if (!f || !fgets(text, sizeof(text), f) || strncmp(text, "offline", 7)) {
			tap_note("block %lu is %s", number, text);
			busy++;
		}
		if (f)
			fclose(f);
	}
	tap_ok(!busy, "every block goes offline");
	tap_ok(!stamps_wrong(at, 2, 0, count, &where), "data that was there survives");
	page_frames(at, count, pfn);
	for (int i = 0; i < count; i++)
		left += inside(pfn[i]);
	tap_ok(!left, "and is elsewhere now");
	munmap(at, count * PAGE);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		tap_bail("usage: ram NODE START END BLOCK [OWN]");
	start = strtoull(argv[2], NULL, 0);
	end = strtoull(argv[3], NULL, 0);
	block = strtoull(argv[4], NULL, 0);
	own = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
	use_all(atoi(argv[1]));
	take_offline(atoi(argv[1]));
	tap_done();
}
