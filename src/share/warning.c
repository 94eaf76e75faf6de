/* SPDX-License-Identifier: EUPL-1.2 */
#include "share/warning.h"

#include <assert.h>
#include <pthread.h>

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

/* Values that can be asked for: those of the file, or our own. */
struct values {
	struct network *network; /* also in the image; asked one by one for those inside a network */
	uint32_t networks, network_cap;
	/* All values by image: exact ones, and those that reach below. Number = place in `list_of` + 1. */
	uint32_t *list_of;
	uint32_t count, cap;
	struct ioc_builder *building[2]; /* by enum reach */
	struct buf image[2];
	struct ioc *set[2];
};

struct warning_own {
	struct values values;
};

struct warning_lists {
	struct arena arena;
	struct warning_list list[LISTS_MAX];
	uint32_t lists, wide, own;
	struct values others;
	pthread_rwlock_t lock; /* of the pointer below */
	struct warning_own *ours; /* NULL: we have none */
};

/* ---- values ---- */

static void
values_init(struct values *v)
{
	for (int reach = 0; reach < 2; reach++)
		v->building[reach] = ioc_builder_new(1, 1);
}

static void
values_release(struct values *v)
{
	for (int reach = 0; reach < 2; reach++) {
		ioc_builder_free(v->building[reach]);
		ioc_close(v->set[reach]);
		buf_release(&v->image[reach]);
	}
	mem_free(v->network);
	mem_free(v->list_of);
}

static int
values_finish(struct values *v)
{
	for (int reach = 0; reach < 2; reach++) {
		TRY(ioc_builder_finish(v->building[reach], &v->image[reach]));
		TRY(ioc_open(buf_str(&v->image[reach]), &v->set[reach]));
		ioc_builder_free(v->building[reach]);
		v->building[reach] = NULL;
	}
	return 0;
}

/* Any value of a list. False: it is none. */
static bool
values_add(struct values *v, uint32_t list, enum reach reach, struct str text)
{
	char normal[IOC_VALUE_MAX];
	enum ioc_kind kind;
	struct network n = {.list = list, .bits = 128};
	if (!ioc_guess(text, &kind)) /* A label alone: "com". It stops only itself, and no indicator is one label. */
		return text.n > 0 && str_find_char(text, ' ') < 0;
	struct str value = str_from(normal, ioc_normalise(kind, text, normal));
	if (kind == IOC_CIDR ? ioc_prefix(value, n.address, &n.bits) : kind == IOC_IP && ioc_address(value, n.address)) {
		MEM_GROW(v->network, v->networks, v->network_cap);
		v->network[v->networks++] = n;
		reach = REACH_BELOW;
	}
	struct ioc_entry e = {kind, value, v->count + 1, 100, INT64_MIN, IOC_FOR_EVER};
	MEM_GROW(v->list_of, v->count, v->cap);
	v->list_of[v->count++] = list;
	return ioc_builder_add(v->building[reach], &e) == 0;
}

/* ---- lists ---- */

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

static bool
add_value(struct warning_lists *w, uint32_t list, enum reach reach, struct str text)
{
	w->list[list].entries++;
	return values_add(&w->others, list, reach, text);
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

int
warning_lists_new(struct str text, const struct registry *registry, struct warning_lists **ret, struct fault *f)
{
	struct warning_lists *w = MEM_NEW(struct warning_lists);
	struct warning_own *own = NULL;
	struct buf ours = BUF_INIT;
	arena_init(&w->arena, 16 << 10, 16 << 20);
	pthread_rwlock_init(&w->lock, NULL);
	values_init(&w->others);
	int error = read_lists(w, text, f);
	w->wide = own_list(w, STR("too-wide"));
	w->own = own_list(w, STR("own"));
	if (!error)
		error = values_finish(&w->others);
	if (!error && registry) {
		warning_own_text(registry, &ours);
		error = warning_own_new(buf_str(&ours), &own);
	}
	buf_release(&ours);
	if (error) {
		warning_lists_free(w);
		return error;
	}
	warning_lists_take(w, own);
	*ret = w;
	return 0;
}

void
warning_lists_free(struct warning_lists *w)
{
	if (!w)
		return;
	warning_own_free(w->ours);
	values_release(&w->others);
	pthread_rwlock_destroy(&w->lock);
	arena_release(&w->arena);
	mem_free(w);
}

const struct warning_list *
warning_lists_all(const struct warning_lists *w, uint32_t *ret_count)
{
	*ret_count = w->lists;
	return w->list;
}

/* ---- our own ---- */

static void
add_lines(struct buf *out, const struct str *value, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, value[i]);
		buf_add_char(out, '\n');
	}
}

void
warning_own_text(const struct registry *registry, struct buf *out)
{
	uint32_t systems;
	const struct system *const *all = registry_systems(registry, &systems);
	for (uint32_t i = 0; i < systems; i++) {
		add_lines(out, all[i]->network, all[i]->networks);
		add_lines(out, all[i]->domain, all[i]->domains);
	}
}

