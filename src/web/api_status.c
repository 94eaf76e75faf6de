/* SPDX-License-Identifier: EUPL-1.2 */
/* Health, status, metrics, sources, the live stream and the demonstration. */
#include "web/route.h"

#include <sys/statvfs.h>

#include "host/clock.h"
#include "host/file.h"
#include "host/role.h"
#include "web/page.h"

/* --- numbers that more than one answer needs --- */

struct totals {
	uint64_t received, kernel_drops, refused, oversized, dropped, quarantined;
	uint32_t sources, silent;
};

bool
source_is_silent(const struct desk *d, const struct report_source *s, int64_t now_ms)
{
	return s->received > 0 && now_ms - s->last_ms > d->options->silence_minutes * TIME_MINUTE;
}

static struct totals
totals_of(const struct desk *d, int64_t now_ms)
{
	struct totals t = {0};
	const struct report *head = report_book_head(d->reports);
	for (uint32_t i = 0; i < head->port_count; i++)
		t.kernel_drops += head->port[i].kernel_drops;
	uint32_t place = 0;
	for (const struct report_source *s; (s = report_book_next(d->reports, &place));) {
		t.sources++;
		t.silent += source_is_silent(d, s, now_ms);
		t.received += s->received;
		t.refused += s->refused;
		t.oversized += s->oversized;
		t.dropped += s->dropped;
		t.quarantined += s->quarantined;
	}
	return t;
}

/* Resident memory of a role in bytes, or 0. The proc file system is open to core for that alone. */
static int64_t
memory_of(int pid)
{
	char path[64];
	struct buf text = BUF_INIT_MAX(256 << 10);
	struct str rest, field;
	uint64_t pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	if (pid > 0 && file_read(path, &text) == 0) {
		rest = buf_str(&text);
		str_split(&rest, ' ', &field);
		if (!str_split(&rest, ' ', &field) || !str_to_u64(field, &pages))
			pages = 0;
	}
	buf_release(&text);
	return (int64_t)pages * 4096;
}

