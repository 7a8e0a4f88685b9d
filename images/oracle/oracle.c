// SPDX-License-Identifier: GPL-2.0-only
/*
 * oracle before | oracle after [NAME...]: what no test may leave behind. run-test calls it around each test. `before`
 * writes down what there is, `after` compares and says, in lines that src/suite/oracle.ts reads:
 *
 *	# pgmap: oracle not ok NAME: + a line that was not there before
 *	# pgmap: oracle not ok NAME: 8192 kB before, 12288 kB now
 *	# pgmap: oracle done
 *
 * That there is less than before is no fault: tests begin by clearing what they find. The names are those of the table
 * below; a test that leaves something on purpose says `leaves: { NAME: why }`: for these nobody waits, but what is left
 * is said.
 */
#include <glob.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char snapshot[] = "/run/pgmap-oracle";

/* What is freed in the background (RCU, work queues) gets this long to go. */
#define SETTLE_MS 2000
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

static void poke(const char *path, const char *value)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return;
	fputs(value, file);
	fclose(file);
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

static void add_memmap(const char *line, FILE *out)
{
	if (strncmp(line, "nr_memmap", 9) == 0)
		sum += atol(line + strcspn(line, " "));
}

/* Pages that hold struct pages, those from boot included; counted since 6.11. */
static void look_memmap(FILE *out)
{
	sum = 0;
	lines_of("/proc/vmstat", out, add_memmap);
	fprintf(out, "%ld pages\n", sum);
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
	poke("/proc/sys/vm/stat_refresh", "1");
	sum = 0;
	lines_of("/proc/vmstat", out, add_pins);
	fprintf(out, "%ld pinned\n", sum);
}

/* Tables of the firmware, at the end of RAM below 4 GiB, are mapped when ACPI first asks for them, and stay. */
static void copy_caching(const char *line, FILE *out)
{
	unsigned long long start = 0;

	if (sscanf(line, "PAT: [mem 0x%llx", &start) == 1 && start < 1ULL << 32 && strstr(line, "write-back"))
		return;
	copy(line, out);
}

