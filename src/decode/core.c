/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/core.h"

void
core_begin(struct core *k, struct event *e, const struct core_set *want)
{
	core_open(k, e, want);
	for (uint32_t i = 0; i < k->native; i++)
		core_has(k, &e->field[i]);
}

void
core_put(struct core *k, uint32_t id, struct str value, bool escaped)
{
	if (!id || !value.n || (value.n == 1 && value.p[0] == '-') || core_set_has(&k->seen, id))
		return;
	core_set_add(&k->seen, id);
	struct field *f = event_new_field(k->e);
	if (!f)
		f = event_make_way(k->e);
	if (f)
		*f = (struct field){.name = event_core_name[id], .value = value, .id = id, .escaped = escaped, .core = true};
}

void
core_put_joined(struct core *k, uint32_t id, struct str prefix, struct str name)
{
	char *p = arena_alloc(k->e->arena, prefix.n + 1 + name.n);
	if (!p || !name.n)
		return;
	memcpy(p, prefix.p, prefix.n);
	p[prefix.n] = '.';
	memcpy(p + prefix.n + 1, name.p, name.n);
	core_put(k, id, str_from(p, prefix.n + 1 + name.n), false);
}

void
core_put_duration(struct core *k, struct str seconds)
{
	enum { NANO = 9 };
	ptrdiff_t dot = str_find_char(seconds, '.');
	struct str whole = dot < 0 ? seconds : str_cut(seconds, 0, (size_t)dot);
	struct str part = dot < 0 ? STR("") : str_cut(str_skip(seconds, (size_t)dot + 1), 0, NANO);
	uint64_t number;
	if (whole.n > NANO || !str_to_u64(whole, &number) || (part.n && !str_to_u64(part, &number)))
		return;
	char *p = arena_alloc(k->e->arena, whole.n + NANO), *at = p;
	if (!p)
		return;
	memset(p, '0', whole.n + NANO);
	memcpy(p, whole.p, whole.n);
	if (part.n)
		memcpy(p + whole.n, part.p, part.n);
	size_t n = whole.n + NANO;
	while (n > 1 && *at == '0') { /* a number begins with no zero */
		at++;
		n--;
	}
	core_put(k, F_EVENT_DURATION, str_from(at, n), false);
}

void
core_put_all(struct core *k, const struct words *rows)
{
	for (uint32_t i = 0; i < k->native; i++) {
		struct field f = k->e->field[i]; /* a copy: the list may move while it grows */
		const struct core_row *row = f.kind == FIELD_NULL ? NULL : words_find(rows, f.name);
		if (row)
			core_put(k, row->core, f.value, f.escaped);
	}
}
