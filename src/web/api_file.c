/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files handed in, sweeps over folders, and the YARA rules they are looked at with.
 *
 * A file comes in parts: POST /files {name, size, sha256?, system?} answers with its id, part_bytes and parts; PUT
 * /files/ID/parts/N (N from 0) takes the bytes of each part as application/octet-stream, in any order, each again if need
 * be; POST /files/ID/complete hashes it and has it looked at. GET /files/ID tells which parts are missing. Nothing gives a
 * file back.
 */
#include "web/page.h"
#include "web/route.h"

#include <unistd.h>

#include "host/clock.h"

#define MISSING_TOLD 1024u

static bool
read_id(struct api_call *c, int64_t *ret)
{
	if (str_to_i64(c->path_id, ret) && *ret > 0)
		return true;
	api_reply_error(c, E_NOT_FOUND);
	return false;
}

/* What the record calls the thing that was made. */
static void
name_made(struct api_call *c, int64_t id)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)id);
	(void)!arena_copy(&c->arena, str_z(text), &c->noun_id);
}

/* A text of the body; false (and answered) when it is there and no text. */
static bool
body_text(struct api_call *c, const char *name, struct str *ret)
{
	uint32_t at = json_get(&c->body, 0, str_z(name));
	*ret = (struct str){0};
	if (!at || c->body.token[at].kind == JSON_NULL || json_get_string(&c->body, 0, str_z(name), &c->arena, ret))
		return true;
	api_reply_problem(c, 422, "invalid", name);
	return false;
}

static void
system_member(struct buf *out, const struct desk *d, struct str id)
{
	const struct system *s = registry_system(d->registry, id);
	out_named(out, "system", s ? s->id : STR(""), s ? s->name : STR(""));
}

/* --- files --- */

static void
upload_members(struct buf *out, const struct desk *d, const struct upload *u)
{
	out_i64(out, "id", u->id);
	out_text(out, "name", u->name);
	out_i64(out, "size", u->size);
	out_text_or_null(out, "sha256", u->sha256);
	out_text(out, "state", str_z(upload_state_name(u->state)));
	out_text_or_null(out, "problem", u->problem);
	out_i64(out, "crashes", u->crashes);
	out_i64(out, "match_count", u->match_count);
	out_raw(out, "matches", u->matches);
	out_text(out, "who", u->who);
	system_member(out, d, u->system);
	out_i64(out, "created_ms", u->created_ms);
	out_i64_or_null(out, "done_ms", u->done_ms);
	out_text_or_null(out, "removed_who", u->removed_who);
	out_i64_or_null(out, "removed_ms", u->removed_ms);
	out_i64(out, "parts", u->parts);
	out_i64(out, "parts_here", u->parts_here);
	out_i64(out, "part_bytes", UPLOAD_PART);
}

void
upload_json(struct buf *out, struct desk *desk, const struct upload *u)
{
	buf_add_char(out, '{');
	upload_members(out, desk, u);
	buf_add_char(out, '}');
}

static void
reply_upload(struct api_call *c, int64_t id, uint16_t status)
{
	struct upload u;
	int error = upload_get(c->desk->inspect, id, &c->arena, &u);
	if (api_failed(c, error))
		return;
	uint32_t *missing = arena_calloc(&c->arena, MISSING_TOLD, sizeof *missing);
	uint32_t n = missing ? upload_missing(c->desk->inspect, id, missing, MISSING_TOLD) : 0;
	buf_clear(&c->out);
	buf_add_char(&c->out, '{');
	upload_members(&c->out, c->desk, &u);
	out_name(&c->out, "missing");
	buf_add_char(&c->out, '[');
	for (uint32_t i = 0; i < n; i++)
		buf_addf(&c->out, "%s%u", i ? "," : "", missing[i]);
	buf_add(&c->out, STR("]}"));
	api_reply(c, status);
}

void
api_files(struct api_call *c)
{
	struct upload *list;
	uint32_t count, limit;
	int64_t before, total = 0;
	struct str sha256 = api_query(c, STR("sha256")), name = api_query(c, STR("state"));
	enum upload_state state;
	if (name.n && !upload_state_from_name(name, &state)) {
		api_reply_problem(c, 422, "invalid", "state");
		return;
	}
	int which = name.n ? (int)state : -1;
	if (!page_asked(c, INT64_MAX, 50, 200, &before, &limit))
		return;
	int error = upload_list(c->desk->inspect, before, sha256, which, limit, &c->arena, &list, &count);
	if (!error)
		error = upload_count(c->desk->inspect, sha256, which, &total);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		upload_json(&c->out, c->desk, &list[i]);
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, total, count == limit ? list[count - 1].id : 0);
	api_reply(c, 200);
}

void
api_file_get(struct api_call *c)
{
	int64_t id;
	if (read_id(c, &id))
		reply_upload(c, id, 200);
}

/* A system that the register does not know would be nobody's. */
static bool
read_system(struct api_call *c, struct str *ret)
{
	if (!body_text(c, "system", ret))
		return false;
	if (!ret->n || registry_system(c->desk->registry, *ret))
		return true;
	api_reply_problem(c, 422, "invalid", "system");
	return false;
}

