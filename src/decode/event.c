/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/event.h"

#include <assert.h>

#include "base/json.h"

const char *
decoder_name(enum decoder_id id)
{
	static const char *const name[] = {
#define X(id, text) text,
		DECODER_TABLE(X)
#undef X
	};
	return id < DECODER_COUNT ? name[id] : "none";
}

void
event_begin(struct event *e, struct arena *arena, const struct raw *raw)
{
	*e = (struct event){.arena = arena, .raw = raw, .time_ms = TIME_NONE};
	if (raw && raw->form == RAW_LINE)
		e->text = raw->bytes;
}

const struct str event_core_name[NAME_CORE_END] = {
	STR_INIT(""),
#define FIELD(id, text, comment) STR_INIT(text),
#include "decode/fields.def"
#undef FIELD
};

static bool
grow_to(struct event *e, uint32_t cap)
{
	struct field *grown = cap <= EVENT_MAX_FIELDS ? arena_alloc(e->arena, cap * sizeof *grown) : NULL;
	if (!grown)
		return false;
	if (e->field_count)
		memcpy(grown, e->field, e->field_count * sizeof *grown);
	e->field = grown;
	e->field_cap = cap;
	return true;
}

struct field *
event_grow(struct event *e)
{
	if (e->field_count == e->field_cap && !grow_to(e, e->field_cap ? e->field_cap * 2 : 32)) {
		e->dropped_fields++;
		return NULL;
	}
	return &e->field[e->field_count++];
}

void
event_reserve(struct event *e, uint32_t more)
{
	uint32_t cap = 32; /* a power of two, because it is doubled later */
	while (cap < e->field_count + more && cap < EVENT_MAX_FIELDS)
		cap *= 2;
	if (cap > e->field_cap)
		(void)grow_to(e, cap);
}

void
event_put(struct event *e, const struct names *names, struct str name, struct str value, enum field_kind kind,
    bool escaped)
{
	struct field *f = event_new_field(e);
	if (f)
		*f = (struct field){.name = name, .value = value, .id = names_find(names, name), .kind = (uint8_t)kind,
		    .escaped = escaped};
}

struct field *
event_make_way(struct event *e)
{
	for (uint32_t i = e->field_count; i-- > 0;)
		if (!e->field[i].core)
			return &e->field[i];
	return NULL;
}

void
event_put_core(struct event *e, uint32_t id, struct str value)
{
	assert(id > 0 && id < NAME_CORE_END);
	struct field *f = value.n ? event_new_field(e) : NULL;
	if (value.n && !f)
		f = event_make_way(e);
	if (f)
		*f = (struct field){.name = event_core_name[id], .value = value, .id = id, .core = true};
}

const struct field *
event_find(const struct event *e, uint32_t id)
{
	for (uint32_t i = 0; i < e->field_count; i++)
		if (e->field[i].id == id)
			return &e->field[i];
	return NULL;
}

const struct field *
event_find_name(const struct event *e, struct str name)
{
	for (uint32_t i = 0; i < e->field_count; i++)
		if (str_eq(e->field[i].name, name))
			return &e->field[i];
	return NULL;
}

struct str
event_value(struct event *e, struct field *f)
{
	if (!f->escaped)
		return f->value;
	char *plain = arena_alloc(e->arena, f->value.n);
	if (!plain)
		return (struct str){0};
	f->value = str_from(plain, json_unescape(f->value, plain));
	f->escaped = false;
	return f->value;
}

struct str
event_text(struct event *e)
{
	if (e->text.p)
		return e->text;
	struct buf text = BUF_INIT_MAX(RAW_MAX);
	buf_add_char(&text, '{');
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *f = &e->field[i];
		if (f->core)
			continue;
		if (text.n > 1)
			buf_add_char(&text, ',');
		buf_add_json_string(&text, f->name);
		buf_add_char(&text, ':');
		buf_add_json_string(&text, event_value(e, f));
	}
	buf_add_char(&text, '}');
	struct str copy = {0};
	if (arena_copy(e->arena, buf_str(&text), &copy))
		e->text = copy;
	buf_release(&text);
	return e->text;
}

int64_t
event_time(const struct event *e)
{
	if (e->time_ms == TIME_NONE || e->time_ms < 0 || e->time_ms > e->raw->received_ms + TIME_DAY)
		return e->raw->received_ms;
	return e->time_ms;
}
