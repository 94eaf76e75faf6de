/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_ATTACK_H
#define WEB_ATTACK_H

/*
 * MITRE ATT&CK: names of tactics and techniques, from content/attack/techniques.yaml (which carries MITRE's notice). Core
 * reads it at its start. Pure.
 */

#include "base/error.h"

struct attack;

struct attack_tactic {
	struct str id, key, name; /* TA0001, initial-access, Initial Access */
};

struct attack_technique {
	struct str id, name;
};

/* NULL `text` gives a table without rows. E_INVALID, E_LIMIT. */
[[nodiscard]] int attack_read(struct str text, struct attack **ret, struct fault *f);
void attack_free(struct attack *a);
struct str attack_version(const struct attack *a);
uint32_t attack_tactics(const struct attack *a);
struct attack_tactic attack_tactic_at(const struct attack *a, uint32_t i);
uint32_t attack_techniques(const struct attack *a);
struct attack_technique attack_technique_at(const struct attack *a, uint32_t i);
bool attack_is_of(const struct attack *a, uint32_t technique, uint32_t tactic);
/* The technique of a rule's tag ("attack.t1110.001"), any case. False for other tags and unknown techniques. */
bool attack_technique_of(const struct attack *a, struct str tag, uint32_t *ret);

#endif
