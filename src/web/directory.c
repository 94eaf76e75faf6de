/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/directory.h"

static void
add_escaped(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		    c == '@' || c == '-';
		if (plain)
			buf_add_char(out, (char)c);
		else
			buf_addf(out, "\\%02x", c);
	}
}

void
directory_fill(struct str form, struct str login, struct buf *out)
{
	const struct str hole = STR("{login}");
	ptrdiff_t at;
	while ((at = str_find(form, hole)) >= 0) {
		buf_add(out, str_cut(form, 0, (size_t)at));
		add_escaped(login, out);
		form = str_skip(form, (size_t)at + hole.n);
	}
	buf_add(out, form);
}
