/* SPDX-License-Identifier: EUPL-1.2 */
#include "alert/alert.h"

#include "base/json.h"
#include "database.h"
#include "tap.h"

struct desk {
	struct db *db;
	struct alert_book *book;
	struct arena arena;
	int64_t changed[8];
	int changes;
};

static void
desk_open(struct desk *d)
{
	*d = (struct desk){0};
	CHECK_INT(db_open(test_database(tap_folder()), &d->db, NULL), 0);
	d->book = alert_book_new(d->db);
	arena_init(&d->arena, 64 << 10, 16 << 20);
}

static void
desk_close(struct desk *d)
{
	alert_book_free(d->book);
	db_close(d->db);
	arena_release(&d->arena);
}

static void
on_changed(void *user, int64_t id)
{
	struct desk *d = user;
	if (d->changes < 8)
		d->changed[d->changes++] = id;
}

static const struct str tags[] = {STR_INIT("attack.credential-access"), STR_INIT("attack.t1110.001"), STR_INIT("attack.T1078")};
static const struct rule_info brute = {.id = STR_INIT("r-1"), .title = STR_INIT("SSH brute force"),
	.title_vi = STR_INIT("D\xc3\xb2 m\xe1\xba\xadt kh\xe1\xba\xa9u SSH"), .level = LEVEL_HIGH, .tags = tags, .tag_count = 3, .window_s = 600};

static void
find(struct desk *d, const struct rule_info *rule, const char *host, const char *ip, int64_t event, int64_t at)
{
	struct event e;
	struct raw raw = {.bytes = STR("Failed password for root")};
	const struct finding_field matched[] = {{STR("message"), STR("Failed \"password\"")}};
	event_begin(&e, &d->arena, &raw);
	event_put_core(&e, F_HOST_NAME, str_z(host));
	event_put_core(&e, F_SOURCE_IP, str_z(ip));
	alert_book_add(d->book, rule, &e, event, at, matched, 1, NULL, false);
}

static void
write_all(struct desk *d, int64_t now)
{
	CHECK_INT(db_begin(d->db), 0);
	CHECK_INT(alert_book_write(d->book, now), 0);
	CHECK_INT(db_commit(d->db), 0);
	alert_book_each(d->book, on_changed, d);
	alert_book_clear(d->book);
	CHECK_INT(alert_book_pending(d->book), 0);
}

static struct alert
get(struct desk *d, int64_t id)
{
	struct alert a = {0};
	CHECK_INT(alert_get(d->db, id, &d->arena, &a), 0);
	return a;
}

TEST(findings_about_one_entity_are_one_alert)
{
	struct desk d;
	desk_open(&d);
	for (int i = 0; i < 500; i++)
		find(&d, &brute, "web", "203.0.113.7", i + 1, 1000000 + i);
	find(&d, &brute, "web", "203.0.113.8", 501, 1000000);
	write_all(&d, 1000);
	CHECK_INT(d.changes, 2);
	find(&d, &brute, "web", "203.0.113.7", 502, 1100000);
	write_all(&d, 2000);
	CHECK_INT(d.changes, 3);
	CHECK_INT(d.changed[2], d.changed[0]);
	struct alert a = get(&d, d.changed[0]);
	CHECK_INT(a.count, 501);
	CHECK_INT(a.first_ms, 1000000);
	CHECK_INT(a.last_ms, 1100000);
	CHECK_STR(a.entity, STR("[{\"name\":\"host.name\",\"value\":\"web\"},{\"name\":\"source.ip\",\"value\":\"203.0.113.7\"}]"));
	CHECK_STR(a.techniques, STR("[\"T1110.001\",\"T1078\"]"));
	CHECK_INT(a.level, LEVEL_HIGH);
	struct alert_finding *f;
	uint32_t n;
	CHECK_INT(alert_findings(d.db, a.id, 5, &d.arena, &f, &n), 0);
	CHECK_INT(n, 5);
	CHECK_INT(f[0].event, 502);
	CHECK_STR(f[0].matched, STR("[{\"name\":\"message\",\"value\":\"Failed \\\"password\\\"\"}]"));
	CHECK_INT(alert_spark(d.db, &a, 1100000), 0);
	CHECK_INT(a.spark[ALERT_SLOTS - 1], 1);
	CHECK_INT(a.spark[ALERT_SLOTS - 2], 500);
	desk_close(&d);
}

