/* SPDX-License-Identifier: EUPL-1.2 */
/* Tables in and out of the register: what all of its nouns share. */
#include "web/api_register.h"
#include "web/personal.h"

#include "base/hash.h"
#include "host/clock.h"
#include "register/organisation_table.h"
#include "register/system_table.h"
#include "web/api_system.h"
#include "web/recorded.h"

struct table_call {
	api_table_step *step;
	const struct table *table;
	bool dry_run;
};

/* --- in --- */

static void
fault_json(struct buf *out, const struct table_fault *f)
{
	buf_add_char(out, '{');
	out_i64(out, "row", f->row);
	out_text(out, "column", f->column);
	out_text(out, "what", str_z(f->what));
	out_text(out, "arg", f->arg);
	buf_add_char(out, '}');
}

static void
report_json(struct buf *out, const struct table_report *r, bool dry_run)
{
	const uint32_t kept = r->faults < TABLE_FAULTS_KEPT ? r->faults : TABLE_FAULTS_KEPT;
	buf_add_char(out, '{');
	out_bool(out, "dry_run", dry_run);
	out_i64(out, "read", r->read);
	out_i64(out, "added", r->added);
	out_i64(out, "changed", r->changed);
	out_i64(out, "unchanged", r->unchanged);
	out_i64(out, "faults_total", r->faults);
	out_name(out, "faults");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < kept; i++) {
		if (i)
			buf_add_char(out, ',');
		fault_json(out, &r->fault[i]);
	}
	buf_add(out, STR("]}"));
}

/* The record names the file by its digest, and what came of it. */
static void
note_import(struct api_call *c, const struct table_report *r)
{
	struct buf out = BUF_INIT_MAX(4096);
	uint8_t digest[32];
	sha256(c->request.body, digest);
	buf_addf(&out, "{\"added\":%u,\"changed\":%u,\"unchanged\":%u,\"bytes\":%zu,\"sha256\":\"", r->added, r->changed,
	    r->unchanged, c->request.body.n);
	buf_add_hex(&out, digest, sizeof digest);
	buf_addf(&out, "\",\"rows\":%u}", r->read);
	if (!arena_copy(&c->arena, buf_str(&out), &c->after))
		c->after = (struct str){0};
	buf_release(&out);
}

void
api_table_reply(struct api_call *c, const struct table_report *r, bool dry_run)
{
	buf_clear(&c->out);
	report_json(&c->out, r, dry_run);
	note_import(c, r);
	/* A trial answers what it found; for real faults mean that nothing was done. */
	api_reply(c, r->faults && !dry_run ? 422 : 200);
}

/* Inside a transaction: of the record, or for a trial of our own that is undone. */
static void
step_in(struct api_call *c)
{
	struct table_call *t = c->user;
	t->step(c, t->table, t->dry_run);
}

static void
on_table(struct api_call *c, const struct table *table, const struct table_fault *f)
{
	struct table_call *t = c->user;
	struct table_report *report;
	if (table) {
		t->table = table;
		if (t->dry_run)
			step_in(c);
		else
			recorded_run(c, step_in);
		return;
	}
	report = ARENA_NEW(&c->arena, struct table_report);
	if (!report) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	table_report_fault(report, &c->arena, f->row, f->column, f->what, f->arg);
	api_table_reply(c, report, t->dry_run);
}

void
api_table_read(struct api_call *c, api_table_step *step)
{
	struct table_call *t = ARENA_NEW(&c->arena, struct table_call);
	struct str dry = api_query(c, STR("dry_run"));
	if (!t || !c->request.body.n) {
		api_reply_problem(c, 422, "invalid", "body");
		return;
	}
	*t = (struct table_call){.step = step, .dry_run = str_eq(dry, STR("1")) || str_eq(dry, STR("true"))};
	c->user = t;
	c->tabled = on_table;
	if (t->dry_run)
		c->recorded = false; /* it changes nothing */
	c->desk->table_read(c->desk->core, c, c->request.body);
}

/* --- out --- */

struct export {
	struct table table;
	struct str sheet;
	bool csv;
};

static int
write_table(struct api_call *c)
{
	struct export *e = c->user;
	if (!e->csv)
		return table_write_xlsx(&e->table, e->sheet, str_z(c->desk->options->data), &c->out);
	table_write_csv(&e->table, &c->out);
	return 0;
}

