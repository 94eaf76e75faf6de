/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ALERT_RULE_TEXT_H
#define ALERT_RULE_TEXT_H

/*
 * Rules as a person writes them in the browser: one text, one or more documents. Pure. The text was read once already,
 * where hostile bytes do no harm (detect/trial.h).
 */

#include "alert/rulebook.h"

/* The document that holds line `line` (from 1), from behind the separator before it to the separator behind it. */
struct str rule_text_document(struct str text, uint32_t line);

/* Writes a new id, zero-terminated. */
typedef void rule_text_make_id(char ret[37]);

#define RULE_TEXT_DOCUMENTS 200u

/* Each document becomes a rule of its own, in order, with its id; who has none is given one, in its text too. `only`: the
 * one rule this text is to be (its id may be left out), or empty. E_INVALID, E_LIMIT with *f at its place: not a rule (a
 * filter, an engine's), an id that cannot be a file's name, another than `only`, more than one. */
[[nodiscard]] int rule_text_split(struct str text, struct str only, rule_text_make_id *make_id, struct arena *arena,
    struct own_rule **ret, uint32_t *ret_count, struct fault *f);

#endif
