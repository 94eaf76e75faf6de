/* SPDX-License-Identifier: EUPL-1.2 */
/* One system as the register holds it: made from its rows, in the tables, out of them, gone. */
#include "register/registry_held.h"

#include "base/memory.h"

/* --- places as they come --- */

void
place_list_add(struct place_list *l, struct str kind, struct str value)
{
	MEM_GROW(l->row, l->count, l->cap);
	l->row[l->count++] = (struct place_row){l->text.n, value.n, kind.n ? kind.p[0] : 'n'};
	buf_add(&l->text, value);
}

void
place_list_release(struct place_list *l)
{
	buf_release(&l->text);
	mem_free(l->row);
}

/* --- one system --- */

static struct str
put(char **at, struct str s)
{
	struct str kept = {*at, s.n};
	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

int
held_read(const struct registry *r, struct db_rows *rows, struct held **ret)
{
	static const int columns[] = {0, 2, 3, 5, 6, 7, 10, 11};
	const struct organisation *owner = registry_organisation(r, db_text(rows, 1));
	size_t bytes = sizeof(struct held);
	if (!owner)
		return E_NOT_FOUND;
	for (size_t i = 0; i < COUNT(columns); i++)
		bytes += db_text(rows, columns[i]).n;
	struct held *h = mem_alloc(bytes);
	char *at = (char *)(h + 1);
	*h = (struct held){.bytes = bytes};
	struct system *s = &h->system;
	struct str *text[COUNT(columns)] = {&s->id, &s->name, &s->name_fold, &s->contact.name, &s->contact.phone, &s->contact.email,
		&s->sector, &s->until_day};
	for (size_t i = 0; i < COUNT(columns); i++)
		*text[i] = put(&at, db_text(rows, columns[i]));
	s->organisation = owner;
	s->level = (int)db_i64(rows, 4);
	s->demonstration = db_i64(rows, 8) != 0;
	s->critical = db_i64(rows, 9) != 0;
	h->id = (struct claim){s->id, s->id, s, NULL};
	*ret = h;
	return 0;
}

/* Of its own places the one with this number. */
static struct str
place_of(const struct held *h, const struct place_list *l, uint32_t i)
{
	const struct place_row *row = &l->row[h->first_place + i];
	return str_cut(buf_str(&l->text), row->at, row->at + row->n);
}

static void
put_search(struct held *h, const struct place_list *l, char *at)
{
	char *begin = at;
	put(&at, h->system.name_fold);
	*at++ = '\0';
	put(&at, h->system.id);
	for (uint32_t i = 0; i < h->place_count; i++) {
		*at++ = '\0';
		put(&at, place_of(h, l, i));
	}
	for (char *c = begin; c < at; c++)
		*c = ascii_lower(*c);
	h->search = str_from(begin, (size_t)(at - begin));
	for (uint32_t i = 0; i < h->place_count; i++)
		h->places->value[i] = put(&at, place_of(h, l, i));
}

/* A network that nobody can read is nobody's. */
static void
put_claims(struct held *h)
{
	struct places *p = h->places;
	for (uint32_t i = 0; i < h->place_count; i++) {
		p->claim[i] = (struct claim){p->value[i], h->system.id, &h->system, NULL};
		if (i < p->domains + p->hosts)
			continue;
		struct prefix *network = &p->prefix[i - p->domains - p->hosts];
		network->bits = PREFIX_NONE;
		p->claim[i].name = prefix_parse(p->value[i], network) ? prefix_name(network) : (struct str){0};
	}
}

/* One piece of memory for all of them. */
static struct places *
places_new(const struct held *h, const struct place_list *l)
{
	struct places p = {.bytes = sizeof p};
	size_t texts = h->system.name_fold.n + 1 + h->system.id.n;
	for (uint32_t i = 0; i < h->place_count; i++) {
		const struct place_row *row = &l->row[h->first_place + i];
		*(row->kind == 'd' ? &p.domains : row->kind == 'h' ? &p.hosts : &p.networks) += 1;
		texts += 1 + 2 * row->n;
	}
	p.bytes += h->place_count * (sizeof *p.value + sizeof *p.claim) + p.networks * sizeof *p.prefix + texts;
	struct places *made = mem_alloc(p.bytes);
	p.value = (struct str *)(made + 1);
	p.claim = (struct claim *)(p.value + h->place_count);
	p.prefix = (struct prefix *)(p.claim + h->place_count);
	*made = p;
	return made;
}

void
held_take_places(struct held *h, const struct place_list *l, struct str today)
{
	struct system *s = &h->system;
	struct places *p = h->places = places_new(h, l);
	put_search(h, l, (char *)(p->prefix + p->networks));
	put_claims(h);
	if (s->until_day.n && str_cmp(s->until_day, today) < 0)
		return;
	s->domain = p->value;
	s->host = p->value + p->domains;
	s->network = p->value + p->domains + p->hosts;
	s->domains = p->domains;
	s->hosts = p->hosts;
	s->networks = p->networks;
}

void
held_take_end(struct held *h, struct db_rows *rows)
{
	struct str day = db_text(rows, 2);
	if (day.n && day.n < REGISTRY_DAY)
		memcpy(db_i64(rows, 1) == 1 ? h->system.licence_ends : h->system.layer_ends, day.p, day.n);
}

void
held_free(struct held *h)
{
	if (!h)
		return;
	mem_free(h->places);
	mem_free(h);
}

/* --- in the tables --- */

/* When a length comes or goes; of them there are few. */
static void
list_lengths(struct registry *r)
{
	r->lengths = 0;
	for (int bits = 128; bits >= 0; bits--)
		if (r->of_length[bits])
			r->length[r->lengths++] = (uint8_t)bits;
}

static struct claims *
table_of(struct registry *r, const struct places *p, uint32_t i)
{
	return i < p->domains ? &r->domains : i < p->domains + p->hosts ? &r->hosts : &r->networks;
}

void
held_enter(struct registry *r, struct held *h)
{
	const struct system *s = &h->system;
	struct places *p = h->places;
	r->bytes += h->bytes + p->bytes;
	r->agency[s->organisation->number]->organisation.systems++;
	for (uint32_t i = 0; i < s->domains + s->hosts + s->networks; i++) {
		if (!p->claim[i].name.n)
			continue;
		struct claims *t = table_of(r, p, i);
		claims_add(t, &p->claim[i]);
		if (t == &r->networks && !r->of_length[p->prefix[i - p->domains - p->hosts].bits]++)
			list_lengths(r);
	}
}

void
held_leave(struct registry *r, struct held *h)
{
	const struct system *s = &h->system;
	struct places *p = h->places;
	r->bytes -= h->bytes + p->bytes;
	r->agency[s->organisation->number]->organisation.systems--;
	for (uint32_t i = 0; i < s->domains + s->hosts + s->networks; i++) {
		if (!p->claim[i].name.n)
			continue;
		struct claims *t = table_of(r, p, i);
		claims_remove(t, &p->claim[i]);
		if (t == &r->networks && !--r->of_length[p->prefix[i - p->domains - p->hosts].bits])
			list_lengths(r);
	}
}
