// SPDX-License-Identifier: GPL-2.0-only
/*
 * oracle before | oracle after: what every test leaves as it found it. run-test calls it around each test. `before`
 * writes down what there is, `after` compares and says, in lines that src/suite/oracle.ts reads:
 *
 *	# pgmap: oracle not ok NAME: - a line that was there before
 *	# pgmap: oracle not ok NAME: + a line that is there now
 *	# pgmap: oracle done
 *
 * The names are those of the table below; a test that leaves something on purpose says `leaves: { NAME: why }`.
 */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char snapshot[] = "/run/pgmap-oracle";

/* What is freed in the background (RCU, work queues) gets this long to go. */
#define SETTLE_MS 1000
#define POLL_MS 50
/* Lines shown of each oracle. */
#define SHOWN 8

typedef void (*look_t)(FILE *out);

/* Calls found(line) for each line of a file; nothing if it cannot be read: a kernel may not have it. */
static void lines_of(const char *path, FILE *out, void (*found)(const char *line, FILE *out))
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	while (in && getline(&line, &room, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		found(line, out);
	}
	free(line);
	if (in)
		fclose(in);
}

static void copy(const char *line, FILE *out)
{
	fprintf(out, "%s\n", line);
}

/* Resources that are not given back, or come back in another place. */
static void look_iomem(FILE *out)
{
	lines_of("/proc/iomem", out, copy);
}

static long sum;

static void add_direct_map(const char *line, FILE *out)
{
	if (strncmp(line, "DirectMap", 9) == 0)
		sum += atol(line + strcspn(line, " "));
}

/* Only the sum: mappings are split into smaller ones as time goes by. */
static void look_linear_map(FILE *out)
{
	sum = 0;
	lines_of("/proc/meminfo", out, add_direct_map);
	fprintf(out, "%ld kB\n", sum);
}

static void copy_memmap(const char *line, FILE *out)
{
	if (strncmp(line, "nr_memmap", 9) == 0)
		copy(line, out);
}

/* Pages that hold struct pages; counted since 6.11. */
static void look_memmap(FILE *out)
{
	lines_of("/proc/vmstat", out, copy_memmap);
}

static void add_pins(const char *line, FILE *out)
{
	if (strncmp(line, "nr_foll_pin_acquired ", 21) == 0)
		sum += atol(line + 21);
	if (strncmp(line, "nr_foll_pin_released ", 21) == 0)
		sum -= atol(line + 21);
}

/* Pages pinned by FOLL_PIN and not released. Without the refresh, what CPUs count for themselves is missing. */
static void look_pins(FILE *out)
{
	FILE *refresh = fopen("/proc/sys/vm/stat_refresh", "we");

	if (refresh) {
		fputs("1", refresh);
		fclose(refresh);
	}
	sum = 0;
	lines_of("/proc/vmstat", out, add_pins);
	fprintf(out, "%ld pinned\n", sum);
}

/* Caching attributes of physical ranges. */
static void look_caching(FILE *out)
{
	lines_of("/sys/kernel/debug/x86/pat_memtype_list", out, copy);
}

