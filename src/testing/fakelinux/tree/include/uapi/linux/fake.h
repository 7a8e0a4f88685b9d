/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#define FAKE_UAPI 1
