/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_SHIPPED_H
#define TEST_SHIPPED_H

/* What comes with the program, as tests of the register want it. */

#include "register/law.h"

/* All of content/law, which has no fault. law_free() it. */
struct law *shipped_law(void);
/* Prints one: for who expects none. */
void print_fault(void *user, const struct fault *f);

#endif