void
api_file_post(struct api_call *c)
{
	struct str name, sha256, system;
	int64_t size, id;
	if (!body_text(c, "name", &name) || !body_text(c, "sha256", &sha256) || !read_system(c, &system))
		return;
	if (!json_get_i64(&c->body, 0, STR("size"), &size) || size < 0) {
		api_reply_problem(c, 422, "invalid", "size");
		return;
	}
	int error = upload_new(c->desk->inspect, name, size, sha256, system, str_z(c->who.login), clock_now_ms(), &id);
	if (!error)
		name_made(c, id);
	if (error == E_INVALID)
		api_reply_problem(c, 422, "invalid", sha256.n && sha256.n != 64 ? "sha256" : "name");
	else if (error == E_LIMIT)
		api_reply_problem(c, 413, "file_too_big", "size");
	else if (error == E_FULL)
		api_reply_problem(c, 507, "file_quota", NULL);
	else if (!api_failed(c, error))
		reply_upload(c, id, 201);
}

void
api_file_part_put(struct api_call *c)
{
	int64_t id;
	uint64_t part;
	if (!read_id(c, &id))
		return;
	if (!str_to_u64(c->path_part, &part) || part > UINT32_MAX) {
		api_reply_error(c, E_NOT_FOUND);
		return;
	}
	int error = upload_part(c->desk->inspect, id, (uint32_t)part, c->request.body, clock_now_ms());
	if (error == E_INVALID)
		api_reply_problem(c, 422, "file_part", "part");
	else if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

struct closing {
	int64_t id;
	int fd;
	bool ended;
	uint8_t digest[32];
};

/* The pool may have been busy, or the database: then the file is what it was before. */
static void
complete_release(struct api_call *c)
{
	struct closing *k = c->user;
	close(k->fd);
	if (!k->ended)
		(void)!upload_closed(c->desk->inspect, k->id, E_BUSY, k->digest, clock_now_ms());
}

static int
complete_work(struct api_call *c)
{
	struct closing *k = c->user;
	return upload_hash(k->fd, k->digest);
}

static void
complete_done(struct api_call *c, int error)
{
	struct closing *k = c->user;
	k->ended = true;
	error = upload_closed(c->desk->inspect, k->id, error, k->digest, clock_now_ms());
	if (error == E_INVALID)
		api_reply_problem(c, 422, "file_hash", "sha256");
	else if (!api_failed(c, error))
		reply_upload(c, k->id, 200);
}

void
api_file_complete(struct api_call *c)
{
	struct closing *k = ARENA_NEW(&c->arena, struct closing);
	int64_t id;
	if (!read_id(c, &id))
		return;
	int error = k ? upload_close(c->desk->inspect, id, &k->fd) : E_LIMIT;
	if (error == E_CONFLICT) {
		api_reply_problem(c, 409, "file_incomplete", NULL);
		return;
	}
	if (api_failed(c, error))
		return;
	k->id = id;
	c->user = k;
	c->release = complete_release;
	api_defer(c, complete_work, complete_done);
}

void
api_file_delete(struct api_call *c)
{
	int64_t id;
	if (!read_id(c, &id))
		return;
	int error = upload_remove(c->desk->inspect, id, str_z(c->who.login), clock_now_ms());
	if (error == E_CONFLICT)
		api_reply_problem(c, 409, "file_kept", NULL);
	else if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

/* --- sweeps --- */

static void
sweep_members(struct buf *out, const struct sweep *s)
{
	const struct {
		const char *name;
		int64_t value;
	} number[] = {{"files", s->files}, {"files_done", s->files_done}, {"bytes", s->bytes}, {"matches", s->matches},
		{"partial", s->partial}, {"errors", s->errors}, {"crashed", s->crashed}, {"links", s->links},
		{"special", s->special}, {"elsewhere", s->elsewhere}};
	out_i64(out, "id", s->id);
	out_text(out, "folder", s->folder);
	out_text(out, "state", str_z(sweep_state_name(s->state)));
	out_text_or_null(out, "problem", s->problem);
	out_text(out, "who", s->who);
	out_text_or_null(out, "system", s->system);
	out_text_or_null(out, "stopped_who", s->stopped_who);
	out_i64(out, "created_ms", s->created_ms);
	out_i64_or_null(out, "started_ms", s->started_ms);
	out_i64_or_null(out, "ended_ms", s->ended_ms);
	for (size_t i = 0; i < COUNT(number); i++)
		out_i64(out, number[i].name, number[i].value);
}

void
sweep_json(struct buf *out, const struct sweep *s)
{
	buf_add_char(out, '{');
	sweep_members(out, s);
	buf_add_char(out, '}');
}

void
api_sweeps(struct api_call *c)
{
	struct sweep *list;
	uint32_t count, limit;
	int64_t before, total = 0;
	const struct options *o = c->desk->options;
	if (!page_asked(c, INT64_MAX, 50, 200, &before, &limit))
		return;
	int error = sweep_list(c->desk->inspect, before, limit, &c->arena, &list, &count);
	if (!error)
		error = sweep_count(c->desk->inspect, &total);
	if (api_failed(c, error))
		return;
	page_begin(&c->out);
	for (uint32_t i = 0; i < count; i++) {
		page_item(&c->out);
		sweep_json(&c->out, &list[i]);
	}
	buf_add(&c->out, STR("],\"folders\":["));
	for (uint32_t i = 0; i < o->sweep_count; i++) {
		if (i)
			buf_add_char(&c->out, ',');
		buf_add_json_string(&c->out, str_z(o->sweep[i]));
	}
	buf_add_char(&c->out, ']');
	page_end_at(&c->out, total, count == limit ? list[count - 1].id : 0);
	api_reply(c, 200);
}

static int
found_json(struct api_call *c, int64_t id)
{
	struct sweep_match *match;
	struct sweep_error *fault;
	uint32_t matches, faults;
	struct buf *out = &c->out;
	TRY(sweep_matches(c->desk->inspect, id, &c->arena, &match, &matches));
	TRY(sweep_errors(c->desk->inspect, id, &c->arena, &fault, &faults));
	out_name(out, "matched_files");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < matches; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "path", match[i].path);
		out_text(out, "sha256", match[i].sha256);
		out_i64(out, "bytes", match[i].bytes);
		out_bool(out, "partial", match[i].partial);
		out_raw(out, "matches", match[i].matches);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	out_name(out, "error_files");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < faults; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "path", fault[i].path);
		out_text(out, "what", fault[i].what);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	return 0;
}

