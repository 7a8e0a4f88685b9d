// SPDX-License-Identifier: GPL-2.0-only
/* See p2pmem.h. */
#include "p2pmem.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "tap.h"

static bool has_serial(const char *folder, const char *name, const char *serial)
{
	char path[320];
	char *text;
	bool same;

	snprintf(path, sizeof(path), "%s/%s/serial", folder, name);
	text = get_text(path);
	if (!text)
		return false;
	text[strcspn(text, " \n")] = 0;
	same = strcmp(text, serial) == 0;
	free(text);
	return same;
}

/* First entry of a folder whose `suffix` folder has the serial number; false if none has. */
static bool entry_with_serial(const char *folder, const char *suffix, const char *serial, char *name, size_t size)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		char sub[300];

		if (strncmp(entry->d_name, "nvme", 4) != 0)
			continue;
		snprintf(sub, sizeof(sub), "%.240s%s", entry->d_name, suffix);
		if (has_serial(folder, sub, serial)) {
			snprintf(name, size, "%.24s", entry->d_name);
			found = true;
		}
	}
	closedir(dir);
	return found;
}

static void find_bar(struct nvme *nvme)
{
	unsigned long long start, end, flags;
	char path[128];
	FILE *file;

	nvme->start = nvme->end = 0;
	snprintf(path, sizeof(path), "%s/resource", nvme->pci);
	file = fopen(path, "r");
	if (!file)
		return;
	while (fscanf(file, "%llx %llx %llx", &start, &end, &flags) == 3)
		if (end - start > nvme->end - nvme->start) {
			nvme->start = start;
			nvme->end = end;
		}
	fclose(file);
}

bool nvme_look(const char *serial, struct nvme *out)
{
	char name[32], link[64], real[PATH_MAX];
	struct stat disk;

	if (!entry_with_serial("/sys/class/nvme", "", serial, name, sizeof(name)))
		return false;
	snprintf(link, sizeof(link), "/sys/class/nvme/%s/device", name);
	if (!realpath(link, real))
		return false;
	snprintf(out->pci, sizeof(out->pci), "/sys/bus/pci/devices/%.32s", strrchr(real, '/') + 1);
	find_bar(out);
	if (!entry_with_serial("/sys/block", "/device", serial, name, sizeof(name)))
		return false;
	snprintf(out->disk, sizeof(out->disk), "/dev/%s", name);
	return stat(out->disk, &disk) == 0 && S_ISBLK(disk.st_mode);
}

struct nvme nvme_find(const char *serial)
{
	double until = seconds() + 2;
	struct nvme nvme;

	while (!nvme_look(serial, &nvme)) {
		if (seconds() > until)
			tap_bail("no NVMe with the serial number %s", serial);
		usleep(20000);
	}
	return nvme;
}

uint64_t bar_size(const struct nvme *nvme)
{
	return nvme->end - nvme->start + 1;
}

long long p2pmem_number(const struct nvme *nvme, const char *name)
{
	char path[128];
	char *text;
	long long value;

	snprintf(path, sizeof(path), "%s/p2pmem/%s", nvme->pci, name);
	text = get_text(path);
	if (!text)
		return -1;
	value = strtoll(text, NULL, 10);
	free(text);
	return value;
}

int p2pmem_open(const struct nvme *nvme)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/p2pmem/allocate", nvme->pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		tap_bail("open %s: %s", path, strerror(errno));
	return fd;
}

void *p2pmem_map(const struct nvme *nvme, size_t size)
{
	int fd = p2pmem_open(nvme);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int error = errno;

	/* The mapping keeps what it needs. */
	close(fd);
	errno = error;
	return memory == MAP_FAILED ? NULL : memory;
}

char *get_text(const char *path)
{
	size_t size = 0, room = 65536;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t got;

	if (fd < 0)
		return NULL;
	text = malloc(room);
	while (text && size < room - 1 && (got = read(fd, text + size, room - 1 - size)) > 0)
		size += got;
	close(fd);
	if (text)
		text[size] = 0;
	return text;
}

char *probe_line(uint64_t pfn)
{
	int fd = open("/proc/pgmap_probe/pfn", O_RDWR | O_CLOEXEC);
	char text[256];
	ssize_t got;

	if (fd < 0)
		return NULL;
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)pfn);
	if (write(fd, text, strlen(text)) < 0)
		tap_bail("pgmap_probe takes no PFN: %s", strerror(errno));
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = 0;
	return strdup(text);
}

long long page_refs(uint64_t pfn)
{
	char *line = probe_line(pfn);
	char *word = line ? strstr(line, "refcount=") : NULL;
	long long refs = word ? strtoll(word + strlen("refcount="), NULL, 10) : -1;

	free(line);
	return refs;
}

bool coverage_get(struct coverage *out)
{
	char *text = get_text("/proc/pgmap_probe/coverage");
	char *line = text ? strstr(text, "MEMORY_DEVICE_PCI_P2PDMA ") : NULL;
	bool found = line && sscanf(line, "%*s mappings=%lld pages=%lld unmapped=%lld failed=%lld", &out->mappings,
				    &out->pages, &out->unmapped, &out->failed) == 4;

	free(text);
	return found;
}

long long direct_map_kb(void)
{
	char *text = get_text("/proc/meminfo"), *line = text;
	long long sum = 0;

	while (line && (line = strstr(line, "DirectMap"))) {
		line += strcspn(line, ":");
		sum += strtoll(line + 1, NULL, 10);
	}
	free(text);
	return sum;
}

long long pins_held(void)
{
	return vmstat("nr_foll_pin_acquired") - vmstat("nr_foll_pin_released");
}

int is_uncached(const struct nvme *nvme)
{
	char *text = get_text("/sys/kernel/debug/x86/pat_memtype_list");
	char want[96];
	int found;

	if (!text)
		return -1;
	snprintf(want, sizeof(want), "[mem 0x%016llx-0x%016llx] uncached-minus", (unsigned long long)nvme->start,
		 (unsigned long long)nvme->end + 1);
	found = strstr(text, want) != NULL;
	free(text);
	return found;
}

static uint64_t word_at(uint64_t seed, size_t i)
{
	uint64_t x = (seed + i) * 0x9e3779b97f4a7c15ULL;

	return x ^ x >> 29;
}

void fill(void *to, size_t size, uint64_t seed)
{
	volatile uint64_t *words = to;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = word_at(seed, i);
}

long long mismatch(const void *from, size_t size, uint64_t seed)
{
	const volatile uint64_t *words = from;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		if (words[i] != word_at(seed, i))
			return i * sizeof(*words);
	return -1;
}
