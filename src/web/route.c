/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/route.h"

#include <assert.h>

#include "base/memory.h"
#include "host/clock.h"
#include "web/personal.h"
#include "web/recorded.h"

#define CALL_BYTES (32u << 20) /* arena of one call at most */
#define PARAMETERS_MAX 64u
#define BODY_BYTES (16u << 20) - (64u << 10) /* an answer fits one message between roles */

enum route_flags { BODY = 1, MATCH = 2, RAW = 4, QUIET = 8 };

struct route {
	struct str method, path;
	unsigned rights;
	void (*handler)(struct api_call *c);
	unsigned flags;
	struct str query;
};

static const struct route routes[] = {
#define ROUTE(method, path, rights, handler, flags, query)                                                             \
	{STR_INIT(#method), STR_INIT(path), rights, handler, flags, STR_INIT(query)},
#include "web/routes.def"
#undef ROUTE
};

enum owner { OWNER_NOBODY, OWNER_DESK, OWNER_SELF, OWNER_ORGANISATION };

static const struct facts {
	struct str method, path;
	enum owner owner;
	struct str fields;
} facts[] = {
#define FACTS(method, path, owner, fields) {STR_INIT(#method), STR_INIT(path), OWNER_##owner, STR_INIT(fields)},
#include "web/facts.def"
#undef FACTS
};

/* NULL: nobody has written a row for it, and the story of the matrix says so. */
static const struct facts *
facts_of(const struct route *r)
{
	for (size_t i = 0; i < COUNT(facts); i++)
		if (str_eq(facts[i].path, r->path) && str_eq(facts[i].method, r->method))
			return &facts[i];
	return NULL;
}

/* Does `path` fit the pattern? {id} and {part} take one segment each that is not empty. */
static bool
path_fits(struct str pattern, struct str path, struct str *ret_id, struct str *ret_part)
{
	struct str want, have, id = {0}, part = {0};
	while (str_split(&pattern, '/', &want)) {
		if (!str_split(&path, '/', &have))
			return false;
		struct str *hole = str_eq(want, STR("{id}")) ? &id : str_eq(want, STR("{part}")) ? &part : NULL;
		if (hole ? !have.n : !str_eq(want, have))
			return false;
		if (hole)
			*hole = have;
	}
	if (str_split(&path, '/', &have))
		return false;
	*ret_id = id;
	*ret_part = part;
	return true;
}

static const struct route *
find_route(struct api_call *c, bool *ret_path_known)
{
	*ret_path_known = false;
	for (size_t i = 0; i < COUNT(routes); i++) {
		struct str id, part;
		if (!path_fits(routes[i].path, c->request.path, &id, &part))
			continue;
		*ret_path_known = true;
		if (str_eq(routes[i].method, c->request.method)) {
			c->path_id = id;
			c->path_part = part;
			return &routes[i];
		}
	}
	return NULL;
}

/* --- ends of a call --- */

static void
call_free(struct api_call *c)
{
	if (c->release)
		c->release(c);
	json_release(&c->body);
	arena_release(&c->arena);
	buf_release(&c->out);
	mem_free(c);
}

static void
finish(struct api_call *c, uint16_t status, struct str type)
{
	int error = c->recorded ? recorded_end(c, status) : status < 400 ? personal_note(c) : 0;
	c->recorded = false;
	if (api_failed(c, error))
		return;
	c->response.id = c->request.id;
	c->response.status = status;
	c->response.type = type;
	c->response.body = buf_str(&c->out);
	c->desk->respond(c->desk->core, &c->response);
	call_free(c);
}

void
api_reply(struct api_call *c, uint16_t status)
{
	if (c->out.over || c->arena.over) {
		api_reply_problem(c, 507, "limit", NULL);
		return;
	}
	finish(c, status, c->response.type.n ? c->response.type : STR("application/json"));
}

void
api_reply_empty(struct api_call *c, uint16_t status)
{
	buf_clear(&c->out);
	finish(c, status, STR(""));
}

/* `why` is ours, the path is the table's: nothing of what was sent. */
static void
note_refusal(struct api_call *c, enum failure_kind kind, const char *why)
{
	struct buf what = BUF_INIT_MAX(256);
	buf_addf(&what, "%s %.*s %.*s", why, STR_ARG(c->request.method), STR_ARG(c->pattern));
	if (c->pattern.n && !what.over)
		failures_note(c->desk->failures, kind, str_z(c->who.login), true, c->request.peer, what.p, clock_now_ms());
	buf_release(&what);
}

/* Somebody sent what no page of ours sends, or what a rule of ours does not take. */
static bool
is_of_input(uint16_t status)
{
	return status == 400 || status == 413 || status == 422 || status == 428;
}

void
api_reply_problem(struct api_call *c, uint16_t status, const char *key, const char *field)
{
	if (is_of_input(status))
		note_refusal(c, FAILURE_INPUT, key);
	buf_clear(&c->out);
	buf_add_char(&c->out, '{');
	out_problem(&c->out, str_z(key));
	out_i64(&c->out, "status", status);
	if (field)
		out_text(&c->out, "field", str_z(field));
	if (c->response.retry_after)
		out_i64(&c->out, "retry_after", c->response.retry_after);
	buf_add_char(&c->out, '}');
	finish(c, status, STR("application/problem+json"));
}

void
api_reply_error(struct api_call *c, int error)
{
	static const struct {
		int error;
		uint16_t status;
	} row[] = {{E_NOT_FOUND, 404}, {E_INVALID, 422}, {E_DENIED, 403}, {E_CONFLICT, 409}, {E_EXISTS, 409},
		{E_LIMIT, 413}, {E_FULL, 507}, {E_BUSY, 503}, {E_AGAIN, 503}, {E_UNSUPPORTED, 501}};
	uint16_t status = 500;
	for (size_t i = 0; i < COUNT(row); i++)
		if (row[i].error == error)
			status = row[i].status;
	if (status == 503)
		c->response.retry_after = 2;
	api_reply_problem(c, status, error_name(error), NULL);
}

bool
api_failed(struct api_call *c, int error)
{
	if (error < 0)
		api_reply_error(c, error);
	return error < 0;
}

/* --- jobs --- */

static void
job_work(void *user)
{
	struct api_call *c = user;
	c->error = c->work(c);
}

static void
after_work(struct api_call *c)
{
	c->done(c, c->error);
}

static void
job_done(void *user, bool cancelled)
{
	struct api_call *c = user;
	if (cancelled)
		api_reply_error(c, E_BUSY);
	else if (c->recorded)
		recorded_run(c, after_work);
	else
		after_work(c);
}

void
api_defer_to(struct api_call *c, struct pool *pool, int (*work)(struct api_call *c), void (*done)(struct api_call *c, int error))
{
	c->work = work;
	c->done = done;
	if (pool_submit(pool, job_work, job_done, c) < 0)
		api_reply_error(c, E_BUSY);
}

void
api_defer(struct api_call *c, int (*work)(struct api_call *c), void (*done)(struct api_call *c, int error))
{
	api_defer_to(c, c->desk->pool, work, done);
}

void
api_resume(struct api_call *c, void (*then)(struct api_call *c, int error))
{
	c->done = then;
	c->error = 0;
	if (c->recorded)
		recorded_run(c, after_work);
	else
		after_work(c);
}

/* --- query --- */

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f' ? ascii_lower(c) - 'a' + 10 : -1;
}

static struct str
percent_decode(struct str s, struct arena *arena)
{
	char *out = arena_alloc(arena, s.n);
	size_t n = 0;
	for (size_t i = 0; out && i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
		if (low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return str_from(out, out ? n : 0);
}

struct str
api_query(struct api_call *c, struct str name)
{
	struct str rest = c->request.query, pair;
	while (str_split(&rest, '&', &pair)) {
		struct str key, value = pair;
		str_split(&value, '=', &key);
		if (str_eq(key, name))
			return percent_decode(value, &c->arena);
	}
	return (struct str){0};
}

struct str
api_path_id(struct api_call *c)
{
	return c->path_id;
}

struct str
api_scope(const struct api_call *c)
{
	return str_z(c->who.organisation);
}

bool
api_query_i64(struct api_call *c, struct str name, int64_t fallback, int64_t min, int64_t max, int64_t *ret)
{
	struct str text = api_query(c, name);
	int64_t value = fallback;
	if (text.n && (!str_to_i64(text, &value) || value < min || value > max))
		return false;
	*ret = value;
	return true;
}

bool
api_match_version(const struct api_call *c, int64_t *ret)
{
	struct str match = c->request.if_match;
	if (match.n > 2 && match.p[0] == '"' && match.p[match.n - 1] == '"')
		match = str_cut(match, 1, match.n - 1);
	return str_to_i64(match, ret);
}

/* --- running --- */

/* Copy what the call needs beyond the message it came in. */
static bool
keep_request(struct api_call *c, const struct api_request *r)
{
	struct str *text[] = {&c->request.method, &c->request.path, &c->request.query, &c->request.cookie,
		&c->request.bearer, &c->request.if_match, &c->request.peer, &c->request.agent, &c->request.host,
		&c->request.body};
	c->request = *r;
	for (size_t i = 0; i < COUNT(text); i++)
		if (!arena_copy(&c->arena, *text[i], text[i]))
			return false;
	return true;
}

static int
identify(struct api_call *c)
{
	if (c->request.bearer.n)
		return api_key_find(c->desk->db, c->request.bearer, clock_now_ms(), &c->who);
	if (c->request.cookie.n)
		return session_find(c->desk->db, c->request.cookie, clock_now_ms(), &c->who);
	return E_DENIED;
}

/* Forged requests from other sites: a cookie alone is not consent (OWASP, Fetch Metadata). */
static bool
may_be_forged(const struct api_call *c)
{
	return !str_eq(c->request.method, STR("GET")) && !c->request.bearer.n && !c->request.same_origin;
}

static bool
take_body(struct api_call *c)
{
	c->body.max_tokens = 10000;
	c->body.max_depth = 16;
	return c->request.json && json_parse(&c->body, c->request.body, NULL) == 0 && c->body.token[0].kind == JSON_OBJECT;
}

/* The first member of the body that the route does not know: never silently taken, never silently left out. */
static bool
is_foreign(struct api_call *c, const struct route *route, struct str *ret)
{
	const struct facts *f = facts_of(route);
	const struct json *j = &c->body;
	for (uint32_t i = json_first(j, 0); f && i < json_end(j, 0); i = json_next(j, i + 1)) {
		struct str rest = f->fields, field, name;
		bool known = false;
		if (!json_string(j, i, &c->arena, &name))
			return false; /* the arena is full, and the handler will say so */
		while (!known && rest.n && str_split(&rest, ' ', &field))
			known = str_eq(field, name);
		*ret = name;
		if (!known)
			return true;
	}
	return false;
}

static void
refuse_field(struct api_call *c, struct str name)
{
	struct buf field = BUF_INIT_MAX(256);
	buf_add(&field, str_cut(name, 0, 64));
	buf_add_char(&field, '\0');
	api_reply_problem(c, 422, "field_unknown", field.over ? "" : field.p);
	buf_release(&field);
}

/* Who asks for what he may not, or without saying who he is, is noted; a page that looks whether somebody is signed in is not. */
static void
refuse(struct api_call *c, const struct route *route, uint16_t status, const char *why)
{
	bool looks = status == 401 && !c->request.cookie.n && !c->request.bearer.n && str_ends(route->path, STR("/current"));
	if (!looks)
		note_refusal(c, FAILURE_REQUEST, why);
	api_reply_problem(c, status, why, NULL);
}

/* A parameter that is there twice (another program may take the other one), or more of them than any route has. */
static bool
is_repeated(const struct api_call *c)
{
	struct str rest = c->request.query, pair, name[PARAMETERS_MAX];
	for (unsigned n = 0; str_split(&rest, '&', &pair); n++) {
		if (n == PARAMETERS_MAX)
			return true;
		name[n] = (struct str){0};
		str_split(&pair, '=', &name[n]);
		for (unsigned i = 0; i < n; i++)
			if (name[n].n && str_eq(name[i], name[n]))
				return true;
	}
	return false;
}

/* The same of a body. */
static bool
is_said_twice(struct api_call *c)
{
	const struct json *j = &c->body;
	struct str name, other;
	for (uint32_t i = json_first(j, 0); i < json_end(j, 0); i = json_next(j, i + 1))
		for (uint32_t k = json_next(j, i + 1); k < json_end(j, 0); k = json_next(j, k + 1))
			if (json_string(j, i, &c->arena, &name) && json_string(j, k, &c->arena, &other) && str_eq(name, other))
				return true;
	return false;
}

static void
run_route(struct api_call *c, const struct route *route)
{
	struct str foreign;
	c->pattern = route->path;
	if (may_be_forged(c)) {
		refuse(c, route, 403, "cross_site");
		return;
	}
	if (route->rights != RIGHT_NONE) {
		int error = identify(c);
		if (error == E_DENIED) {
			refuse(c, route, 401, "sign_in");
			return;
		}
		if (!error && (c->who.rights & route->rights) != route->rights) {
			refuse(c, route, 403, "denied");
			return;
		}
		if (api_failed(c, error))
			return;
	}
	c->recorded = !str_eq(route->method, STR("GET")) && !(route->flags & QUIET);
	if (is_repeated(c))
		api_reply_problem(c, 400, "ambiguous", NULL);
	else if (((route->flags & BODY) && !take_body(c)) || ((route->flags & RAW) && !c->request.raw))
		api_reply_problem(c, 400, "body", NULL);
	else if ((route->flags & MATCH) && !c->request.if_match.n)
		api_reply_problem(c, 428, "if_match", NULL);
	else if ((route->flags & BODY) && is_foreign(c, route, &foreign))
		refuse_field(c, foreign);
	else if ((route->flags & BODY) && is_said_twice(c))
		api_reply_problem(c, 400, "ambiguous", NULL);
	else if (c->recorded)
		recorded_run(c, route->handler);
	else
		route->handler(c);
}

void
api_run(struct desk *desk, const struct api_request *request)
{
	struct api_call *c = MEM_NEW(struct api_call);
	bool path_known;
	c->desk = desk;
	c->out = BUF_INIT_MAX(BODY_BYTES);
	arena_init(&c->arena, 16 << 10, CALL_BYTES);
	c->request.id = request->id;
	if (!keep_request(c, request)) {
		api_reply_error(c, E_LIMIT);
		return;
	}
	const struct route *route = find_route(c, &path_known);
	if (route)
		run_route(c, route);
	else
		api_reply_problem(c, path_known ? 405 : 404, path_known ? "method" : "not_found", NULL);
}

/* --- OpenAPI 3.1 from the table --- */

static void
openapi_parameters(struct buf *out, const struct route *r)
{
	struct str rest = r->query, name;
	out_name(out, "parameters");
	buf_add_char(out, '[');
	static const char *const holes[] = {"id", "part"};
	for (size_t i = 0; i < COUNT(holes); i++) {
		char hole[8];
		snprintf(hole, sizeof hole, "{%s}", holes[i]);
		if (str_find(r->path, str_z(hole)) >= 0)
			buf_addf(out, "%s{\"name\":\"%s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}",
			    out->p[out->n - 1] == '[' ? "" : ",", holes[i]);
	}
	if (r->flags & MATCH)
		buf_addf(out, "%s{\"name\":\"If-Match\",\"in\":\"header\",\"required\":true,\"schema\":{\"type\":\"string\"}}",
		    out->p[out->n - 1] == '[' ? "" : ",");
	while (rest.n && str_split(&rest, ' ', &name))
		buf_addf(out, "%s{\"name\":\"%.*s\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}}",
		    out->p[out->n - 1] == '[' ? "" : ",", STR_ARG(name));
	buf_add_char(out, ']');
}

static void
openapi_facts(struct buf *out, const struct route *r)
{
	static const char *const owners[] = {"nobody", "desk", "self", "organisation"};
	const struct facts *f = facts_of(r);
	struct str rest = f ? f->fields : STR(""), field;
	if (!f)
		return;
	out_text(out, "x-owner", str_z(owners[f->owner]));
	out_name(out, "x-fields");
	buf_add_char(out, '[');
	while (rest.n && str_split(&rest, ' ', &field)) {
		if (out->p[out->n - 1] != '[')
			buf_add_char(out, ',');
		buf_add_json_string(out, field);
	}
	buf_add_char(out, ']');
}

static void
openapi_operation(struct buf *out, const struct route *r)
{
	char method[8] = {0};
	for (size_t i = 0; i < r->method.n && i < 7; i++)
		method[i] = ascii_lower(r->method.p[i]);
	out_name(out, method);
	buf_add_char(out, '{');
	openapi_parameters(out, r);
	if (r->flags & BODY)
		out_raw(out, "requestBody", STR("{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"type\":"
		    "\"object\"}}}}"));
	if (r->flags & RAW)
		out_raw(out, "requestBody", STR("{\"required\":true,\"content\":{\"application/octet-stream\":{}}}"));
	out_name(out, "x-rights");
	rights_json(r->rights, out);
	openapi_facts(out, r);
	out_raw(out, "security", r->rights ? STR("[{\"session\":[]},{\"key\":[]}]") : STR("[]"));
	out_raw(out, "responses", STR("{\"2XX\":{\"description\":\"OK\"},\"default\":{\"description\":\"problem\","
	    "\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}}}"));
	buf_add_char(out, '}');
}

void
openapi_json(struct buf *out)
{
	buf_addf(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Khien\",\"version\":\"%s\"},\"paths\":{", KHIEN_VERSION);
	for (size_t i = 0; i < COUNT(routes); i++) {
		bool first = true;
		for (size_t j = 0; j < i; j++)
			first &= !str_eq(routes[j].path, routes[i].path);
		if (!first)
			continue;
		if (out->p[out->n - 1] != '{')
			buf_add_char(out, ',');
		buf_add_json_string(out, routes[i].path);
		buf_add(out, STR(":{"));
		for (size_t j = i; j < COUNT(routes); j++)
			if (str_eq(routes[j].path, routes[i].path))
				openapi_operation(out, &routes[j]);
		buf_add_char(out, '}');
	}
	buf_add(out, STR("},\"components\":{\"securitySchemes\":{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":"
		"\"khien\"},\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\"schemas\":{\"problem\":{\"type\":\"object\","
		"\"properties\":{\"type\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"field\":{\"type\":\"string\"}"
		"}}}}}"));
}

void
api_openapi(struct api_call *c)
{
	openapi_json(&c->out);
	api_reply(c, 200);
}
