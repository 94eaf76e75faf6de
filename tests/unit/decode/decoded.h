/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DECODED_H
#define TEST_DECODED_H

/*
 * One event under test: a decoder's context, an arena and what became of a line. Native and core fields of the same
 * name are told apart by their flag.
 */

#include "base/json.h"
#include "decode/decode.h"
#include "tap.h"

struct decoded {
	struct names *names;
	struct arena arena;
	struct json json;
	struct decode_context c;
	struct raw raw;
	struct event e;
	struct buf line;
};

static inline void
decoded_open(struct decoded *d)
{
	*d = (struct decoded){.names = names_new()};
	arena_init(&d->arena, 64 << 10, 64 << 20);
	d->c = (struct decode_context){.names = d->names, .arena = &d->arena, .json = &d->json, .zone = TIME_ZONE_VIETNAM};
}

static inline void
decoded_close(struct decoded *d)
{
	buf_release(&d->line);
	json_release(&d->json);
	arena_release(&d->arena);
	names_free(d->names);
}

/* Forget the event before and decode the next line. */
static inline int
decoded_line(struct decoded *d, struct str line)
{
	arena_clear(&d->arena);
	d->raw = (struct raw){.bytes = line, .form = RAW_LINE};
	event_begin(&d->e, &d->arena, &d->raw);
	return decode_json(&d->c, line, &d->e);
}

/* A line written with ' for ", which C would make hard to read. */
static inline int
decoded_quoted(struct decoded *d, const char *line)
{
	buf_clear(&d->line);
	for (; *line; line++)
		buf_add_char(&d->line, *line == '\'' ? '"' : *line);
	return decoded_line(d, buf_str(&d->line));
}

/* The value of the first native (or core) field of that name, escapes undone; "(none)" when there is none. */
static inline struct str
decoded_value(struct decoded *d, const char *name, bool core)
{
	for (uint32_t i = 0; i < d->e.field_count; i++)
		if (d->e.field[i].core == core && str_eq(d->e.field[i].name, str_z(name)))
			return event_value(&d->e, &d->e.field[i]);
	return STR("(none)");
}

/* "name=value" rows, ended by NULL; a core field's name has a '+' before it. */
static inline void
decoded_check(struct decoded *d, const char *const *rows)
{
	for (; *rows; rows++) {
		struct str rest = str_z(*rows), name;
		char copy[128];
		bool core = rest.p[0] == '+';
		CHECK(str_split(&rest, '=', &name) && name.n < sizeof copy);
		name = str_skip(name, core);
		snprintf(copy, sizeof copy, "%.*s", STR_ARG(name));
		struct str got = decoded_value(d, copy, core);
		tap_check(str_eq(got, rest), __FILE__, __LINE__, "%s: got \"%.*s\"", *rows, STR_ARG(got));
	}
}

#endif
