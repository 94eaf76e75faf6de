/* SPDX-License-Identifier: EUPL-1.2 */
#include "share/warning.h"

#include <assert.h>

#include "base/memory.h"
#include "base/yaml.h"

#define LISTS_MAX 64u
#define WIDE_V4 (96u + 8u) /* a network of fewer bits is no indicator of anything */
#define WIDE_V6 20u

/* How a list's domains stop: themselves, or all below them too. */
enum reach { REACH_EXACT, REACH_BELOW };

struct network {
	uint8_t address[16];
	unsigned bits;
	uint32_t list;
};

struct warning_lists {
	struct arena arena;
	struct warning_list list[LISTS_MAX];
	uint32_t lists, wide, own;
	struct network *network; /* also in the image; asked one by one for those inside a network */
	uint32_t networks, network_cap;
	/* All values by image: exact ones, and those that reach below. Number = place in `list_of` + 1. */
	uint32_t *list_of;
	uint32_t values, value_cap;
	struct ioc_builder *building[2]; /* by enum reach */
	struct buf image[2];
	struct ioc *set[2];
};

static uint32_t
add_list(struct warning_lists *w, struct str name, struct str title, struct str title_vi)
{
	assert(w->lists < LISTS_MAX);
	struct warning_list *l = &w->list[w->lists];
	if (!arena_copy(&w->arena, name, &l->name) || !arena_copy(&w->arena, title, &l->title) ||
	    !arena_copy(&w->arena, title_vi, &l->title_vi))
		l->name = STR("list");
	return w->lists++;
}

static bool
find_list(const struct warning_lists *w, struct str name, uint32_t *ret)
{
	for (uint32_t i = 0; i < w->lists; i++)
		if (str_eq(w->list[i].name, name)) {
			*ret = i;
			return true;
		}
	return false;
}

/* A list that the program fills; the file has its titles. */
static uint32_t
own_list(struct warning_lists *w, struct str name)
{
	uint32_t list;
	return find_list(w, name, &list) ? list : add_list(w, name, name, (struct str){0});
}

/* Any value of a list. False: it is none. */
static bool
add_value(struct warning_lists *w, uint32_t list, enum reach reach, struct str text)
{
	char normal[IOC_VALUE_MAX];
	enum ioc_kind kind;
	struct network n = {.list = list, .bits = 128};
	if (!ioc_guess(text, &kind)) {
		/* A label alone: "com". It stops only itself, and no indicator is one label; it is kept for its count. */
		w->list[list].entries++;
		return text.n > 0 && str_find_char(text, ' ') < 0;
	}
	struct str value = str_from(normal, ioc_normalise(kind, text, normal));
	w->list[list].entries++;
	if (kind == IOC_CIDR ? ioc_prefix(value, n.address, &n.bits) : kind == IOC_IP && ioc_address(value, n.address)) {
		MEM_GROW(w->network, w->networks, w->network_cap);
		w->network[w->networks++] = n;
		reach = REACH_BELOW;
	}
	struct ioc_entry e = {kind, value, w->values + 1, 100, INT64_MIN, IOC_FOR_EVER};
	MEM_GROW(w->list_of, w->values, w->value_cap);
	w->list_of[w->values++] = list;
	return ioc_builder_add(w->building[reach], &e) == 0;
}

static int
read_list(struct warning_lists *w, const struct yaml *node, struct fault *f)
{
	const struct str none = {0};
	struct str name = yaml_get_text(node, STR("name"), none);
	const struct yaml *values = yaml_get(node, STR("values")), *below = yaml_get(node, STR("below"));
	bool reach = false;
	uint32_t same;
	if (!name.n || find_list(w, name, &same) || w->lists + 2 >= LISTS_MAX)
		return yaml_fault(node, f, E_INVALID, "warning_list", name);
	if (below && !yaml_to_bool(below, &reach))
		return yaml_fault(below, f, E_INVALID, "warning_list", STR("below"));
	uint32_t list = add_list(w, name, yaml_get_text(node, STR("title"), name), yaml_get_text(node, STR("title_vi"), none));
	YAML_EACH(value, values)
		if (value->kind != YAML_SCALAR || !add_value(w, list, reach ? REACH_BELOW : REACH_EXACT, value->text))
			return yaml_fault(value, f, E_INVALID, "warning_value", value->text);
	return 0;
}

static int
read_lists(struct warning_lists *w, struct str text, struct fault *f)
{
	struct arena arena;
	struct yaml **documents;
	uint32_t count;
	arena_init(&arena, 64 << 10, 64 << 20);
	int error = yaml_parse(text, &arena, &documents, &count, f);
	for (uint32_t d = 0; d < count && !error; d++)
		YAML_EACH(node, yaml_get(documents[d], STR("lists")))
			if (!error)
				error = read_list(w, node, f);
	arena_release(&arena);
	return error;
}

