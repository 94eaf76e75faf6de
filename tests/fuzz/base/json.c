/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Any bytes as JSON: tokens stay inside the text and inside their container, both paths agree, what json_parse() takes
 * is what json_parse_prefix() takes with nothing behind it, and every beginning of a good text is refused as truncated.
 */
#include "base/json.h"

#include <assert.h>

#include "base/json_scan.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_container(const struct json *j, uint32_t c)
{
	const struct json_token *t = &j->token[c];
	uint32_t items = 0;
	for (uint32_t i = c + 1; i < t->next; i = j->token[i].next, items++) {
		assert(j->token[i].next > i && j->token[i].next <= t->next);
		assert(j->token[i].start > t->start);
		assert(j->token[i].start + j->token[i].length < t->start + t->length);
		if (t->kind == JSON_OBJECT && items % 2 == 0)
			assert(j->token[i].kind == JSON_STRING && j->token[i].next == i + 1);
	}
	assert(t->kind != JSON_OBJECT || items % 2 == 0);
}

static void
check_tape(const struct json *j, struct str text)
{
	assert(j->token[0].next == j->count);
	for (uint32_t i = 0; i < j->count; i++) {
		const struct json_token *t = &j->token[i];
		assert(t->kind <= JSON_OBJECT && t->next > i && t->next <= j->count);
		assert((size_t)t->start + t->length <= text.n);
		if (t->kind >= JSON_ARRAY)
			check_container(j, i);
		if (t->kind != JSON_STRING)
			continue;
		char *plain = mem_alloc(t->length + 1);
		size_t n = json_unescape(json_raw(j, i), plain);
		assert(n <= t->length && str_is_utf8(str_from(plain, n)));
		mem_free(plain);
	}
}

static void
check_paths(struct str text, const struct json *j, int error)
{
	struct json other = {0};
	size_t used;
	if (!json_path_works(JSON_PATH_AVX2))
		return;
	int same = json_parse_on(JSON_PATH_AVX2, &other, text, &used, NULL);
	assert(same == error && other.count == j->count);
	for (uint32_t i = 0; i < j->count; i++) {
		const struct json_token *x = &other.token[i], *y = &j->token[i];
		assert(x->kind == y->kind && x->escaped == y->escaped);
		assert(x->start == y->start && x->length == y->length && x->next == y->next);
	}
	json_release(&other);
}

static void
check_cut(struct str text, size_t used, uint8_t kind)
{
	struct json j = {0};
	size_t step = used / 8 + 1, ignored;
	for (size_t n = 0; n < used && kind != JSON_NUMBER; n += step)
		assert(json_parse_prefix(&j, str_cut(text, 0, n), &ignored, NULL) == E_TRUNCATED);
	json_release(&j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	struct json j = {0}, whole = {0};
	size_t used = 0;
	int error = json_parse_on(JSON_PATH_PORTABLE, &j, text, &used, NULL);
	check_paths(text, &j, error);
	if (error == 0) {
		assert(used <= size);
		check_tape(&j, text);
		check_cut(text, used, j.token[0].kind);
		assert(json_parse(&whole, str_cut(text, 0, used), NULL) == 0 && whole.count == j.count);
	} else {
		struct fault f = {0};
		assert(json_parse(&whole, text, &f) == error && f.line > 0 && f.column > 0);
	}
	json_release(&whole);
	json_release(&j);
	return 0;
}
