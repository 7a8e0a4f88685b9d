/* SPDX-License-Identifier: GPL-2.0-only */
/* One function per test of suite.yaml; each prints its results and ends the program. */
#ifndef TESTS_H
#define TESTS_H

void test_numbers(void);
void test_transfer(void);
void test_far(void);
void test_pool(void);
void test_refusals(void);
void test_remove(void);
void test_remove_mapped(void);
void test_remove_busy(void);
void test_rebind(void);

#endif
