/* SPDX-License-Identifier: EUPL-1.2 */
/* Passkeys: asked for at sign-in, registered and removed by those whose they are. */
#include "web/route.h"

#include <sodium.h>

#include "host/clock.h"
#include "web/proof.h"

static bool
site_of(struct api_call *c, struct passkey_site *ret)
{
	return passkey_site_of(str_z(c->desk->options->origin), c->request.host, ret);
}

static struct ticket *
ticket_in_body(struct api_call *c)
{
	struct str secret;
	if (!json_get_string(&c->body, 0, STR("ticket"), &c->arena, &secret))
		return NULL;
	return ticket_find(c->desk->tickets, secret, clock_now_ms());
}

/* A member of `object` that carries bytes in base64url. */
static bool
take_bytes(struct api_call *c, uint32_t object, struct str name, struct str *ret)
{
	struct str text;
	size_t n = 0;
	if (!json_get_string(&c->body, object, name, &c->arena, &text) || text.n > PASSKEY_INPUT_MAX * 4 / 3 + 4)
		return false;
	unsigned char *to = arena_alloc(&c->arena, text.n + 1);
	if (!to || sodium_base642bin(to, text.n + 1, text.p, text.n, NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0)
		return false;
	*ret = str_from((char *)to, n);
	return true;
}

/* --- at sign-in --- */

static uint32_t
passkey_in_body(struct api_call *c)
{
	uint32_t at = json_get(&c->body, 0, STR("passkey"));
	return at && c->body.token[at].kind == JSON_OBJECT ? at : 0;
}

static int
find_in_body(struct api_call *c, struct passkey_row *row, struct passkey_key *key)
{
	struct str id;
	uint32_t at = passkey_in_body(c);
	if (!at || !json_get_string(&c->body, at, STR("id"), &c->arena, &id))
		return E_NOT_FOUND;
	return passkey_find(c->desk->db, id, row, key, &c->arena);
}

int
passkey_owner(struct api_call *c, int64_t *ret_person)
{
	struct passkey_row row;
	struct passkey_key key;
	TRY(find_in_body(c, &row, &key));
	*ret_person = row.person;
	return 0;
}

int
passkey_answer(struct api_call *c, struct ticket *t, const char **ret_why)
{
	struct passkey_question q = {.challenge = str_from((const char *)t->challenge, sizeof t->challenge),
	    .alone = t->kind == TICKET_ALONE};
	struct passkey_row row;
	struct passkey_key key;
	struct str client, data, signature;
	uint32_t counter = 0, at = passkey_in_body(c);
	bool challenged = t->challenged;
	t->challenged = false;
	*ret_why = PASSKEY_MALFORMED;
	if (!at || !take_bytes(c, at, STR("client"), &client) || !take_bytes(c, at, STR("authenticator"), &data) ||
	    !take_bytes(c, at, STR("signature"), &signature))
		return E_INVALID;
	*ret_why = PASSKEY_CHALLENGE;
	if (!challenged)
		return E_DENIED;
	*ret_why = "passkey_unknown";
	TRY(find_in_body(c, &row, &key));
	if (t->kind != TICKET_ALONE && row.person != t->person)
		return E_DENIED;
	*ret_why = PASSKEY_RP;
	if (!site_of(c, &q.site) || !str_eq(row.rp, str_z(q.site.rp)))
		return E_DENIED;
	TRY(passkey_verify(&q, &key, client, data, signature, &counter, ret_why));
	*ret_why = "passkey";
	return passkey_used(c->desk->db, row.id, counter, clock_now_ms());
}

static int
credentials_json(struct api_call *c, int64_t person, struct buf *out)
{
	struct passkey_row *row;
	uint32_t count = 0;
	TRY(passkey_list(c->desk->db, person, &c->arena, &row, &count));
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, i ? STR(",") : STR(""));
		buf_add_json_string(out, row[i].credential);
	}
	buf_add_char(out, ']');
	return 0;
}

