/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/right.h"

static const struct {
	struct str name;
	unsigned rights;
} roles[] = {
#define X(name, rights) {STR_INIT(name), rights},
	PERSON_ROLES(X)
#undef X
};

static const char *const right_names[RIGHT_COUNT] = {
#define RIGHT(name, text) text,
	RIGHTS(RIGHT)
#undef RIGHT
};

unsigned
role_rights(struct str role)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (str_eq(roles[i].name, role))
			return roles[i].rights;
	return 0;
}

void
rights_json(unsigned rights, struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0, n = 0; i < COUNT(right_names); i++)
		if (rights & (1u << i))
			buf_addf(out, "%s\"%s\"", n++ ? "," : "", right_names[i]);
	buf_add_char(out, ']');
}
