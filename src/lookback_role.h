/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef LOOKBACK_ROLE_H
#define LOOKBACK_ROLE_H

/*
 * The look-back role: rule text and old batches from core, faults and findings to core (detect/trial.h is what it runs).
 * It can open nothing, gets the processor when nobody else wants it, and has an end of memory. It holds nothing that
 * cannot be asked again: when it hangs over what it was given, core has it ended and started anew.
 */

#include "host/role.h"

extern const struct role_entry lookback_role;

#endif