static void
challenge_json(struct buf *out, const struct ticket *t, const struct passkey_site *site)
{
	char text[64];
	sodium_bin2base64(text, sizeof text, t->challenge, sizeof t->challenge, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	out_text(out, "challenge", str_z(text));
	out_text(out, "rp", str_z(site->rp));
	out_i64(out, "timeout_ms", TICKET_MS);
}

/* With the ticket of somebody whose password was right: for one of his. Without: for whichever says who it is. */
void
api_session_challenge(struct api_call *c)
{
	struct passkey_site site;
	char secret[SECRET_TEXT] = "";
	bool alone = !json_get(&c->body, 0, STR("ticket"));
	if (!site_of(c, &site)) {
		api_reply_problem(c, 409, "passkey_site", NULL);
		return;
	}
	struct ticket *t = alone ? ticket_new(c->desk->tickets, TICKET_ALONE, 0, clock_now_ms(), secret) : ticket_in_body(c);
	if (!t || (!alone && t->kind != TICKET_FACTOR)) {
		api_reply_problem(c, 401, "ticket", NULL);
		return;
	}
	ticket_challenge(t);
	buf_add_char(&c->out, '{');
	challenge_json(&c->out, t, &site);
	out_text(&c->out, "verification", alone ? STR("required") : STR("preferred"));
	if (alone)
		out_text(&c->out, "ticket", str_z(secret));
	out_name(&c->out, "credentials");
	int error = alone ? 0 : credentials_json(c, t->person, &c->out);
	buf_add(&c->out, alone ? STR("[]}") : STR("}"));
	sodium_memzero(secret, sizeof secret);
	if (!api_failed(c, error))
		api_reply(c, 200);
}

/* --- one's own --- */

int
passkeys_json(struct api_call *c, struct buf *out)
{
	struct passkey_site site;
	struct passkey_row *row;
	uint32_t count = 0;
	bool offered = site_of(c, &site);
	out_bool(out, "passkeys_offered", offered);
	out_text_or_null(out, "passkeys_origin", offered ? str_z(site.origin) : STR(""));
	out_name(out, "passkeys");
	TRY(passkey_list(c->desk->db, c->who.person, &c->arena, &row, &count));
	buf_add_char(out, '[');
	for (uint32_t i = 0; i < count; i++) {
		buf_add(out, i ? STR(",{") : STR("{"));
		out_i64(out, "id", row[i].id);
		out_text(out, "name", row[i].name);
		out_text(out, "rp", row[i].rp);
		out_i64(out, "created_ms", row[i].created_ms);
		out_i64_or_null(out, "used_ms", row[i].used_ms);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	return 0;
}

/* For one of his own passkeys, by which he proves himself again. */
void
api_account_proof_challenge(struct api_call *c)
{
	struct passkey_site site;
	char secret[SECRET_TEXT];
	if (!c->who.person) {
		api_reply_problem(c, 409, "person_only", NULL);
		return;
	}
	if (!site_of(c, &site)) {
		api_reply_problem(c, 409, "passkey_site", NULL);
		return;
	}
	struct ticket *t = ticket_new(c->desk->tickets, TICKET_PROVE, c->who.person, clock_now_ms(), secret);
	ticket_challenge(t);
	buf_add_char(&c->out, '{');
	challenge_json(&c->out, t, &site);
	out_text(&c->out, "verification", STR("preferred"));
	out_text(&c->out, "ticket", str_z(secret));
	out_name(&c->out, "credentials");
	int error = credentials_json(c, c->who.person, &c->out);
	buf_add_char(&c->out, '}');
	sodium_memzero(secret, sizeof secret);
	if (!api_failed(c, error))
		api_reply(c, 200);
}

static void
challenge_proven(struct api_call *c)
{
	struct passkey_site site;
	char secret[SECRET_TEXT], user[24], number[24];
	struct buf *out = &c->out;
	if (!site_of(c, &site)) {
		api_reply_problem(c, 409, "passkey_site", NULL);
		return;
	}
	struct ticket *t = ticket_new(c->desk->tickets, TICKET_REGISTER, c->who.person, clock_now_ms(), secret);
	ticket_challenge(t);
	snprintf(number, sizeof number, "%lld", (long long)c->who.person);
	sodium_bin2base64(user, sizeof user, (const unsigned char *)number, strlen(number) < 16 ? strlen(number) : 16,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_add_char(out, '{');
	challenge_json(out, t, &site);
	out_text(out, "ticket", str_z(secret));
	out_name(out, "user");
	buf_add_char(out, '{');
	out_text(out, "id", str_z(user));
	out_text(out, "name", str_z(c->who.login));
	out_text(out, "title", str_z(c->who.name));
	buf_add_char(out, '}');
	out_name(out, "exclude");
	int error = credentials_json(c, c->who.person, out);
	buf_add_char(out, '}');
	sodium_memzero(secret, sizeof secret);
	if (!api_failed(c, error))
		api_reply(c, 200);
}

void
api_passkey_challenge(struct api_call *c)
{
	if (proof_may_enrol(c))
		account_ask_password(c, challenge_proven);
}

static int
register_in_body(struct api_call *c, struct ticket *t, const char **ret_why)
{
	struct passkey_question q = {.challenge = str_from((const char *)t->challenge, sizeof t->challenge)};
	struct passkey_key key;
	struct str client, data, name;
	*ret_why = PASSKEY_MALFORMED;
	if (!take_bytes(c, 0, STR("client"), &client) || !take_bytes(c, 0, STR("authenticator"), &data))
		return E_INVALID;
	if (!site_of(c, &q.site)) {
		*ret_why = "passkey_site";
		return E_INVALID;
	}
	TRY(passkey_register(&q, client, data, &key, ret_why));
	if (!json_get_string(&c->body, 0, STR("name"), &c->arena, &name))
		name = STR("");
	return passkey_add(c->desk->db, c->who.person, str_trim(name), str_z(q.site.rp), &key, clock_now_ms());
}

void
api_passkey_post(struct api_call *c)
{
	struct ticket *t = ticket_in_body(c);
	const char *why = NULL;
	if (!t || t->kind != TICKET_REGISTER || !c->who.person || t->person != c->who.person || !t->challenged) {
		api_reply_problem(c, 422, "ticket", NULL);
		return;
	}
	if (!proof_may_enrol(c))
		return;
	int error = register_in_body(c, t, &why);
	ticket_end(t);
	if (!error)
		error = session_proven(c->desk->db, c->who.person, str_z(c->who.session), true, clock_now_ms());
	c->after = STR("{}"); /* the record needs no public key */
	struct str name;
	if (json_get_string(&c->body, 0, STR("name"), &c->arena, &name)) {
		struct buf after = BUF_INIT_MAX(1024);
		buf_add_char(&after, '{');
		out_text(&after, "name", name);
		buf_add_char(&after, '}');
		if (after.over || !arena_copy(&c->arena, buf_str(&after), &c->after))
			c->after = STR("{}");
		buf_release(&after);
	}
	if (why)
		api_reply_problem(c, 422, why, NULL);
	else if (error == E_INVALID)
		api_reply_problem(c, 422, "invalid", "name");
	else if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

static void
removal_proven(struct api_call *c)
{
	int64_t id;
	int error = str_to_i64(api_path_id(c), &id) ? passkey_remove(c->desk->db, c->who.person, id) : E_NOT_FOUND;
	if (!api_failed(c, error))
		api_reply_empty(c, 204);
}

void
api_passkey_removal(struct api_call *c)
{
	account_ask_password(c, removal_proven);
}
