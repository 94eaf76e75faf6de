/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

/*
 * Numbers that look random and are the same in every run: a failure comes again. One row of them a test program, from a
 * seed of its own, to which KHIEN_SEED adds.
 */

#include <stdint.h>

void random_start(uint64_t seed);
/* 0 .. n - 1; n is not 0. */
uint32_t pick(uint32_t n);

#endif