static void
written(struct api_call *c, int error)
{
	const struct export *e = c->user;
	if (api_failed(c, error))
		return;
	c->response.type = e->csv ? STR("text/csv; charset=utf-8")
	                          : STR("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
	api_reply(c, 200);
}

void
api_table_write(struct api_call *c, const struct table *t, struct str sheet)
{
	struct export *e = ARENA_NEW(&c->arena, struct export);
	struct str format;
	bool set;
	if (!e || !api_take_text(c, "format", 10, &set, &format) ||
	    (!str_eq(format, STR("csv")) && !str_eq(format, STR("xlsx")))) {
		api_reply_problem(c, 422, "invalid", "format");
		return;
	}
	*e = (struct export){*t, sheet, str_eq(format, STR("csv"))};
	c->user = e;
	api_defer(c, write_table, written);
}

/* --- what both nouns do --- */

/* E_INVALID when the report has faults. */
typedef int importer(struct api_call *c, const struct table *t, struct table_report *report);
/* What the register in memory is to read anew. */
typedef void toucher(struct api_call *c, const struct table *t);

static void
import_table(struct api_call *c, const struct table *t, bool dry_run, importer *bring, toucher *touch)
{
	struct table_report *report = ARENA_NEW(&c->arena, struct table_report);
	int error = report ? db_begin(c->desk->db) : E_LIMIT;
	if (api_failed(c, error))
		return;
	error = bring(c, t, report);
	if (dry_run)
		db_rollback(c->desk->db);
	else
		error = db_end_transaction(c->desk->db, error);
	if (error && (error != E_INVALID || !report->faults)) {
		api_reply_error(c, error);
		return;
	}
	if (!dry_run && !error && report->added + report->changed)
		touch(c, t);
	api_table_reply(c, report, dry_run);
}

static void
reply_exported(struct api_call *c, int error, const struct table *t, struct str sheet)
{
	if (error == E_LIMIT)
		api_reply_problem(c, 413, "export_big", NULL);
	else if (!api_failed(c, error))
		api_table_write(c, t, sheet);
}

/* --- organisations --- */

static int
bring_organisations(struct api_call *c, const struct table *t, struct table_report *report)
{
	const struct organisation_import wish = {.scope = api_scope(c), .today = api_today(c), .now_ms = clock_now_ms()};
	return organisations_import(c->desk->db, t, &wish, &c->arena, report);
}

static void
touch_organisations(struct api_call *c, const struct table *t)
{
	registry_touch_organisations(c->desk->registry);
}

static void
import_organisations(struct api_call *c, const struct table *t, bool dry_run)
{
	import_table(c, t, dry_run, bring_organisations, touch_organisations);
}

void
api_organisation_import(struct api_call *c)
{
	api_table_read(c, import_organisations);
}

void
api_organisation_export(struct api_call *c)
{
	struct organisation_query q = {.scope = api_scope(c), .day = api_today(c)};
	struct table t;
	bool set;
	const struct {
		const char *key;
		struct str *value;
	} row[] = {{"q", &q.text}, {"kind", &q.kind}, {"parent", &q.parent}, {"state", &q.state}};
	for (size_t i = 0; i < COUNT(row); i++)
		if (!api_take_text(c, row[i].key, 1000, &set, row[i].value)) {
			api_reply_problem(c, 422, "invalid", row[i].key);
			return;
		}
	if (!q.state.n)
		q.state = STR("any");
	int error = organisations_export(c->desk->db, &q, q.day, personal_shown(c), &c->arena, &t);
	reply_exported(c, error, &t, STR("organisations"));
}

/* --- information systems --- */

#define PIECE_MS 40 /* of core's time; then others have theirs */

/* An import of systems, which goes by pieces: a round in which all is tried and nothing kept, then one that keeps. Each piece
 * that is kept is a transaction with an entry of the record. */
struct pieces {
	struct table table;
	struct table_report report;
	struct systems_importing *importing;
	bool dry_run, keeps;
};

/* A pool thread has nothing to do with it; on the way to it and back core does what else there is. */
static int
give_way(struct api_call *c)
{
	return 0;
}

static int
bring_piece(struct api_call *c, struct pieces *p)
{
	/* what the register says may be another by now */
	const struct system_import wish = {.scope = api_scope(c), .today = api_today(c), .now_ms = clock_now_ms(),
	    .law = c->desk->law, .registry = c->desk->registry};
	const uint32_t from = systems_importing_rows(p->importing);
	TRY(db_begin(c->desk->db));
	int error = systems_importing_some(p->importing, &wish, clock_monotonic_ms() + PIECE_MS);
	if (p->keeps)
		error = db_end_transaction(c->desk->db, error);
	else
		db_rollback(c->desk->db);
	for (uint32_t row = from; p->keeps && !error && row < systems_importing_rows(p->importing); row++)
		registry_touch_system(c->desk->registry, table_cell(&p->table, row, table_column(&p->table, STR("id"))));
	return error;
}

static void
next_piece(struct api_call *c, int unused)
{
	struct pieces *p = c->user;
	int error = bring_piece(c, p);
	const bool whole = systems_importing_rows(p->importing) == p->table.rows, told = p->report.faults > 0;
	if (error && !(error == E_INVALID && told)) {
		api_reply_error(c, error);
		return;
	}
	if (p->keeps ? whole || told : whole && (p->dry_run || told)) {
		api_table_reply(c, &p->report, p->dry_run);
		return;
	}
	error = 0;
	if (p->keeps) {
		note_import(c, &p->report);
		error = recorded_now(c);
		c->recorded = true; /* the next piece too */
	} else if (whole) {
		systems_importing_keep(p->importing);
		p->keeps = true;
	}
	if (error)
		api_reply_error(c, error);
	else
		api_defer(c, give_way, next_piece);
}

static void
import_systems(struct api_call *c, const struct table *t, bool dry_run)
{
	struct pieces *p = ARENA_NEW(&c->arena, struct pieces);
	int error = E_LIMIT;
	if (p) {
		p->table = *t;
		p->dry_run = dry_run;
		error = systems_importing_new(c->desk->db, &p->table, &c->arena, &p->report, &p->importing);
	}
	if (error == E_INVALID && p->report.faults) {
		api_table_reply(c, &p->report, dry_run);
	} else if (error) {
		api_reply_error(c, error);
	} else {
		c->user = p;
		next_piece(c, 0);
	}
}

void
api_system_import(struct api_call *c)
{
	api_table_read(c, import_systems);
}

void
api_system_export(struct api_call *c)
{
	struct registry_query q = {.scope = api_scope(c)};
	struct table t;
	const char *field = system_query(c, &q);
	if (field)
		api_reply_problem(c, 422, "invalid", field);
	else
		reply_exported(c, systems_export(c->desk->db, c->desk->registry, &q, api_today(c), personal_shown(c), &c->arena, &t), &t, STR("systems"));
}