/* Caching attributes of physical ranges. */
static void look_caching(FILE *out)
{
	lines_of("/sys/kernel/debug/x86/pat_memtype_list", out, copy_caching);
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

static void add_dying(const char *line, FILE *out)
{
	if (strncmp(line, "nr_dying_descendants ", 21) == 0)
		sum += atol(line + 21);
}

/*
 * Each CPU keeps a stock of pages charged in advance, and with it holds the control group, removed or not, until one
 * of another group is needed there: refill_stock(), mm/memcontrol.c. This group stays, so that it is never a removed one.
 */
static void empty_stocks(void)
{
	const char *group = "/sys/fs/cgroup/pgmap-oracle";
	pid_t child;

	poke("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(group, 0755);
	child = fork();
	if (child == 0) {
		poke("/sys/fs/cgroup/pgmap-oracle/cgroup.procs", "0");
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			cpu_set_t one;
			char *page;

			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			if (sched_setaffinity(0, sizeof(one), &one))
				break;
			page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (page != MAP_FAILED)
				*(volatile char *)page = 1;
		}
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Control groups that are removed, but held by charges. Caches and what CPUs keep for later may hold them too. */
static void look_cgroups(FILE *out)
{
	sum = 0;
	lines_of("/sys/fs/cgroup/cgroup.stat", out, add_dying);
	if (sum) {
		poke("/proc/sys/vm/drop_caches", "3");
		empty_stocks();
		sum = 0;
		lines_of("/sys/fs/cgroup/cgroup.stat", out, add_dying);
	}
	fprintf(out, "%ld dying\n", sum);
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

/* What memremap_pages() made. */
static void look_mappings(FILE *out)
{
	lines_of("/proc/pgmap_probe/mappings", out, copy_mapping);
}

enum rule {
	NO_NEW_LINE,
	NO_MORE, /* a number */
	THE_SAME,
};

static const struct oracle {
	const char *name;
	look_t look;
	enum rule rule;
	bool final; /* it does not go by waiting */
} oracles[] = {
	{ "iomem", look_iomem, NO_NEW_LINE, false },
	{ "linear-map", look_linear_map, NO_MORE, false },
	{ "memmap", look_memmap, NO_MORE, false },
	{ "pins", look_pins, THE_SAME, false },
	{ "caching", look_caching, NO_NEW_LINE, false },
	{ "p2pmem", look_p2pmem, NO_NEW_LINE, false },
	{ "cgroups", look_cgroups, NO_MORE, false },
	{ "mappings", look_mappings, NO_NEW_LINE, false },
	{ "taint", look_taint, NO_NEW_LINE, true },
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

#define MOST_LINES 4096

struct lines {
	char *text;
	char *line[MOST_LINES];
	size_t count;
};

static void split(struct lines *lines, const char *text)
{
	char *rest = lines->text = strdup(text), *line;

	lines->count = 0;
	while (lines->count < MOST_LINES && (line = strsep(&rest, "\n")) && rest)
		lines->line[lines->count++] = line;
}

/* How many lines of now are not in before, each of which counts once. Shows them if there is a name. */
static int new_lines(const char *before, const char *now, const char *name)
{
	static struct lines old, new;
	int found = 0;

	split(&old, before);
	split(&new, now);
	for (size_t i = 0; i < new.count; i++) {
		size_t at = 0;

		while (at < old.count && (!old.line[at] || strcmp(old.line[at], new.line[i]) != 0))
			at++;
		if (at < old.count)
			old.line[at] = NULL;
		else if (found++ < SHOWN && name)
			printf("# pgmap: oracle not ok %s: + %s\n", name, new.line[i]);
	}
	free(old.text);
	free(new.text);
	return found;
}

static bool holds(const struct oracle *oracle, const char *before, const char *now)
{
	if (oracle->rule == NO_NEW_LINE)
		return strcmp(before, now) == 0 || new_lines(before, now, NULL) == 0;
	return oracle->rule == NO_MORE ? atol(now) <= atol(before) : atol(now) == atol(before);
}

static void show(const struct oracle *oracle, char *before, char *now)
{
	if (oracle->rule == NO_NEW_LINE) {
		new_lines(before, now, oracle->name);
		return;
	}
	before[strcspn(before, "\n")] = '\0';
	now[strcspn(now, "\n")] = '\0';
	printf("# pgmap: oracle not ok %s: %s before, %s now\n", oracle->name, before, now);
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

static bool is_meant(const char *name, char **meant)
{
	while (*meant && strcmp(*meant, name) != 0)
		meant++;
	return *meant;
}

static int after(char **meant)
{
	FILE *file = fopen(snapshot, "re");
	char *then[ORACLES] = { NULL }, *now[ORACLES];
	bool settling = true;

	for (size_t i = 0; i < ORACLES; i++) {
		size_t room = 0;

		if (!file || getdelim(&then[i], &room, '\0', file) < 1)
			return 1;
		now[i] = look(&oracles[i]);
	}
	fclose(file);
	unlink(snapshot);
	for (int ms = 0; settling && ms < SETTLE_MS; ms += POLL_MS) {
		settling = false;
		for (size_t i = 0; i < ORACLES; i++) {
			if (oracles[i].final || is_meant(oracles[i].name, meant) || holds(&oracles[i], then[i], now[i]))
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
		if (!holds(&oracles[i], then[i], now[i]))
			show(&oracles[i], then[i], now[i]);
	puts("# pgmap: oracle done");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "before") == 0)
		return before();
	if (argc >= 2 && strcmp(argv[1], "after") == 0)
		return after(argv + 2);
	fputs("usage: oracle before | after [NAME...]\n", stderr);
	return 2;
}
