/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "host/clock.h"

#define ALARM_BYTES (1u << 20)
#define ALARM_FIELDS 40u /* of one alert's "why" */

struct inspect *
inspect_new(const struct inspect_owner *owner)
{
	struct inspect *i = MEM_NEW(struct inspect);
	char path[512];
	i->owner = *owner;
	i->scanner = scanner_new(owner->loop);
	i->book = alert_book_new(owner->db);
	snprintf(path, sizeof path, "%s/files", owner->options->data);
	mkdir(path, 0700); /* there already, or upload_new() says what is wrong */
	sweep_open(i);
	return i;
}

void
inspect_free(struct inspect *i)
{
	if (!i)
		return;
	sweep_close(i);
	scanner_free(i->scanner);
	for (uint32_t n = 0; n < i->receiving_count; n++) {
		close(i->receiving[n].fd);
		mem_free(i->receiving[n].have);
	}
	mem_free(i->receiving);
	while (i->scanning) {
		struct scanning *s = i->scanning;
		i->scanning = s->next;
		mem_free(s);
	}
	alert_book_free(i->book);
	buf_release(&i->stopped_who);
	mem_free(i);
}

void
inspect_peer(struct inspect *i, int fd)
{
	scanner_peer(i->scanner, fd);
}

void
inspect_tick(struct inspect *i, int64_t now_ms)
{
	i->ticks++;
	if (scanner_hangs(i->scanner, clock_monotonic_ms()))
		i->owner.scanner_hangs(i->owner.user);
	upload_tick(i, now_ms);
	sweep_tick(i, now_ms);
}

const struct scanner_state *
inspect_scanner(const struct inspect *i)
{
	return scanner_state(i->scanner);
}

void
text_clean(struct str name, size_t max, struct buf *out)
{
	while (name.n && out->n < max) {
		size_t n = utf8_length(name.p, name.n);
		if (n && out->n + n > max)
			return;
		if ((unsigned char)name.p[0] < 0x20 || name.p[0] == 0x7f)
			n = 0;
		buf_add(out, n ? str_cut(name, 0, n) : STR("?"));
		name = str_skip(name, n ? n : 1);
	}
}

/* --- alerts --- */

static enum level
worst_level(const struct yara_found *found)
{
	enum level worst = LEVEL_INFORMATIONAL;
	for (uint32_t n = 0; n < found->matches; n++)
		if (found->match[n].level > worst)
			worst = found->match[n].level;
	return worst;
}

static struct str
joined(struct arena *arena, struct str a, const char *between, struct str b)
{
	struct str ret = {0};
	struct buf text = BUF_INIT_MAX(2048);
	buf_add(&text, str_cut(a, 0, 900));
	buf_add(&text, str_z(between));
	buf_add(&text, str_cut(b, 0, 900));
	if (!arena_copy(arena, buf_str(&text), &ret))
		ret = (struct str){0};
	buf_release(&text);
	return ret;
}

static void
put(struct arena *arena, struct finding_field *field, uint32_t *n, struct str name, struct str value)
{
	struct str a = {0}, b = {0};
	if (*n < ALARM_FIELDS && value.n && arena_copy(arena, name, &a) && arena_copy(arena, str_cut(value, 0, 1024), &b))
		field[(*n)++] = (struct finding_field){a, b};
}

/* The rules, what the first of them is about, then the places that made them match, each under a name of its own. */
static uint32_t
why(struct arena *arena, const struct yara_found *found, struct finding_field *field)
{
	struct buf text = BUF_INIT_MAX(4096);
	uint32_t n = 0;
	for (uint32_t m = 0; m < found->matches; m++)
		buf_addf(&text, "%s%.*s/%.*s", m ? ", " : "", STR_ARG(found->match[m].space), STR_ARG(found->match[m].rule));
	put(arena, field, &n, STR("yara.rule"), buf_str(&text));
	put(arena, field, &n, STR("yara.title"), found->matches ? found->match[0].title : STR(""));
	put(arena, field, &n, STR("yara.title_vi"), found->matches ? found->match[0].title_vi : STR(""));
	for (uint32_t m = 0; m < found->matches; m++)
		for (uint32_t h = 0; h < found->match[m].hits; h++) {
			const struct yara_hit *hit = &found->match[m].hit[h];
			buf_clear(&text);
			if (found->matches > 1)
				buf_addf(&text, "%.*s ", STR_ARG(found->match[m].rule));
			buf_addf(&text, "%.*s @%llu", STR_ARG(hit->name), (unsigned long long)hit->offset);
			put(arena, field, &n, buf_str(&text), hit->bytes);
		}
	buf_release(&text);
	return n;
}

int
alarm_write(struct inspect *i, const struct alarm *a, int64_t now_ms)
{
	const struct rule_info *rule = i->owner.rule(i->owner.user);
	struct finding_field field[ALARM_FIELDS];
	struct arena arena;
	struct event e;
	if (!rule || rule->off || rule->silent)
		return 0;
	struct rule_info mine = *rule; /* the alert is as grave as what was found, but for what the desk decided */
	if (rule->level == rule->own_level)
		mine.level = worst_level(a->found);
	arena_init(&arena, 16 << 10, ALARM_BYTES);
	event_begin(&e, &arena, NULL);
	event_put_core(&e, F_FILE_NAME, a->name);
	event_put_core(&e, F_FILE_PATH, a->path);
	event_put_core(&e, F_FILE_SHA256, a->sha256);
	event_put_core(&e, F_USER_NAME, a->who);
	e.text = joined(&arena, a->path.n ? a->path : a->name, " ", a->sha256);
	uint32_t count = why(&arena, a->found, field);
	const struct system *system = a->system.n ? i->owner.system_of(i->owner.user, a->system) : NULL;
	struct finding f = {&mine, &e, field, count};
	int error = 0;
	if (!i->owner.excepted(i->owner.user, &f, now_ms)) {
		alert_book_add(i->book, &mine, &e, 0, now_ms, field, count, system, false);
		error = alert_book_write(i->book, now_ms);
	}
	arena_release(&arena);
	return error;
}

void
alarm_done(struct inspect *i, bool ok)
{
	if (ok)
		alert_book_each(i->book, i->owner.alert_changed, i->owner.user);
	alert_book_clear(i->book);
}
