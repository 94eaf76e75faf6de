/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

/*
 * The JSON API: one table (web/routes.def) from which come dispatch, rights, OpenAPI and the tests. Runs in core.
 *
 * A call owns everything it points to: the request's texts, an arena, the answer. A handler ends a call with one of
 * the api_reply functions, at once or (after api_defer()) from the `done` of a pool job. Errors are problem+json
 * (RFC 9457) with the key of their sentence as "type", so the interface speaks the reader's language.
 */

#include "base/json.h"
#include "register/table.h"
#include "web/desk.h"
#include "web/out.h"

struct api_call {
	struct desk *desk;
	struct api_request request;
	struct principal who;
	struct str path_id;     /* what stands for {id} in the path */
	struct str path_part;   /* what stands for {part} */
	struct str pattern;     /* the path as the table has it */
	struct json body;       /* parsed when the route takes one */
	struct arena arena;
	struct buf out;         /* the answer's body */
	struct api_response response;
	int (*work)(struct api_call *c); /* on a pool thread */
	void (*done)(struct api_call *c, int error);
	int error;              /* what work() said */
	void (*release)(struct api_call *c); /* when the call ends, also when no job was ever run for it; may be NULL */
	void (*checked)(struct api_call *c); /* instead of answering, what follows a check of rule text; c->out tells */
	/* when a file was read as a table; t is NULL when it is none, and *f says why */
	void (*tabled)(struct api_call *c, const struct table *t, const struct table_fault *f);
	bool recorded;          /* changes something: web/recorded.h */
	struct str before, after, noun_id; /* what its entry in the record says beyond the request; may stay empty */
	struct proof *proof;    /* whose password was asked (web/proof.h) */
	void (*proven)(struct api_call *c); /* what follows it in account_ask_password() */
	struct str purpose;     /* what for the answer shows how to reach people; empty when it does not (web/personal.h) */
	void *user;             /* the handler's own, in the arena */
};

/* Run a request (the message is copied). Answers through desk->respond, possibly later. */
void api_run(struct desk *desk, const struct api_request *request);

/* Ends of a call; it is freed. */
void api_reply(struct api_call *c, uint16_t status);                   /* c->out as application/json */
void api_reply_empty(struct api_call *c, uint16_t status);
void api_reply_error(struct api_call *c, int error);                   /* the status that fits a code of base/error.h */
[[nodiscard]] bool api_failed(struct api_call *c, int error);          /* True: it is an error (< 0), and answered as that. */
void api_reply_problem(struct api_call *c, uint16_t status, const char *key, const char *field);
/* The same on another pool. */
void api_defer_to(struct api_call *c, struct pool *pool, int (*work)(struct api_call *c), void (*done)(struct api_call *c, int error));
/* Go on with a call that waited for something else than the pool: `then`, in the call's transaction. */
void api_resume(struct api_call *c, void (*then)(struct api_call *c, int error));
/* Run `work` on a pool thread (it may use the arena and c->out), then `done` on core's. */
void api_defer(struct api_call *c, int (*work)(struct api_call *c), void (*done)(struct api_call *c, int error));

/* Query parameters, percent-decoded into the arena; empty when absent. */
struct str api_query(struct api_call *c, struct str name);
/* What stands for {id} in the path, which web has percent-decoded. */
struct str api_path_id(struct api_call *c);
/* Absent: `fallback`. False when it is there and no number or outside [min, max]. */
bool api_query_i64(struct api_call *c, struct str name, int64_t fallback, int64_t min, int64_t max, int64_t *ret);

/* The organisation that the caller reaches, with all below it; empty = the whole province. What is outside does not exist
 * for him: 404, not in a list, not in a total. In SQL: ($1 = '' OR x.organisation IN (SELECT organisation FROM
 * organisation_reach WHERE ancestor = $1)); in memory: registry_within(). */
struct str api_scope(const struct api_call *c);

/* The version that If-Match names, with or without quotes (RFC 9110, 13.1.1). False when it is no number. */
bool api_match_version(const struct api_call *c, int64_t *ret);

/* Ends a person's sessions but `keep` ("" = all), with their live streams, and whatever he is in the middle of. For a
 * changed password, and for an account that is disabled or reset. */
[[nodiscard]] int sessions_end(struct desk *d, int64_t person, struct str keep, struct arena *arena);

/* May the caller change the account in the path? E_NOT_FOUND: it is outside his reach; E_DENIED: it has what he has not. */
[[nodiscard]] int person_may_change(struct api_call *c);
/* May he give `role` to somebody of `organisation` ("" = of the desk)? Nobody gives what he has not. E_NOT_FOUND: there is
 * no such role; E_INVALID: no such organisation in his reach; E_DENIED. */
[[nodiscard]] int role_may_grant(struct api_call *c, struct str role, struct str organisation);

/* JSON of nouns that more than one handler and the live stream need. */
void alert_json(struct buf *out, const struct desk *desk, const struct alert *a);
struct lookback;
struct law_rule;
void law_rule_json(struct buf *out, const struct law_rule *r, int32_t day); /* with the instrument it stands in */
void lookback_json(struct buf *out, const struct rules *rules, const struct lookback *j);
/* Once a second: begins a new day of losses at local midnight, and remembers it over a restart. */
/* Has a sender that spoke before said nothing for longer than is usual? */
bool source_is_silent(const struct desk *d, const struct report_source *s, int64_t now_ms);
void status_tick(struct desk *desk, int64_t now_ms);
/* "witnesses": those who cosign the record. */
void witnesses_json(struct buf *out, const struct desk *d);
void upload_json(struct buf *out, struct desk *desk, const struct upload *u);
void sweep_json(struct buf *out, const struct sweep *s);
void status_json(struct buf *out, struct desk *desk, int64_t now_ms);
void openapi_json(struct buf *out);

/* Handlers, one for each row of routes.def. */
#define ROUTE(method, path, rights, handler, flags, summary) void handler(struct api_call *c);
#include "web/routes.def"
#undef ROUTE

#endif
