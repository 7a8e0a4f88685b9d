// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fake.h>

int main(void)
{
	return FAKE_UAPI - 1;
}
