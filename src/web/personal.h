/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_PERSONAL_H
#define WEB_PERSONAL_H

/*
 * Names, numbers and addresses of people (trust.md: "purpose asked on personal data, reads audited"). Core.
 *
 * Who looks for the desk at how to reach people says what for: once for eight hours in a session, or with each request
 * (query `purpose=ID` or `purpose=ID: words`). Until then, and without the right, they are masked. Each reading is in the
 * record: who, whose, what for; a request that the same one repeats within ten minutes is the same reading. Who belongs to
 * an agency reads of its own people without being asked. Lists of alerts and the live stream are masked always.
 */

#include "web/route.h"

#define PURPOSE_MS (8 * INT64_C(3600000))
#define PURPOSE_BYTES 300u

/* May this call show them? It is then noted before its answer leaves. */
bool personal_shown(struct api_call *c);
/* The entry of what was shown. When it cannot be written, nothing is shown. */
[[nodiscard]] int personal_note(struct api_call *c);

#endif
