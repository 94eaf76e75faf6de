/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan_text.h"

#include "base/time.h"

#define LEVEL_WIDTH 14 /* the longest of both languages, and two blanks */
#define NAME_WIDTH 20
#define VALUE_MAX 400

/* Controls in C1, and marks that turn what follows around (Unicode, UAX 9): both are two or three bytes of UTF-8. */
static bool
steers(const char *p, size_t n)
{
	const unsigned char *c = (const unsigned char *)p;
	if (n == 2)
		return c[0] == 0xc2 && c[1] < 0xa0;
	return n == 3 && c[0] == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) || (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

void
scan_text_add(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = (unsigned char)s.p[i] < 0x80 ? 1 : utf8_length(s.p + i, s.n - i);
		bool plain = n == 1 ? (unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f : n && !steers(s.p + i, n);
		buf_add(out, plain ? str_cut(s, i, i + n) : STR("?"));
		i += n ? n : 1;
	}
}

/* Blanks up to `width`, as many as a terminal of one column a character needs. */
static void
add_padded(struct buf *out, struct str s, size_t width)
{
	size_t columns = 0;
	scan_text_add(out, s);
	for (size_t i = 0; i < s.n; i++)
		columns += (s.p[i] & 0xc0) != 0x80;
	do
		buf_add_char(out, ' ');
	while (++columns < width);
}

void
scan_text_file(struct buf *out, struct str path)
{
	buf_add_char(out, '\n');
	scan_text_add(out, path);
	buf_add_char(out, '\n');
}

void
scan_text_finding(struct buf *out, enum lang lang, const struct finding *f, uint64_t record)
{
	struct str title = lang == LANG_VI && f->rule->title_vi.n ? f->rule->title_vi : f->rule->title;
	char key[32];
	buf_addf(out, "%9llu  ", (unsigned long long)record);
	if (f->event->time_ms == TIME_NONE)
		add_padded(out, STR("-"), 31);
	else
		time_format(out, f->event->time_ms, TIME_ZONE_VIETNAM);
	buf_add(out, f->event->time_ms == TIME_NONE ? STR("") : STR("  "));
	snprintf(key, sizeof key, "ui.level.%s", level_name(f->rule->level));
	add_padded(out, lang_text(lang, str_z(key)), LEVEL_WIDTH);
	scan_text_add(out, title);
	buf_add_char(out, '\n');
	for (uint32_t i = 0; i < f->matched_count; i++) {
		struct str value = f->matched[i].value;
		buf_addf(out, "%11s", "");
		add_padded(out, f->matched[i].name.n ? f->matched[i].name : lang_text(lang, STR("cli.scan_words")), NAME_WIDTH);
		scan_text_add(out, str_cut(value, 0, VALUE_MAX));
		buf_add(out, value.n > VALUE_MAX ? STR(" ...\n") : STR("\n"));
	}
}
