/* SPDX-License-Identifier: EUPL-1.2 */
#include "scan_indicators.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/memory.h"
#include "host/file.h"
#include "rules_files.h"
#include "share/feed.h"
#include "share/warning.h"

#define FAULTS_TOLD 100u
#define TEXT_BYTES ((size_t)1 << 30)

/* Where an indicator stands. Its number is its place + 1. */
struct entry {
	struct str value;
	const char *path;
	uint32_t line;
};

struct scan_indicators {
	scan_on_fault *on_fault;
	void *user;
	struct arena arena;
	struct entry *entry;
	uint32_t count, cap, told;
	const char *path; /* being read */
	struct warning_lists *lists;
	struct ioc_builder *builder;
	struct buf image;
	struct ioc *ioc;
	struct ioc_rules rules;
};

struct scan_indicators *
scan_indicators_new(scan_on_fault *on_fault, void *user)
{
	struct scan_indicators *s = MEM_NEW(struct scan_indicators);
	struct buf text = BUF_INIT_MAX(4 << 20);
	struct fault f = {0};
	uint64_t key = 0;
	const char *file = rules_beside_program("indicators/warning.yaml");
	s->on_fault = on_fault;
	s->user = user;
	arena_init(&s->arena, 256 << 10, TEXT_BYTES);
	(void)!getrandom(&key, sizeof key, 0);
	s->builder = ioc_builder_new(key, 0);
	int error = file ? file_read(file, &text) : E_NOT_FOUND;
	if (error)
		fault_set(&f, error, "warning_file", STR("indicators/warning.yaml"), 0, 0);
	else
		error = warning_lists_new(buf_str(&text), NULL, &s->lists, &f);
	if (error)
		on_fault(user, &f);
	buf_release(&text);
	return s;
}

void
scan_indicators_free(struct scan_indicators *s)
{
	if (!s)
		return;
	ioc_close(s->ioc);
	ioc_builder_free(s->builder);
	warning_lists_free(s->lists);
	buf_release(&s->image);
	arena_release(&s->arena);
	mem_free(s->entry);
	mem_free(s);
}

static void
on_refused(void *user, const struct fault *f)
{
	struct scan_indicators *s = user;
	struct fault told = *f;
	if (s->told++ >= FAULTS_TOLD)
		return;
	fault_in_file(&told, str_z(s->path));
	s->on_fault(s->user, &told);
}

static int
on_item(void *user, const struct feed_item *item)
{
	struct scan_indicators *s = user;
	const struct warning_list *list = s->lists ? warning_stops(s->lists, item->kind, item->value) : NULL;
	struct entry entry = {.path = s->path, .line = item->line};
	if (list) {
		struct fault f = {0};
		char arg[160];
		snprintf(arg, sizeof arg, "%.*s (%.*s)", STR_ARG(str_cut(item->value, 0, 100)), STR_ARG(list->name));
		fault_set(&f, E_DENIED, "feed_held", str_z(arg), item->line, item->column);
		on_refused(s, &f);
		return 0;
	}
	if (item->revoked)
		return 0;
	struct ioc_entry e = {.kind = item->kind, .value = item->value, .number = s->count + 1,
	    .confidence = (uint8_t)(item->confidence < 0 ? 50 : item->confidence), .from_ms = INT64_MIN,
	    .until_ms = item->until_ms == TIME_NONE ? IOC_FOR_EVER : item->until_ms};
	TRY(ioc_builder_add(s->builder, &e));
	if (!arena_copy(&s->arena, item->value, &entry.value))
		return E_LIMIT;
	MEM_GROW(s->entry, s->count, s->cap);
	s->entry[s->count++] = entry;
	return 0;
}

int
scan_indicators_read(struct scan_indicators *s, const char *path)
{
	const struct feed_events events = {on_item, on_refused, s};
	struct feed_counts counts;
	struct str text;
	s->path = path;
	TRY(file_map(path, &text));
	int error = feed_read(text, FEED_AUTO, &events, &counts);
	file_unmap(text);
	return error == E_INVALID ? 0 : error; /* told with its place; what stood before is taken */
}

int
scan_indicators_finish(struct scan_indicators *s, const struct rules *rules)
{
	TRY(ioc_builder_finish(s->builder, &s->image));
	ioc_builder_free(s->builder);
	s->builder = NULL;
	ioc_rules_find(rules, &s->rules);
	return ioc_open(buf_str(&s->image), &s->ioc);
}

void
scan_indicators_match(const struct scan_indicators *s, struct event *e, struct arena *arena, struct finding **list,
    uint32_t *count)
{
	uint32_t before = *count;
	char place[512];
	if (!s)
		return;
	ioc_event(s->ioc, &s->rules, e, arena, list, count);
	for (uint32_t i = before; i < *count; i++) {
		struct finding *f = &(*list)[i];
		if (f->indicator == 0 || f->indicator > s->count)
			continue;
		const struct entry *entry = &s->entry[f->indicator - 1];
		struct finding_field *more = arena_calloc(arena, f->matched_count + 2, sizeof *more);
		struct str where;
		snprintf(place, sizeof place, "%s:%u", entry->path, entry->line);
		if (!more || !arena_copy(arena, str_z(place), &where))
			continue;
		memcpy(more, f->matched, f->matched_count * sizeof *more);
		more[f->matched_count++] = (struct finding_field){STR("indicator.value"), entry->value};
		more[f->matched_count++] = (struct finding_field){STR("indicator.source"), where};
		f->matched = more;
	}
}