TEST(a_window_that_passed_or_a_closed_alert_opens_a_new_one)
{
	struct desk d;
	struct fault f = {0};
	desk_open(&d);
	find(&d, &brute, "web", "203.0.113.7", 1, 0);
	write_all(&d, 0);
	find(&d, &brute, "web", "203.0.113.7", 2, 600 * 1000 + 1);
	write_all(&d, 0);
	CHECK(d.changed[1] != d.changed[0]);
	struct alert_update close = {.set_state = true, .state = ALERT_CLOSED};
	CHECK_INT(alert_change(d.db, d.changed[1], 1, &close, STR("an"), 5, &f), E_INVALID);
	CHECK_STR(str_z(f.what), STR("alert_reason"));
	close.reason = STR("true, blocked");
	CHECK_INT(alert_change(d.db, d.changed[1], 7, &close, STR("an"), 5, &f), E_CONFLICT);
	CHECK_INT(alert_change(d.db, 9999, 1, &close, STR("an"), 5, &f), E_NOT_FOUND);
	CHECK_INT(alert_change(d.db, d.changed[1], 1, &close, STR("an"), 5, &f), 0);
	find(&d, &brute, "web", "203.0.113.7", 3, 600 * 1000 + 2);
	write_all(&d, 0);
	CHECK(d.changed[2] != d.changed[1]);
	struct alert a = get(&d, d.changed[1]);
	CHECK_INT(a.state, ALERT_CLOSED);
	CHECK_INT(a.version, 2);
	CHECK_STR(a.reason, STR("true, blocked"));
	struct alert_change *c;
	uint32_t n;
	CHECK_INT(alert_changes(d.db, a.id, &d.arena, &c, &n), 0);
	CHECK_INT(n, 2);
	CHECK_STR(c[0].change, STR("opened"));
	CHECK_STR(c[1].change, STR("closed"));
	CHECK_STR(c[1].who, STR("an"));
	desk_close(&d);
}

TEST(lists_filter_and_page_without_loss)
{
	struct desk d;
	desk_open(&d);
	struct rule_info low = brute;
	low.id = STR("r-2");
	low.level = LEVEL_LOW;
	low.title = STR("Port scan");
	low.title_vi = STR("");
	for (int i = 0; i < 30; i++) {
		char host[16];
		snprintf(host, sizeof host, "h%d", i);
		find(&d, i % 3 ? &brute : &low, host, "203.0.113.9", i, 1000 * (i / 4));
	}
	write_all(&d, 0);
	struct alert_filter f = {.states = 1 << ALERT_NEW, .before_ms = INT64_MAX, .before_id = INT64_MAX, .limit = 7};
	int seen = 0;
	for (uint32_t n = 7; n == 7;) {
		struct alert *list;
		CHECK_INT(alert_list(d.db, &f, &d.arena, &list, &n), 0);
		seen += (int)n;
		if (n) {
			f.before_ms = list[n - 1].last_ms;
			f.before_id = list[n - 1].id;
		}
	}
	CHECK_INT(seen, 30);
	int64_t total;
	struct alert_filter want = {.levels = 1 << LEVEL_LOW};
	CHECK_INT(alert_count(d.db, &want, &total), 0);
	CHECK_INT(total, 10);
	want = (struct alert_filter){.text = STR("d\xc3\xb2 mat")};
	CHECK_INT(alert_count(d.db, &want, &total), 0);
	CHECK_INT(total, 20);
	want = (struct alert_filter){.states = 1 << ALERT_CLOSED};
	CHECK_INT(alert_count(d.db, &want, &total), 0);
	CHECK_INT(total, 0);
	desk_close(&d);
}