static void
reply_sweep(struct api_call *c, int64_t id, uint16_t status, bool whole)
{
	struct sweep s;
	int error = sweep_get(c->desk->inspect, id, &c->arena, &s);
	buf_clear(&c->out);
	buf_add_char(&c->out, '{');
	if (!error)
		sweep_members(&c->out, &s);
	if (!error && whole)
		error = found_json(c, id);
	buf_add_char(&c->out, '}');
	if (!api_failed(c, error))
		api_reply(c, status);
}

void
api_sweep_get(struct api_call *c)
{
	int64_t id;
	if (read_id(c, &id))
		reply_sweep(c, id, 200, true);
}

struct sweep_wish {
	struct str folder, system;
};

static int
sweep_work(struct api_call *c)
{
	const struct sweep_wish *wish = c->user;
	return sweep_check(c->desk->options, wish->folder);
}

static void
sweep_done(struct api_call *c, int error)
{
	const struct sweep_wish *wish = c->user;
	int64_t id = 0;
	if (!error)
		error = sweep_new(c->desk->inspect, wish->folder, wish->system, str_z(c->who.login), clock_now_ms(), &id);
	if (!error)
		name_made(c, id);
	if (error == E_DENIED)
		api_reply_problem(c, 422, "sweep_folder", "folder");
	else if (error == E_INVALID || error == E_NOT_FOUND || error == E_LIMIT)
		api_reply_problem(c, 422, "sweep_no_folder", "folder");
	else if (!api_failed(c, error))
		reply_sweep(c, id, 202, false);
}

void
api_sweep_post(struct api_call *c)
{
	struct sweep_wish *wish = ARENA_NEW(&c->arena, struct sweep_wish);
	if (!wish) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	if (!body_text(c, "folder", &wish->folder) || !read_system(c, &wish->system))
		return;
	c->user = wish;
	api_defer(c, sweep_work, sweep_done);
}

void
api_sweep_delete(struct api_call *c)
{
	int64_t id;
	if (!read_id(c, &id))
		return;
	int error = sweep_stop(c->desk->inspect, id, str_z(c->who.login), clock_now_ms());
	if (!api_failed(c, error))
		reply_sweep(c, id, 200, false);
}

/* --- rules --- */

void
api_yara(struct api_call *c)
{
	const struct scanner_state *s = inspect_scanner(c->desk->inspect);
	struct buf *out = &c->out;
	buf_add_char(out, '{');
	out_bool(out, "here", s->here);
	out_i64(out, "files", s->rules.stats.files);
	out_i64(out, "refused", s->rules.stats.refused);
	out_i64(out, "rules", s->rules.stats.rules);
	out_i64(out, "compile_ms", s->rules.ms);
	out_i64(out, "scanned", (int64_t)s->scanned);
	out_i64(out, "bytes", (int64_t)s->bytes);
	out_i64(out, "crashes", (int64_t)s->crashes);
	out_i64(out, "waiting", s->waiting);
	out_name(out, "faults");
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < s->rules.faults; i++) {
		const struct fault *f = &s->rules.fault[i];
		buf_add(out, i ? STR(",{") : STR("{"));
		out_text(out, "file", str_z(f->file));
		out_i64(out, "line", f->line);
		out_text(out, "what", str_z(f->what));
		out_text(out, "arg", str_z(f->arg));
		buf_add_char(out, '}');
	}
	buf_add(out, STR("]}"));
	api_reply(c, 200);
}