/* With the domains around one of ours: who lists our parent lists us. */
static void
add_ours(struct values *v, struct str text)
{
	uint8_t address[16];
	unsigned bits;
	struct str name = text, label;
	(void)values_add(v, 0, REACH_BELOW, text);
	if (ioc_address(text, address) || ioc_prefix(text, address, &bits))
		return;
	while (str_split(&name, '.', &label) && str_find_char(name, '.') > 0)
		(void)values_add(v, 0, REACH_EXACT, name);
}

int
warning_own_new(struct str text, struct warning_own **ret)
{
	struct warning_own *own = MEM_NEW(struct warning_own);
	struct str line;
	values_init(&own->values);
	while (str_split(&text, '\n', &line))
		if (line.n)
			add_ours(&own->values, line);
	int error = values_finish(&own->values);
	if (error)
		warning_own_free(own);
	else
		*ret = own;
	return error;
}

void
warning_own_free(struct warning_own *o)
{
	if (!o)
		return;
	values_release(&o->values);
	mem_free(o);
}

void
warning_lists_take(struct warning_lists *w, struct warning_own *own)
{
	pthread_rwlock_wrlock(&w->lock);
	struct warning_own *before = w->ours;
	w->ours = own;
	pthread_rwlock_unlock(&w->lock);
	w->list[w->own].entries = own ? own->values.count : 0;
	warning_own_free(before);
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

/* Which of these values stops it: the number of its list, or -1. */
static int
network_stopped(const struct values *v, const uint8_t address[16], unsigned bits)
{
	struct ioc_hit hit;
	if (ioc_find_address(v->set[REACH_BELOW], address, 0, &hit))
		return (int)v->list_of[hit.number - 1];
	for (uint32_t i = 0; i < v->networks && bits < 128; i++)
		if (overlap(&v->network[i], address, bits))
			return (int)v->network[i].list;
	return -1;
}

static int
name_stopped(const struct values *v, enum ioc_kind kind, struct str value)
{
	struct ioc_hit hit;
	if (ioc_find(v->set[REACH_BELOW], kind, value, 0, &hit))
		return (int)v->list_of[hit.number - 1];
	if (ioc_find(v->set[REACH_EXACT], kind, value, 0, &hit) && hit.value.n == value.n)
		return (int)v->list_of[hit.number - 1];
	return -1;
}

struct question {
	enum ioc_kind kind;
	struct str value;
	bool network;
	uint8_t address[16];
	unsigned bits;
};

static int
stopped(const struct values *v, const struct question *q)
{
	return q->network ? network_stopped(v, q->address, q->bits) : name_stopped(v, q->kind, q->value);
}

static bool
stopped_by_ours(const struct warning_lists *w, const struct question *q)
{
	pthread_rwlock_t *lock = (pthread_rwlock_t *)(uintptr_t)&w->lock;
	pthread_rwlock_rdlock(lock);
	bool ours = w->ours && stopped(&w->ours->values, q) >= 0;
	pthread_rwlock_unlock(lock);
	return ours;
}

static bool
is_too_wide(const struct question *q)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = q->bits >= 96 && memcmp(q->address, mapped, 12) == 0;
	return q->network && q->bits < (v4 ? WIDE_V4 : WIDE_V6);
}

/* A URL of a whole site stands for its host; one page of a site is a page, whosever site it is: false. */
static bool
ask_url(struct str url, struct question *ret)
{
	ptrdiff_t scheme = str_find(url, STR("://"));
	ptrdiff_t path = str_find_char(str_skip(url, (size_t)scheme + 3), '/');
	if (path >= 0 && (size_t)(scheme + 3 + path + 1) < url.n)
		return false;
	*ret = (struct question){.kind = IOC_DOMAIN, .value = ioc_url_host(url), .bits = 128};
	ret->network = ioc_address(ret->value, ret->address);
	return true;
}

static bool
ask(enum ioc_kind kind, struct str value, struct question *ret)
{
	*ret = (struct question){.kind = kind, .value = value, .network = kind == IOC_IP || kind == IOC_CIDR, .bits = 128};
	if (kind == IOC_IP)
		return ioc_address(value, ret->address);
	if (kind == IOC_CIDR)
		return ioc_prefix(value, ret->address, &ret->bits);
	return kind != IOC_URL || ask_url(value, ret);
}

const struct warning_list *
warning_stops(const struct warning_lists *w, enum ioc_kind kind, struct str value)
{
	struct question q;
	if (!ask(kind, value, &q))
		return NULL;
	if (is_too_wide(&q))
		return &w->list[w->wide];
	if (stopped_by_ours(w, &q))
		return &w->list[w->own];
	int list = stopped(&w->others, &q);
	return list < 0 ? NULL : &w->list[list];
}