/* Our own networks and domains, and the domains around ours (who lists our parent lists us). */
static void
read_register(struct warning_lists *w, const struct registry *r)
{
	uint32_t systems;
	const struct system *const *all = registry_systems(r, &systems);
	for (uint32_t i = 0; i < systems; i++) {
		const struct system *s = all[i];
		for (uint32_t k = 0; k < s->networks; k++)
			(void)add_value(w, w->own, REACH_BELOW, s->network[k]);
		for (uint32_t k = 0; k < s->domains; k++) {
			struct str name = s->domain[k], label;
			(void)add_value(w, w->own, REACH_BELOW, name);
			while (str_split(&name, '.', &label) && str_find_char(name, '.') > 0)
				(void)add_value(w, w->own, REACH_EXACT, name);
		}
	}
}

static int
finish(struct warning_lists *w)
{
	for (int reach = 0; reach < 2; reach++) {
		TRY(ioc_builder_finish(w->building[reach], &w->image[reach]));
		TRY(ioc_open(buf_str(&w->image[reach]), &w->set[reach]));
		ioc_builder_free(w->building[reach]);
		w->building[reach] = NULL;
	}
	return 0;
}

int
warning_lists_new(struct str text, const struct registry *registry, struct warning_lists **ret, struct fault *f)
{
	struct warning_lists *w = MEM_NEW(struct warning_lists);
	arena_init(&w->arena, 16 << 10, 16 << 20);
	for (int reach = 0; reach < 2; reach++)
		w->building[reach] = ioc_builder_new(1, 1);
	int error = read_lists(w, text, f);
	w->wide = own_list(w, STR("too-wide"));
	w->own = own_list(w, STR("own"));
	if (!error && registry)
		read_register(w, registry);
	if (!error)
		error = finish(w);
	if (error) {
		warning_lists_free(w);
		return error;
	}
	*ret = w;
	return 0;
}

void
warning_lists_free(struct warning_lists *w)
{
	if (!w)
		return;
	for (int reach = 0; reach < 2; reach++) {
		ioc_builder_free(w->building[reach]);
		ioc_close(w->set[reach]);
		buf_release(&w->image[reach]);
	}
	mem_free(w->network);
	mem_free(w->list_of);
	arena_release(&w->arena);
	mem_free(w);
}

const struct warning_list *
warning_lists_all(const struct warning_lists *w, uint32_t *ret_count)
{
	*ret_count = w->lists;
	return w->list;
}

/* --- asking --- */

static bool
overlap(const struct network *n, const uint8_t address[16], unsigned bits)
{
	unsigned common = n->bits < bits ? n->bits : bits;
	for (unsigned i = 0; i < common / 8; i++)
		if (n->address[i] != address[i])
			return false;
	return common % 8 == 0 || ((n->address[common / 8] ^ address[common / 8]) & (0xff00 >> common % 8) & 0xff) == 0;
}

static const struct warning_list *
stops_network(const struct warning_lists *w, const uint8_t address[16], unsigned bits)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = bits >= 96 && memcmp(address, mapped, 12) == 0;
	struct ioc_hit hit;
	if (bits < (v4 ? WIDE_V4 : WIDE_V6))
		return &w->list[w->wide];
	if (ioc_find_address(w->set[REACH_BELOW], address, 0, &hit))
		return &w->list[w->list_of[hit.number - 1]];
	for (uint32_t i = 0; i < w->networks && bits < 128; i++)
		if (overlap(&w->network[i], address, bits))
			return &w->list[w->network[i].list];
	return NULL;
}

static const struct warning_list *
stops_name(const struct warning_lists *w, enum ioc_kind kind, struct str value)
{
	struct ioc_hit hit;
	if (ioc_find(w->set[REACH_BELOW], kind, value, 0, &hit))
		return &w->list[w->list_of[hit.number - 1]];
	if (ioc_find(w->set[REACH_EXACT], kind, value, 0, &hit) && hit.value.n == value.n)
		return &w->list[w->list_of[hit.number - 1]];
	return NULL;
}

/* A URL of a whole site stands for its host; one page of a site is a page, whosever site it is. */
static const struct warning_list *
stops_url(const struct warning_lists *w, struct str url)
{
	uint8_t address[16];
	struct str host = ioc_url_host(url);
	ptrdiff_t scheme = str_find(url, STR("://"));
	ptrdiff_t path = str_find_char(str_skip(url, (size_t)scheme + 3), '/');
	if (path >= 0 && (size_t)(scheme + 3 + path + 1) < url.n)
		return NULL;
	if (ioc_address(host, address))
		return stops_network(w, address, 128);
	return stops_name(w, IOC_DOMAIN, host);
}

const struct warning_list *
warning_stops(const struct warning_lists *w, enum ioc_kind kind, struct str value)
{
	uint8_t address[16];
	unsigned bits = 128;
	switch (kind) {
	case IOC_IP:
		return ioc_address(value, address) ? stops_network(w, address, bits) : NULL;
	case IOC_CIDR:
		return ioc_prefix(value, address, &bits) ? stops_network(w, address, bits) : NULL;
	case IOC_URL:
		return stops_url(w, value);
	default:
		return stops_name(w, kind, value);
	}
}
