/* SPDX-License-Identifier: EUPL-1.2 */
/* Systems as a table. They are held in memory, so a cursor is a position. */
#include "web/route.h"

#include "base/hash.h"

struct page {
	uint32_t from, to;
};

/* The rows that the caller reaches, by their place in the snapshot. */
struct reached {
	uint32_t *at;
	uint32_t count;
};

static struct reached
reached_rows(struct api_call *c, uint32_t count, struct str (*owner)(const struct api_call *c, uint32_t at))
{
	struct reached r = {.at = arena_calloc(&c->arena, count + 1, sizeof *r.at)};
	for (uint32_t i = 0; i < count && r.at; i++)
		if (!api_scope(c).n || registry_within(c->desk->registry, owner(c, i), api_scope(c)))
			r.at[r.count++] = i;
	return r;
}

static struct str
owner_of_system(const struct api_call *c, uint32_t at)
{
	uint32_t count;
	return registry_systems(c->desk->registry, &count)[at].organisation->id;
}

static bool
read_page(struct api_call *c, uint32_t count, struct page *ret)
{
	int64_t from, limit;
	if (!api_query_i64(c, STR("cursor"), 0, 0, UINT32_MAX, &from) ||
	    !api_query_i64(c, STR("limit"), 200, 1, 1000, &limit)) {
		api_reply_problem(c, 422, "invalid", "cursor");
		return false;
	}
	ret->from = from < count ? (uint32_t)from : count;
	ret->to = from + limit < count ? (uint32_t)(from + limit) : count;
	buf_add(&c->out, STR("{\"items\":["));
	return true;
}

static void
reply_page(struct api_call *c, const struct page *p, uint32_t count)
{
	buf_add_char(&c->out, ']');
	out_i64(&c->out, "total", count);
	if (p->to < count)
		buf_addf(&c->out, ",\"next\":\"%u\"}", p->to);
	else
		buf_add(&c->out, STR(",\"next\":null}"));
	api_reply(c, 200);
}

/* --- numbers kept by the database under a text key --- */

struct tally {
	struct str key;
	int64_t count;
};

struct tallies {
	struct tally *slot;
	uint32_t mask;
};

static struct tally *
tally_slot(struct tallies *t, struct str key)
{
	uint32_t at = (uint32_t)hash64(key, 0) & t->mask;
	while (t->slot[at].key.n && !str_eq(t->slot[at].key, key))
		at = (at + 1) & t->mask;
	return &t->slot[at];
}

static int
tallies_read(struct api_call *c, enum query q, uint32_t expected, struct tallies *ret)
{
	struct db_rows *rows;
	int more;
	ret->mask = 63;
	while (ret->mask < expected * 2)
		ret->mask = ret->mask * 2 + 1;
	ret->slot = arena_calloc(&c->arena, ret->mask + 1, sizeof *ret->slot);
	if (!ret->slot)
		return E_LIMIT;
	TRY(db_query(c->desk->db, &rows, q, ""));
	for (uint32_t n = 0; (more = db_next(rows)) > 0 && n < ret->mask; n++) {
		struct tally *t = tally_slot(ret, db_text(rows, 0));
		if (arena_copy(&c->arena, db_text(rows, 0), &t->key))
			t->count = db_i64(rows, 1);
	}
	db_end(rows);
	return more < 0 ? more : 0;
}

/* --- tables --- */

static void
system_json(struct buf *out, const struct system *s, int64_t alerts_open)
{
	buf_add_char(out, '{');
	out_text(out, "id", s->id);
	out_text(out, "name", s->name);
	out_i64(out, "level", s->level);
	out_name(out, "organisation");
	buf_add_char(out, '{');
	out_text(out, "id", s->organisation->id);
	out_text(out, "name", s->organisation->name);
	buf_add_char(out, '}');
	out_list(out, "networks", s->network, s->networks);
	out_list(out, "hosts", s->host, s->hosts);
	out_list(out, "domains", s->domain, s->domains);
	out_contact(out, &s->contact);
	out_i64(out, "alerts_open", alerts_open);
	out_bool(out, "demonstration", s->demonstration);
	buf_add_char(out, '}');
}

void
api_systems(struct api_call *c)
{
	uint32_t count;
	struct page p;
	struct tallies open;
	const struct system *list = registry_systems(c->desk->registry, &count);
	int error = tallies_read(c, Q_ALERT_OPEN_BY_SYSTEM, count, &open);
	if (error) {
		api_reply_error(c, error);
		return;
	}
	struct reached r = reached_rows(c, count, owner_of_system);
	if (!read_page(c, r.count, &p))
		return;
	for (uint32_t i = p.from; i < p.to; i++) {
		if (i > p.from)
			buf_add_char(&c->out, ',');
		system_json(&c->out, &list[r.at[i]], tally_slot(&open, list[r.at[i]].id)->count);
	}
	reply_page(c, &p, r.count);
}