TEST(a_sensor_speaks_of_other_machines)
{
	static const char province[] =
	    "organisations: [{id: dc, name: DC, kind: centre}, {id: bv, name: BV, kind: department}]\n"
	    "systems:\n"
	    "  - {id: net, name: Net, organisation: dc, level: 4, hosts: [ids]}\n"
	    "  - {id: his, name: HIS, organisation: bv, level: 3, networks: [10.30.1.0/24]}\n";
	struct desk d;
	struct registry *r = NULL;
	struct event e;
	struct raw raw = {.bytes = STR("x")};
	uint32_t rows;
	desk_open(&d);
	CHECK_INT(registry_import(d.db, NULL, str_z(province), STR("p.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_INT(registry_load(d.db, &r), 0);
	event_begin(&e, &d.arena, &raw);
	event_put_core(&e, F_HOST_NAME, STR("ids"));
	event_put_core(&e, F_SOURCE_IP, STR("10.30.1.140"));
	event_put_core(&e, F_DESTINATION_IP, STR("203.0.113.9"));
	e.decoder = DECODER_EVE;
	CHECK_STR(alert_system_of(r, &e)->id, STR("his"));
	e.decoder = DECODER_SSHD;
	CHECK_STR(alert_system_of(r, &e)->id, STR("net"));
	registry_free(r);
	desk_close(&d);
}

TEST(who_asks_a_name_server_and_who_scans_is_meant_not_the_other_end)
{
	static const char province[] =
	    "organisations: [{id: dc, name: DC, kind: centre}, {id: bv, name: BV, kind: department}]\n"
	    "systems:\n"
	    "  - {id: names, name: Names, organisation: dc, level: 3, networks: [10.10.2.53/32]}\n"
	    "  - {id: his, name: HIS, organisation: bv, level: 3, networks: [10.30.1.0/24]}\n";
	static const struct finding_field outside[] = {{STR_INIT("source.ip"), STR_INIT("203.0.113.9")},
	    {STR_INIT("destination.ip"), STR_INIT("10.30.1.7")}},
	    inside[] = {{STR_INIT("source.ip"), STR_INIT("10.30.1.140")}, {STR_INIT("destination.ip"), STR_INIT("10.10.2.53")}},
	    nobody[] = {{STR_INIT("source.ip"), STR_INIT("203.0.113.9")}, {STR_INIT("hosts"), STR_INIT("40")}};
	struct desk d;
	struct registry *r = NULL;
	struct event e;
	struct raw raw = {.bytes = STR("x")};
	uint32_t rows;
	desk_open(&d);
	CHECK_INT(registry_import(d.db, NULL, str_z(province), STR("p.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_INT(registry_load(d.db, &r), 0);
	event_begin(&e, &d.arena, &raw);
	event_put_core(&e, F_SOURCE_IP, STR("10.30.1.140"));
	event_put_core(&e, F_DESTINATION_IP, STR("10.10.2.53"));
	e.decoder = DECODER_EVE;
	const struct system *tried = alert_system_of(r, &e);
	CHECK_STR(tried->id, STR("names"));
	event_put_core(&e, F_DNS_QUESTION, STR("a.example"));
	CHECK_STR(alert_system_of(r, &e)->id, STR("his"));
	event_put_core(&e, F_SOURCE_PORT, STR("53"));
	CHECK_STR(alert_system_of(r, &e)->id, STR("names"));

	CHECK_STR(alert_system_meant(r, &(struct finding){.matched = inside, .matched_count = 2}, tried)->id, STR("his"));
	CHECK_STR(alert_system_meant(r, &(struct finding){.matched = outside, .matched_count = 2}, tried)->id, STR("his"));
	CHECK_STR(alert_system_meant(r, &(struct finding){.matched = nobody, .matched_count = 2}, tried)->id, STR("names"));
	registry_free(r);
	desk_close(&d);
}

TEST(no_alert_tells_of_two_organisations)
{
	static const struct str who[] = {STR_INIT("source.ip")};
	static const char province[] = "organisations: [{id: a, name: A, kind: commune}, {id: b, name: B, kind: commune}]\n"
				       "systems:\n"
				       "  - {id: s, name: S, organisation: a, level: 1, hosts: [web-a]}\n"
				       "  - {id: t, name: T, organisation: b, level: 1, hosts: [web-b]}\n";
	struct desk d;
	struct registry *r = NULL;
	struct event e;
	struct raw raw = {.bytes = STR("x")};
	struct rule_info rule = brute;
	uint32_t rows;
	desk_open(&d);
	CHECK_INT(registry_import(d.db, NULL, str_z(province), STR("p.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_INT(registry_load(d.db, &r), 0);
	rule.entity = who;
	rule.entity_count = 1;
	for (int i = 0; i < 4; i++) {
		const struct system *s = i < 3 ? registry_system(r, i & 1 ? STR("t") : STR("s")) : NULL;
		event_begin(&e, &d.arena, &raw);
		event_put_core(&e, F_SOURCE_IP, STR("203.0.113.9"));
		alert_book_add(d.book, &rule, &e, i + 1, i + 1, NULL, 0, s, false);
		if (i & 1) /* the third joins what was written before */
			write_all(&d, i);
	}
	struct alert a = get(&d, 1), b = get(&d, 2), nobodys = get(&d, 3);
	CHECK_STR(a.organisation, STR("a"));
	CHECK_INT(a.count, 2);
	CHECK_STR(b.organisation, STR("b"));
	CHECK_INT(b.count, 1);
	CHECK_STR(nobodys.organisation, STR(""));
	CHECK_INT(nobodys.count, 1);
	registry_free(r);
	desk_close(&d);
}

TEST(values_of_control_characters_leave_the_entity_json)
{
	struct desk d;
	static struct str names[12];
	static char value[400];
	struct event e;
	struct raw raw = {.bytes = STR("x")};
	struct rule_info rule = brute;
	struct json json = {.max_tokens = 1000};
	desk_open(&d);
	memset(value, 1, sizeof value);
	event_begin(&e, &d.arena, &raw);
	event_put_core(&e, F_HOST_NAME, str_from(value, sizeof value));
	for (int i = 0; i < 12; i++)
		names[i] = STR("host.name");
	rule.entity = names;
	rule.entity_count = 12;
	alert_book_add(d.book, &rule, &e, 1, 1, NULL, 0, NULL, false);
	write_all(&d, 0);
	CHECK_INT(json_parse(&json, get(&d, d.changed[0]).entity, NULL), 0);
	json_release(&json);
	desk_close(&d);
}

TEST(true_alerts_of_the_demonstrations_machines_outlive_it)
{
	static const char text[] = "organisations:\n  - {id: o, name: O, kind: commune}\n"
				   "systems:\n  - {id: s, name: S, organisation: o, level: 1, hosts: [web]}\n";
	struct desk d;
	struct registry *r = NULL;
	struct event e;
	struct raw raw = {.bytes = STR("x")};
	uint32_t rows;
	desk_open(&d);
	CHECK_INT(registry_import(d.db, NULL, str_z(text), STR("p.yaml"), true, 1, NULL, NULL, &rows), 0);
	CHECK_INT(registry_load(d.db, &r), 0);
	event_begin(&e, &d.arena, &raw);
	event_put_core(&e, F_HOST_NAME, STR("web"));
	alert_book_add(d.book, &brute, &e, 1, 1, NULL, 0, registry_by_host(r, STR("web")), false);
	write_all(&d, 0);
	CHECK_STR(get(&d, d.changed[0]).system, STR("s"));
	CHECK_INT(alert_forget_demonstration(d.db), 0);
	CHECK_INT(registry_forget_demonstration(d.db), 0);
	CHECK_STR(get(&d, d.changed[0]).system, STR(""));
	registry_free(r);
	desk_close(&d);
}

/* An alert at NOW .. NOW + 10, made as the events came; what a book that looks back makes beside it. */
TEST(looking_back_makes_alerts_of_its_own_and_tells_nothing_twice)
{
	struct desk d;
	struct arena arena;
	struct alert *list;
	struct alert_filter all = {.before_ms = INT64_MAX, .before_id = INT64_MAX, .limit = 10};
	const int64_t now = 1700000000000, day = 86400000;
	uint32_t count;
	desk_open(&d);
	arena_init(&arena, 64 << 10, 1 << 20);
	find(&d, &brute, "web", "203.0.113.1", 1, now);
	find(&d, &brute, "web", "203.0.113.1", 2, now + 10);
	write_all(&d, now);
	struct alert_book *live = d.book;
	d.book = alert_book_new(d.db);
	alert_book_look_back(d.book, 5);
	for (int part = 0; part < 2; part++) { /* two writes of one job: one alert */
		find(&d, &brute, "web", "203.0.113.1", 3, now - 9 * day + part);
		find(&d, &brute, "web", "203.0.113.1", 4, now + 5); /* told */
		find(&d, &brute, "web", "203.0.113.1", 5, now - 3 * day);
		CHECK_INT(alert_book_told(d.book), 1);
		CHECK_INT(db_begin(d.db), 0);
		CHECK_INT(alert_book_write(d.book, now), 0);
		CHECK_INT(db_commit(d.db), 0);
		CHECK_INT(alert_book_opened(d.book), part == 0);
		alert_book_clear(d.book);
	}
	CHECK_INT(alert_list(d.db, &all, &arena, &list, &count), 0);
	CHECK_INT(count, 2);
	CHECK_INT(list[0].lookback, 0);
	CHECK_INT(list[0].count, 2);
	CHECK_INT(list[1].lookback, 5);
	CHECK_INT(list[1].count, 4);
	CHECK_INT(list[1].first_ms, now - 9 * day);
	CHECK_INT(list[1].last_ms, now - 3 * day);
	CHECK_INT(list[1].opened_ms, now);
	/* the next job finds it all told, but for what nobody has seen */
	alert_book_look_back(d.book, 6);
	find(&d, &brute, "web", "203.0.113.1", 5, now - 4 * day);
	find(&d, &brute, "web", "203.0.113.1", 4, now + 5);
	CHECK_INT(alert_book_told(d.book), 2);
	write_all(&d, now);
	find(&d, &brute, "web", "203.0.113.1", 6, now - 20 * day);
	write_all(&d, now);
	/* and the worker's next finding joins the alert of its own kind */
	alert_book_free(d.book);
	d.book = live;
	find(&d, &brute, "web", "203.0.113.1", 7, now + 20);
	write_all(&d, now);
	CHECK_INT(alert_list(d.db, &all, &arena, &list, &count), 0);
	CHECK_INT(count, 3);
	CHECK_INT(list[0].count, 3);
	CHECK_INT(list[2].lookback, 6);
	CHECK_INT(list[2].count, 1);
	arena_release(&arena);
	desk_close(&d);
}