static void
roles_json(struct buf *out, const struct desk *d)
{
	const struct role_counts *counts = role_counts();
	int64_t total = 0;
	out_name(out, "roles");
	buf_add_char(out, '[');
	for (int role = ROLE_SUPERVISOR; role < ROLE_COUNT; role++) {
		int64_t memory = memory_of(role == ROLE_SUPERVISOR ? d->supervisor : counts->pid[role]);
		total += memory;
		buf_add(out, role ? STR(",{") : STR("{"));
		out_text(out, "role", str_z(role_name((enum role)role)));
		out_i64(out, "starts", counts->starts[role]);
		out_i64(out, "crashes", counts->crashes[role]);
		out_i64(out, "memory_bytes", memory);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	out_i64(out, "memory_bytes", total);
}

/* Bytes free on the disk of the data folder. */
static int64_t
disk_free(const struct desk *d)
{
	struct statvfs fs;
	return statvfs(d->options->data, &fs) == 0 ? (int64_t)(fs.f_bavail * fs.f_frsize) : -1;
}

static void
archive_json(struct buf *out, struct desk *d, int64_t now_ms)
{
	struct archive_stats s = archive_stats(d->archive);
	int64_t free_bytes = disk_free(d), span = now_ms - s.oldest_ms;
	uint64_t stored = s.events - s.open_events;
	out_name(out, "archive");
	buf_add_char(out, '{');
	out_i64(out, "events", (int64_t)s.events);
	out_i64(out, "bytes", (int64_t)s.bytes);
	out_i64(out, "raw_bytes", (int64_t)s.raw_bytes);
	out_i64(out, "torn", (int64_t)s.torn);
	out_name(out, "bytes_per_event");
	buf_addf(out, "%.1f", stored ? (double)s.bytes / (double)stored : 0.0);
	out_i64(out, "disk_free_bytes", free_bytes);
	/* Days until the disk is full at the pace so far; not told before an hour has been measured. */
	if (stored && span > TIME_HOUR && s.bytes > 0 && free_bytes >= 0)
		out_i64(out, "days_left", (int64_t)((double)free_bytes / ((double)s.bytes / (double)span) / (double)TIME_DAY));
	else
		out_raw(out, "days_left", STR("null"));
	buf_add_char(out, '}');
}

static void
alerts_json(struct buf *out, struct desk *d)
{
	int64_t count[3][LEVEL_COUNT] = {{0}};
	struct db_rows *rows;
	if (db_query(d->db, &rows, Q_ALERT_STATE_COUNTS, "") == 0) {
		while (db_next(rows) > 0)
			count[db_i64(rows, 0)][db_i64(rows, 1)] = db_i64(rows, 2);
		db_end(rows);
	}
	out_name(out, "alerts");
	buf_add_char(out, '{');
	for (int state = 0; state < 3; state++) {
		int64_t sum = 0;
		for (int level = 0; level < LEVEL_COUNT; level++)
			sum += count[state][level];
		out_i64(out, alert_state_name((enum alert_state)state), sum);
	}
	out_name(out, "open_by_level");
	buf_add_char(out, '{');
	for (int level = 0; level < LEVEL_COUNT; level++)
		out_i64(out, level_name((enum level)level), count[ALERT_NEW][level] + count[ALERT_ACKNOWLEDGED][level]);
	buf_add(out, STR("}}"));
}

#define LOST_SETTING STR("lost_before_today")

static struct lost
lost_of(const struct totals *t)
{
	return (struct lost){t->kernel_drops, t->refused + t->dropped, t->oversized, t->quarantined};
}

/* "day kernel refused oversized quarantined" */
static bool
read_lost(struct desk *d, int64_t *ret_day, struct lost *ret)
{
	struct db_rows *rows;
	uint64_t number[5] = {0};
	if (db_query(d->db, &rows, Q_SETTING_GET, "s", LOST_SETTING) < 0)
		return false;
	struct str rest = db_next(rows) > 0 ? db_text(rows, 0) : (struct str){0}, word;
	bool ok = rest.n > 0;
	for (size_t i = 0; i < COUNT(number) && ok; i++)
		ok = str_split(&rest, ' ', &word) && str_to_u64(word, &number[i]);
	db_end(rows);
	*ret_day = (int64_t)number[0];
	*ret = (struct lost){number[1], number[2], number[3], number[4]};
	return ok;
}

static void
write_lost(struct desk *d)
{
	struct buf text = BUF_INIT_MAX(256);
	const struct lost *l = &d->lost_before;
	buf_addf(&text, "%lld %llu %llu %llu %llu", (long long)d->today, (unsigned long long)l->kernel_drops,
	    (unsigned long long)l->refused, (unsigned long long)l->oversized, (unsigned long long)l->quarantined);
	if (db_run(d->db, Q_SETTING_SET, "ss", LOST_SETTING, buf_str(&text)) < 0)
		d->today = 0; /* tried again a second later */
	buf_release(&text);
}

void
status_tick(struct desk *d, int64_t now_ms)
{
	int64_t today = (now_ms + d->options->zone * TIME_MINUTE) / TIME_DAY, stored;
	if (today == d->today || !report_book_head(d->reports)->now_ms)
		return; /* collect has not spoken yet: the totals are not there */
	struct totals t = totals_of(d, now_ms);
	bool same = d->today == 0 && read_lost(d, &stored, &d->lost_before) && stored == today;
	d->today = today;
	if (same)
		return;
	d->lost_before = lost_of(&t);
	write_lost(d);
}

/* Counters of the kernel begin anew with their socket, so today is never less than nothing. */
static int64_t
since(uint64_t now, uint64_t before)
{
	return now >= before ? (int64_t)(now - before) : (int64_t)now;
}

static void
lost_json(struct buf *out, const struct desk *d, const struct totals *t)
{
	struct lost now = lost_of(t);
	const struct lost *before = &d->lost_before;
	out_name(out, "lost_today");
	buf_add_char(out, '{');
	out_i64(out, "kernel_drops", since(now.kernel_drops, before->kernel_drops));
	out_i64(out, "refused", since(now.refused, before->refused));
	out_i64(out, "oversized", since(now.oversized, before->oversized));
	out_i64(out, "quarantined", since(now.quarantined, before->quarantined));
	buf_add_char(out, '}');
}

static void
flows_json(struct buf *out, const struct desk *d)
{
	struct flow_stats s = flow_stats(d->flow);
	out_name(out, "flows");
	buf_add_char(out, '{');
	out_i64(out, "flows", (int64_t)s.flows);
	out_i64(out, "questions", (int64_t)s.questions);
	out_i64(out, "findings", (int64_t)s.fired);
	out_i64(out, "keys", s.keys);
	out_i64(out, "bytes", (int64_t)s.bytes);
	out_i64(out, "evicted", (int64_t)s.evicted);
	out_i64(out, "late", (int64_t)s.late);
	out_i64(out, "dropped", (int64_t)s.dropped);
	out_i64(out, "hosts", s.hosts);
	out_i64(out, "learning", s.learning);
	buf_add_char(out, '}');
}

static void
correlations_json(struct buf *out, const struct desk *d)
{
	struct correlate_stats s = d->correlator ? correlator_stats(d->correlator) : (struct correlate_stats){0};
	out_name(out, "correlations");
	buf_add_char(out, '{');
	out_i64(out, "updates", (int64_t)s.updates);
	out_i64(out, "findings", (int64_t)s.fired);
	out_i64(out, "keys", s.keys);
	out_i64(out, "bytes", (int64_t)s.bytes);
	out_i64(out, "evicted", (int64_t)s.evicted);
	out_i64(out, "late", (int64_t)s.late);
	out_i64(out, "dropped", (int64_t)s.dropped);
	out_i64(out, "forgotten", (int64_t)s.forgotten);
	buf_add_char(out, '}');
}

static void
state_json(struct buf *out, const struct desk *d)
{
	const struct desk_state *s = &d->state;
	out_name(out, "state");
	buf_add_char(out, '{');
	out_i64(out, "block", (int64_t)s->block);
	out_i64(out, "bytes", (int64_t)s->bytes);
	out_i64(out, "written_ms", s->written_ms);
	out_i64(out, "standstill_ms", s->made_ms);
	out_i64(out, "writing_ms", s->wrote_ms);
	out_i64(out, "failed", (int64_t)s->failed);
	out_i64(out, "refused", (int64_t)s->refused);
	buf_add_char(out, '}');
}

/* `khien backup` notes it (src/backup.c); null = there never was one. */
static void
backup_json(struct buf *out, const struct desk *d)
{
	struct db_rows *rows;
	int64_t made_ms = 0;
	if (db_query(d->db, &rows, Q_SETTING_GET, "s", STR("backup_last")) == 0) {
		if (db_next(rows) > 0 && !str_to_i64(db_text(rows, 0), &made_ms))
			made_ms = 0;
		db_end(rows);
	}
	out_name(out, "backup");
	buf_add_char(out, '{');
	out_i64_or_null(out, "last_ms", made_ms);
	buf_add_char(out, '}');
}

void
status_json(struct buf *out, struct desk *d, int64_t now_ms)
{
	struct totals t = totals_of(d, now_ms);
	int stalled = d->stalled ? d->stalled : report_book_head(d->reports)->stalled;
	buf_add_char(out, '{');
	out_text(out, "version", STR(KHIEN_VERSION));
	out_i64(out, "now_ms", now_ms);
	out_i64(out, "started_ms", d->started_ms);
	out_name(out, "events_per_second");
	buf_addf(out, "%.1f", d->events_per_second);
	out_i64(out, "events_total", (int64_t)t.received);
	out_i64(out, "unparsed", (int64_t)d->unparsed);
	out_i64(out, "damaged", (int64_t)d->failed);
	out_i64(out, "truncated", (int64_t)d->truncated);
	out_i64(out, "findings_not_grouped", (int64_t)d->findings_over);
	lost_json(out, d, &t);
	out_name(out, "sources");
	buf_add_char(out, '{');
	out_i64(out, "total", t.sources);
	out_i64(out, "silent", t.silent);
	buf_add_char(out, '}');
	out_text(out, "stalled", stalled ? str_z(error_name(stalled)) : STR(""));
	alerts_json(out, d);
	archive_json(out, d, now_ms);
	out_name(out, "rules");
	buf_add_char(out, '{');
	out_i64(out, "loaded", d->rules_stats.rules);
	out_i64(out, "refused", d->rules_stats.refused);
	out_i64(out, "not_applicable", d->rules_stats.not_applicable);
	out_text(out, "not_published", d->rules_error ? str_z(error_name(d->rules_error)) : STR(""));
	out_i64(out, "suppressed", (int64_t)d->suppressed);
	buf_add_char(out, '}');
	out_i64(out, "content_faults", d->content_faults);
	out_name(out, "record");
	buf_add_char(out, '{');
	out_bool(out, "broken", d->record_broken);
	out_text_or_null(out, "fault", d->record_fault ? str_z(d->record_fault) : STR(""));
	out_i64(out, "put_back", d->record_put_back);
	witnesses_json(out, d);
	buf_add_char(out, '}');
	backup_json(out, d);
	correlations_json(out, d);
	flows_json(out, d);
	state_json(out, d);
	out_bool(out, "demonstration", d->demonstration);
	roles_json(out, d);
	buf_add_char(out, '}');
}

void
api_status(struct api_call *c)
{
	status_json(&c->out, c->desk, clock_now_ms());
	api_reply(c, 200);
}

void
api_health(struct api_call *c)
{
	const struct report *head = report_book_head(c->desk->reports);
	bool good = !head->stalled && !c->desk->stalled;
	buf_add_char(&c->out, '{');
	out_text(&c->out, "status", good ? STR("ok") : STR("stalled"));
	out_text(&c->out, "version", STR(KHIEN_VERSION));
	out_i64(&c->out, "uptime_s", (clock_now_ms() - c->desk->started_ms) / 1000);
	buf_add_char(&c->out, '}');
	api_reply(c, good ? 200 : 503);
}

/* --- sources --- */

static const char *const transports[] = {"udp", "tcp", "tls", "relp", "file", "journald", "beats", "api"};
static const char *const kinds[LISTEN_KIND_COUNT] = {"syslog-udp", "syslog-tcp", "syslog-tls", "relp", "beats", "netflow",
	"http"};

/* In whose network it stands; NULL when unknown. */
static const struct system *
source_system(const struct desk *d, const struct report_source *s)
{
	static const uint8_t nowhere[16];
	return memcmp(s->peer, nowhere, sizeof nowhere) ? registry_by_bytes(d->registry, s->peer) : NULL;
}

static bool
source_within(const struct desk *d, const struct report_source *s, struct str scope)
{
	const struct system *system = scope.n ? source_system(d, s) : NULL;
	return !scope.n || (system && registry_within(d->registry, system->organisation->id, scope));
}

static void
source_json(struct buf *out, const struct desk *d, const struct report_source *s, int64_t now_ms)
{
	struct raw raw = {0};
	struct buf name = BUF_INIT_MAX(64);
	memcpy(raw.peer, s->peer, sizeof raw.peer);
	raw_peer_text(&raw, &name);
	buf_add_char(out, '{');
	out_i64(out, "id", s->number);
	struct str transport = s->transport < COUNT(transports) ? str_z(transports[s->transport]) : STR("");
	out_text(out, "name", name.n ? buf_str(&name) : transport);
	out_text(out, "transport", transport);
	const struct system *system = source_system(d, s);
	out_text_or_null(out, "system", system ? system->name : STR(""));
	out_i64(out, "received", (int64_t)s->received);
	out_i64(out, "bytes", (int64_t)s->bytes);
	out_i64(out, "dropped", (int64_t)s->dropped);
	out_i64(out, "refused", (int64_t)s->refused);
	out_i64(out, "oversized", (int64_t)s->oversized);
	out_i64(out, "quarantined", (int64_t)s->quarantined);
	out_i64(out, "unparsed", (int64_t)report_book_unparsed_of(d->reports, s->number));
	out_i64(out, "fields_dropped", (int64_t)report_book_fields_of(d->reports, s->number));
	out_i64(out, "first_ms", s->first_ms);
	out_i64(out, "last_ms", s->last_ms);
	out_bool(out, "silent", source_is_silent(d, s, now_ms));
	out_name(out, "per_minute");
	for (uint32_t i = 0; i < SOURCE_MINUTES; i++)
		buf_addf(out, "%c%u", i ? ',' : '[', s->per_minute[i]);
	buf_add(out, STR("]}"));
	buf_release(&name);
}

static void
ports_json(struct buf *out, const struct report *head)
{
	out_name(out, "ports");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < head->port_count; i++) {
		const struct report_port *p = &head->port[i];
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "kind", p->kind < LISTEN_KIND_COUNT ? str_z(kinds[p->kind]) : STR(""));
		out_text(out, "address", p->address);
		out_i64(out, "received", (int64_t)p->received);
		out_i64(out, "kernel_drops", (int64_t)p->kernel_drops);
		out_i64(out, "connections", (int64_t)p->connections);
		out_i64(out, "refused", (int64_t)p->refused);
		out_i64(out, "errors", (int64_t)p->errors);
		out_i64(out, "acknowledged", (int64_t)p->acknowledged);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

void
api_sources(struct api_call *c)
{
	static const struct str gaps[] = {[GAP_NONE] = STR_INIT(""), [GAP_NEW] = STR_INIT("new"), [GAP_OLDER] = STR_INIT("older")};
	const struct report *head = report_book_head(c->desk->reports);
	struct buf *out = &c->out;
	int64_t now = clock_now_ms();
	uint32_t place = 0;
	page_begin(out);
	for (const struct report_source *s; (s = report_book_next(c->desk->reports, &place));) {
		if (!source_within(c->desk, s, api_scope(c)))
			continue;
		page_item(out);
		source_json(out, c->desk, s, now);
	}
	buf_add_char(out, ']');
	if (api_scope(c).n) { /* the doors and the journal are the desk's */
		buf_add(out, STR(",\"ports\":[]}"));
		api_reply(c, 200);
		return;
	}
	out_i64(out, "evicted", (int64_t)head->source_evicted);
	ports_json(out, head);
	out_name(out, "journal");
	buf_add_char(out, '{');
	out_i64(out, "bytes", (int64_t)head->journal.bytes);
	out_i64(out, "torn", (int64_t)head->journal.torn);
	out_text(out, "gap", gaps[head->gap]);
	out_i64(out, "commits", (int64_t)head->journal.commits);
	out_i64(out, "waiting_blocks", (int64_t)(head->deliver.sent - head->deliver.applied));
	out_i64(out, "unreadable_blocks", (int64_t)head->deliver.unreadable);
	out_i64(out, "quarantined_blocks", (int64_t)head->deliver.quarantined);
	buf_add(out, STR("},\"drop\":{"));
	out_i64(out, "files", (int64_t)head->drop.files);
	out_i64(out, "failed", (int64_t)head->drop.failed);
	out_i64(out, "waiting", (int64_t)head->drop.waiting);
	buf_add(out, STR("},\"journald\":{"));
	out_bool(out, "wanted", head->journald.wanted);
	out_text(out, "fault", head->journald.error ? str_z(error_name(head->journald.error)) : STR(""));
	out_i64(out, "received", (int64_t)head->journald.entries);
	out_i64(out, "damaged", (int64_t)head->journald.damaged);
	buf_add(out, STR("}}"));
	api_reply(c, 200);
}

/* --- metrics (Prometheus text format 0.0.4) --- */

static void
metric(struct buf *out, const char *name, const char *type, double value)
{
	buf_addf(out, "# TYPE khien_%s %s\nkhien_%s %.17g\n", name, type, name, value);
}

static void
flow_metrics(struct buf *out, const struct desk *d)
{
	struct flow_stats s = flow_stats(d->flow);
	metric(out, "flows_total", "counter", (double)s.flows);
	metric(out, "flow_questions_total", "counter", (double)s.questions);
	metric(out, "flow_findings_total", "counter", (double)s.fired);
	metric(out, "flow_keys", "gauge", s.keys);
	metric(out, "flow_bytes", "gauge", (double)s.bytes);
	metric(out, "flow_evicted_total", "counter", (double)s.evicted);
	metric(out, "flow_late_total", "counter", (double)s.late);
	metric(out, "flow_dropped_total", "counter", (double)s.dropped);
	metric(out, "flow_hosts", "gauge", s.hosts);
	metric(out, "flow_hosts_learning", "gauge", s.learning);
}

static void
correlation_metrics(struct buf *out, const struct desk *d, int64_t now_ms)
{
	struct correlate_stats s = d->correlator ? correlator_stats(d->correlator) : (struct correlate_stats){0};
	metric(out, "correlation_updates_total", "counter", (double)s.updates);
	metric(out, "correlation_findings_total", "counter", (double)s.fired);
	metric(out, "correlation_evicted_total", "counter", (double)s.evicted);
	metric(out, "correlation_late_total", "counter", (double)s.late);
	metric(out, "correlation_dropped_total", "counter", (double)s.dropped);
	metric(out, "correlation_forgotten_total", "counter", (double)s.forgotten);
	metric(out, "correlation_keys", "gauge", s.keys);
	metric(out, "correlation_bytes", "gauge", (double)s.bytes);
	metric(out, "state_age_seconds", "gauge", d->state.written_ms ? (double)(now_ms - d->state.written_ms) / 1000 : -1);
	metric(out, "state_bytes", "gauge", (double)d->state.bytes);
	metric(out, "state_standstill_seconds", "gauge", (double)d->state.made_ms / 1000);
	metric(out, "state_writing_seconds", "gauge", (double)d->state.wrote_ms / 1000);
	metric(out, "state_failed_total", "counter", (double)d->state.failed);
	metric(out, "state_refused_total", "counter", (double)d->state.refused);
}

static void
role_metrics(struct buf *out)
{
	const struct role_counts *counts = role_counts();
	buf_add(out, STR("# TYPE khien_role_crashes_total counter\n"));
	for (int role = ROLE_SUPERVISOR; role < ROLE_COUNT; role++)
		buf_addf(out, "khien_role_crashes_total{role=\"%s\"} %u\n", role_name((enum role)role), counts->crashes[role]);
	buf_add(out, STR("# TYPE khien_role_memory_bytes gauge\n"));
	for (int role = ROLE_SUPERVISOR; role < ROLE_COUNT; role++)
		buf_addf(out, "khien_role_memory_bytes{role=\"%s\"} %lld\n", role_name((enum role)role),
		    (long long)memory_of(counts->pid[role]));
}

void
api_metrics(struct api_call *c)
{
	struct desk *d = c->desk;
	struct totals t = totals_of(d, clock_now_ms());
	const struct report *head = report_book_head(d->reports);
	struct archive_stats s = archive_stats(d->archive);
	struct buf *out = &c->out;
	metric(out, "events_received_total", "counter", (double)t.received);
	metric(out, "events_applied_total", "counter", (double)d->events);
	metric(out, "events_unparsed_total", "counter", (double)d->unparsed);
	metric(out, "events_damaged_total", "counter", (double)d->failed);
	metric(out, "kernel_drops_total", "counter", (double)t.kernel_drops);
	metric(out, "refused_total", "counter", (double)t.refused);
	metric(out, "oversized_total", "counter", (double)t.oversized);
	metric(out, "dropped_total", "counter", (double)t.dropped);
	metric(out, "quarantined_total", "counter", (double)t.quarantined);
	metric(out, "findings_total", "counter", (double)d->findings);
	metric(out, "sources", "gauge", t.sources);
	metric(out, "sources_silent", "gauge", t.silent);
	metric(out, "collect_stalled", "gauge", head->stalled != 0);
	metric(out, "journal_bytes", "gauge", (double)head->journal.bytes);
	metric(out, "journal_commits_total", "counter", (double)head->journal.commits);
	metric(out, "archive_events", "gauge", (double)s.events);
	metric(out, "archive_bytes", "gauge", (double)s.bytes);
	metric(out, "rules", "gauge", d->rules_stats.rules);
	metric(out, "content_faults", "gauge", d->content_faults);
	metric(out, "rules_refused", "gauge", d->rules_stats.refused);
	metric(out, "disk_free_bytes", "gauge", (double)disk_free(d));
	correlation_metrics(out, d, clock_now_ms());
	flow_metrics(out, d);
	role_metrics(out);
	c->response.type = STR("text/plain; version=0.0.4; charset=utf-8");
	api_reply(c, 200);
}

/* --- the rest --- */

/* The web role keeps the connection and passes on what core pushes and these rights may see. */
void
api_stream(struct api_call *c)
{
	c->response.rights = c->who.rights;
	c->response.organisation = api_scope(c);
	api_reply_empty(c, 200);
}

void
api_demonstration_delete(struct api_call *c)
{
	int error = c->desk->end_demonstration(c->desk->core);
	if (!api_failed(c, error))
		api_reply_empty(c, 204);
}
