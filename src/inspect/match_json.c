/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/match_json.h"

static void
text(struct buf *out, const char *before, struct str value)
{
	buf_add(out, str_z(before));
	buf_add_json_string(out, value);
}

static void
strings_json(struct buf *out, const struct yara_match *m)
{
	buf_add(out, STR(",\"strings\":["));
	for (uint32_t i = 0; i < m->hits; i++) {
		text(out, i ? ",{\"name\":" : "{\"name\":", m->hit[i].name);
		buf_addf(out, ",\"offset\":%llu,\"length\":%u", (unsigned long long)m->hit[i].offset, m->hit[i].length);
		text(out, ",\"text\":", m->hit[i].bytes);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

void
match_json(struct buf *out, const struct yara_found *found)
{
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < found->matches; i++) {
		const struct yara_match *m = &found->match[i];
		text(out, i ? ",{\"rule\":" : "{\"rule\":", m->rule);
		text(out, ",\"space\":", m->space);
		text(out, ",\"title\":", m->title);
		text(out, ",\"title_vi\":", m->title_vi);
		text(out, ",\"level\":", str_z(level_name(m->level)));
		text(out, ",\"tags\":", m->tags);
		text(out, ",\"reference\":", m->reference);
		strings_json(out, m);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}
