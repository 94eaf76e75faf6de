/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/right.h"

static const char *const right_names[RIGHT_COUNT] = {
#define RIGHT(name, text) text,
	RIGHTS(RIGHT)
#undef RIGHT
};

const char *
right_name(enum right_bit bit)
{
	return right_names[bit];
}

unsigned
right_from_name(struct str name)
{
	for (size_t i = 0; i < COUNT(right_names); i++)
		if (str_eq(name, str_z(right_names[i])))
			return 1u << i;
	return 0;
}

unsigned
rights_from_text(struct str text)
{
	unsigned rights = 0;
	struct str name;
	while (str_split(&text, ' ', &name))
		rights |= right_from_name(name);
	return rights;
}

bool
rights_named(struct str names, unsigned *ret)
{
	unsigned rights = 0;
	struct str name;
	while (str_split(&names, ' ', &name)) {
		unsigned right = right_from_name(name);
		if (name.n && !right)
			return false;
		rights |= right;
	}
	*ret = rights;
	return true;
}

void
rights_text(unsigned rights, struct buf *out)
{
	for (size_t i = 0; i < COUNT(right_names); i++)
		if (rights & (1u << i))
			buf_addf(out, "%s%s", out->n ? " " : "", right_names[i]);
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
