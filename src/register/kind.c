/* SPDX-License-Identifier: EUPL-1.2 */
/* Kinds of organisations: content/register/kinds.yaml. */
#include "base/yaml.h"
#include "register/organisation.h"

#define KINDS_MAX 200u

struct kinds {
	struct str file;
	registry_on_fault *on_fault;
	void *user;
	uint32_t faults;
	struct organisation_kind kind[KINDS_MAX];
	uint32_t count;
};

static void
refuse(struct kinds *k, const struct yaml *at, const char *what, struct str arg)
{
	struct fault f = {0};
	yaml_fault(at, &f, E_INVALID, what, arg);
	fault_in_file(&f, k->file);
	k->faults++;
	if (k->on_fault)
		k->on_fault(k->user, &f);
}

static const struct organisation_kind *
find(const struct kinds *k, struct str id)
{
	for (uint32_t i = 0; i < k->count; i++)
		if (str_eq(k->kind[i].id, id))
			return &k->kind[i];
	return NULL;
}

static void
read_kind(struct kinds *k, const struct yaml *node, struct arena *arena)
{
	struct organisation_kind kind = {.id = node->key};
	struct buf under = BUF_INIT_MAX(4096);
	YAML_EACH(child, node) {
		if (str_eq(child->key, STR("vi")))
			kind.vi = child->text;
		else if (str_eq(child->key, STR("en")))
			kind.en = child->text;
		else if (!str_eq(child->key, STR("under")))
			refuse(k, child, "register_key", child->key);
	}
	YAML_EACH(one, yaml_get(node, STR("under"))) {
		if (under.n)
			buf_add_char(&under, ' ');
		buf_add(&under, one->text);
	}
	if (!register_id_ok(kind.id) || find(k, kind.id) || k->count == KINDS_MAX)
		refuse(k, node, "kind_id", kind.id);
	else if (!kind.vi.n || !kind.en.n || !register_text_ok(kind.vi, 200) || !register_text_ok(kind.en, 200))
		refuse(k, node, "kind_name", kind.id);
	else if (!arena_copy(arena, buf_str(&under), &kind.under))
		refuse(k, node, "kind_name", kind.id);
	else
		k->kind[k->count++] = kind;
	buf_release(&under);
}

/* Kinds that others are to stand below exist. */
static void
check_under(struct kinds *k, const struct yaml *root)
{
	YAML_EACH(node, yaml_get(root, STR("kinds")))
		YAML_EACH(one, yaml_get(node, STR("under")))
			if (!find(k, one->text))
				refuse(k, one, "kind_under", one->text);
}

static int
write_kinds(struct db *db, const struct kinds *k)
{
	TRY(db_begin(db));
	int error = db_run(db, Q_KIND_CLEAR, "");
	for (uint32_t i = 0; i < k->count && !error; i++)
		error = db_run(db, Q_KIND_PUT, "ssssi", k->kind[i].id, k->kind[i].vi, k->kind[i].en, k->kind[i].under,
		    (int64_t)i + 1);
	return db_end_transaction(db, error);
}

int
kinds_import(struct db *db, struct str text, struct str file, registry_on_fault *on_fault, void *user)
{
	struct kinds k = {.file = file, .on_fault = on_fault, .user = user};
	struct arena arena;
	struct yaml **documents;
	uint32_t count = 0;
	struct fault f = {0};
	arena_init(&arena, 16 << 10, 4 << 20);
	int error = yaml_parse(text, &arena, &documents, &count, &f);
	if (error) {
		fault_in_file(&f, file);
		if (on_fault)
			on_fault(user, &f);
	}
	for (uint32_t d = 0; d < count && !error; d++) {
		YAML_EACH(child, documents[d]) {
			if (!str_eq(child->key, STR("kinds")))
				refuse(&k, child, "register_key", child->key);
		}
		YAML_EACH(node, yaml_get(documents[d], STR("kinds")))
			read_kind(&k, node, &arena);
	}
	for (uint32_t d = 0; d < count && !error; d++)
		check_under(&k, documents[d]);
	if (!error && (k.faults || !k.count))
		error = E_INVALID;
	if (!error && db)
		error = write_kinds(db, &k);
	arena_release(&arena);
	return error;
}

int
kinds_list(struct db *db, struct arena *arena, struct organisation_kind **ret, uint32_t *ret_count)
{
	struct db_rows *rows;
	struct organisation_kind *list = arena_calloc(arena, 2 * KINDS_MAX, sizeof *list);
	uint32_t n = 0;
	int more;
	if (!list)
		return E_LIMIT;
	TRY(db_query(db, &rows, Q_KIND_ALL, ""));
	for (; (more = db_next(rows)) > 0 && n < 2 * KINDS_MAX; n++) {
		struct str *text[] = {&list[n].id, &list[n].vi, &list[n].en, &list[n].under};
		for (size_t i = 0; i < COUNT(text); i++)
			if (!arena_copy(arena, db_text(rows, (int)i), text[i]))
				more = E_LIMIT;
	}
	db_end(rows);
	*ret = list;
	*ret_count = n;
	return more < 0 ? more : 0;
}