/* Free memory of PCI devices that other devices can reach. */
static void look_p2pmem(FILE *out)
{
	glob_t found;

	if (glob("/sys/bus/pci/devices/*/p2pmem/available", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		fprintf(out, "%s ", found.gl_pathv[i]);
		lines_of(found.gl_pathv[i], out, copy);
	}
	globfree(&found);
}

static void copy_dying(const char *line, FILE *out)
{
	if (strncmp(line, "nr_dying_descendants ", 21) == 0)
		copy(line + 21, out);
}

/* Control groups that are removed, but held by charges. */
static void look_cgroups(FILE *out)
{
	lines_of("/sys/fs/cgroup/cgroup.stat", out, copy_dying);
}

static void copy_taint(const char *line, FILE *out)
{
	/* Documentation/admin-guide/tainted-kernels.rst */
	static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";
	unsigned long flags = strtoul(line, NULL, 10);

	for (size_t bit = 0; bit < sizeof(letters) - 1; bit++)
		if (flags & 1ul << bit)
			fprintf(out, "taint %c\n", letters[bit]);
}

static void look_taint(FILE *out)
{
	lines_of("/proc/sys/kernel/tainted", out, copy_taint);
}

/* `3 MEMORY_DEVICE_PRIVATE range=1/1 start=… end=… … state=live comm=modprobe` without its number and its maker. */
static void copy_mapping(const char *line, FILE *out)
{
	const char *name = strchr(line, ' '), *comm = strstr(line, " comm=");

	if (name && comm && !strstr(line, " state=gone"))
		fprintf(out, "%.*s\n", (int)(comm - name - 1), name + 1);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What memremap_pages() made, in the order of names: a mapping that was taken away and made again has a new place. */
static void look_mappings(FILE *out)
{
	char *text = NULL, *lines[1024], *line, *rest;
	size_t size, count = 0;
	FILE *list = open_memstream(&text, &size);

	lines_of("/proc/pgmap_probe/mappings", list, copy_mapping);
	fclose(list);
	for (rest = text; count < 1024 && (line = strsep(&rest, "\n")) && *line;)
		lines[count++] = line;
	qsort(lines, count, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < count; i++)
		copy(lines[i], out);
	free(text);
}

static const struct oracle {
	const char *name;
	look_t look;
	bool final; /* it does not go by waiting */
	bool may_sink; /* a number that may become less */
} oracles[] = {
	{ "iomem", look_iomem, false, false },
	{ "linear-map", look_linear_map, false, false },
	{ "memmap", look_memmap, false, false },
	{ "pins", look_pins, false, false },
	{ "caching", look_caching, false, false },
	{ "p2pmem", look_p2pmem, false, false },
	{ "cgroups", look_cgroups, false, true },
	{ "mappings", look_mappings, false, false },
	{ "taint", look_taint, true, false },
};
#define ORACLES (sizeof(oracles) / sizeof(oracles[0]))

static char *look(const struct oracle *oracle)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	oracle->look(out);
	fclose(out);
	return text;
}

static bool same(const struct oracle *oracle, const char *before, const char *now)
{
	return strcmp(before, now) == 0 || (oracle->may_sink && atol(now) <= atol(before));
}

static size_t split(char *text, char **lines, size_t most)
{
	size_t count = 0;

	for (char *line; count < most && (line = strsep(&text, "\n")) && (*line || text);)
		lines[count++] = line;
	return count;
}

/* Lines between the common beginning and the common end. Both texts are taken apart. */
static void show(const char *name, char *before, char *now)
{
	static char *old[4096], *new[4096];
	size_t olds = split(before, old, 4096), news = split(now, new, 4096), from = 0;

	while (from < olds && from < news && strcmp(old[from], new[from]) == 0)
		from++;
	while (olds > from && news > from && strcmp(old[olds - 1], new[news - 1]) == 0) {
		olds--;
		news--;
	}
	for (size_t i = from; i < olds && i < from + SHOWN; i++)
		printf("# pgmap: oracle not ok %s: - %s\n", name, old[i]);
	for (size_t i = from; i < news && i < from + SHOWN; i++)
		printf("# pgmap: oracle not ok %s: + %s\n", name, new[i]);
}

static int before(void)
{
	FILE *file = fopen(snapshot, "we");

	for (size_t i = 0; file && i < ORACLES; i++) {
		char *text = look(&oracles[i]);

		/* The end of a text is a zero byte. */
		fwrite(text, 1, strlen(text) + 1, file);
		free(text);
	}
	return !file || fclose(file) ? 1 : 0;
}

static int after(void)
{
	FILE *file = fopen(snapshot, "re");
	char *then[ORACLES] = { NULL }, *now[ORACLES];
	size_t room;
	bool settling = true;

	for (size_t i = 0; i < ORACLES; i++) {
		if (!file || getdelim(&then[i], &room, '\0', file) < 1)
			return 1;
		room = 0;
		now[i] = look(&oracles[i]);
	}
	fclose(file);
	unlink(snapshot);
	for (int ms = 0; settling && ms < SETTLE_MS; ms += POLL_MS) {
		settling = false;
		for (size_t i = 0; i < ORACLES; i++) {
			if (oracles[i].final || same(&oracles[i], then[i], now[i]))
				continue;
			if (!settling)
				usleep(POLL_MS * 1000);
			settling = true;
			free(now[i]);
			now[i] = look(&oracles[i]);
		}
	}
	/* A program that died may have left half a line. */
	putchar('\n');
	for (size_t i = 0; i < ORACLES; i++)
		if (!same(&oracles[i], then[i], now[i]))
			show(oracles[i].name, then[i], now[i]);
	puts("# pgmap: oracle done");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "before") == 0)
		return before();
	if (argc == 2 && strcmp(argv[1], "after") == 0)
		return after();
	fputs("usage: oracle before | after\n", stderr);
	return 2;
}
