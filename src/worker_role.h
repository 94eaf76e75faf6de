/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WORKER_ROLE_H
#define WORKER_ROLE_H

/*
 * The worker role: batches from collect, verdicts to core (detect/worker.h is the pure function it runs). It reads its
 * rules while it may still open files, then gives up everything but computing on what it holds. Reloading rules is a
 * new worker.
 *
 * So it is with indicators, but a newer image comes from core as a descriptor and is asked from the next batch on.
 *
 * MSG_VERDICT: u64 block | 32 bytes digest of the rule set | str batch | str verdict.
 */

#include "host/role.h"

#define INDICATORS_FILE "detect/indicators.khi" /* below the data folder: the image that core published last */

extern const struct role_entry worker_role;

#endif
