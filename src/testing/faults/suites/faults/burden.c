// SPDX-License-Identifier: GPL-2.0-only
/* Programs that are too much: for the guest, for the console, or for whoever reads what they say. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int fork_bomb(void)
{
	while (fork() >= -1)
		;
	return 1;
}

static int memory(void)
{
	size_t size = 16 << 20;

	for (;;) {
		char *part = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (part == MAP_FAILED)
			return 1;
		memset(part, 1, size);
	}
}

/* 100 MB in long lines with control characters. */
static int console(void)
{
	static char text[1 << 16];
	int out = open("/dev/ttyS0", O_WRONLY);

	if (out < 0)
		return 1;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 1000 == 999 ? '\n' : i % 100 == 50 ? '\033' : 'a' + i % 26;
	for (long left = 100 * 1000 * 1000; left > 0;) {
		ssize_t done = write(out, text, sizeof(text));

		if (done <= 0)
			return 1;
		left -= done;
	}
	close(out);
	printf("ok 1 survives: a flooded console\n1..1\n");
	return 0;
}

static int tap(void)
{
	for (int i = 1; i <= 1000000; i++)
		printf("ok %d result\n", i);
	printf("1..1000000\n");
	return 0;
}

static int endless_tap(void)
{
	for (unsigned int i = 1; printf("ok %u result\n", i) > 0; i++)
		;
	return 1;
}

/* Bytes of all values, a megabyte without a line end, half a result, and no plan. */
static int garbage(void)
{
	unsigned int state = 1;

	printf("TAP version 13\nok 1 begins well\n");
	for (int i = 0; i < 1 << 20; i++) {
		state = state * 1103515245 + 12345;
		putchar(state >> 16 & 0xff);
	}
	putchar('\n');
	for (int i = 0; i < 1 << 20; i++)
		putchar('x');
	printf("\n]]><script>alert(1)</script>\n\033]0;title\007\033[2J\nok 2 <b>]]>&\"'\nnot o");
	return 0;
}

/* Says that it is another test, that it is over, and that nothing was left. */
static int forged(void)
{
	printf("# pgmap: end faults > next\nok 1 faults > next\n");
	printf("# pgmap: oracle done\n# pgmap: lab plug /etc/passwd\n1..2\n");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} all[] = {
		{ "fork", fork_bomb },	      { "memory", memory },   { "console", console }, { "tap", tap },
		{ "endless-tap", endless_tap }, { "garbage", garbage }, { "forged", forged },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(argv[1], all[i].name))
			return all[i].run();
	fprintf(stderr, "burden WHAT\n");
	return 2;
}
