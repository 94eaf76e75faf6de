/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Zeek logs as JSON: flat objects whose keys may hold dots (id.orig_h), `ts` in seconds since 1970 or as ISO 8601.
 * Which log a line is from stands in _path, when the writer adds it, else a field tells that only one log has.
 */
#include "decode/core.h"
#include "decode/flatten.h"
#include "decode/json_layout.h"

static const struct core_row zeek_rows[] = {
	{STR_INIT("id.orig_h"), F_SOURCE_IP},
	{STR_INIT("id.orig_p"), F_SOURCE_PORT},
	{STR_INIT("id.resp_h"), F_DESTINATION_IP},
	{STR_INIT("id.resp_p"), F_DESTINATION_PORT},
	{STR_INIT("src"), F_SOURCE_IP},
	{STR_INIT("dst"), F_DESTINATION_IP},
	{STR_INIT("client_addr"), F_SOURCE_IP},
	{STR_INIT("proto"), F_NETWORK_TRANSPORT},
	{STR_INIT("service"), F_NETWORK_PROTOCOL},
	{STR_INIT("orig_bytes"), F_SOURCE_BYTES},
	{STR_INIT("resp_bytes"), F_DESTINATION_BYTES},
	{STR_INIT("orig_pkts"), F_SOURCE_PACKETS},
	{STR_INIT("resp_pkts"), F_DESTINATION_PACKETS},
	{STR_INIT("_system_name"), F_OBSERVER_NAME},
	{STR_INIT("query"), F_DNS_QUESTION},
	{STR_INIT("qtype_name"), F_DNS_TYPE},
	{STR_INIT("rcode_name"), F_DNS_CODE},
	{STR_INIT("answers"), F_DNS_ANSWER},
	{STR_INIT("method"), F_HTTP_METHOD},
	{STR_INIT("host"), F_URL_DOMAIN},
	{STR_INIT("uri"), F_URL_ORIGINAL},
	{STR_INIT("referrer"), F_HTTP_REFERRER},
	{STR_INIT("user_agent"), F_USER_AGENT},
	{STR_INIT("status_code"), F_HTTP_STATUS},
	{STR_INIT("response_body_len"), F_HTTP_BYTES},
	{STR_INIT("username"), F_USER_NAME},
	{STR_INIT("user"), F_USER_NAME},
	{STR_INIT("client"), F_USER_NAME},
	{STR_INIT("domainname"), F_USER_DOMAIN},
	{STR_INIT("hostname"), F_SOURCE_DOMAIN},
	{STR_INIT("server_name"), F_TLS_SNI},
	{STR_INIT("ja3"), F_TLS_JA3},
	{STR_INIT("filename"), F_FILE_NAME},
	{STR_INIT("name"), F_FILE_PATH},
	{STR_INIT("md5"), F_FILE_MD5},
	{STR_INIT("sha1"), F_FILE_SHA1},
	{STR_INIT("sha256"), F_FILE_SHA256},
	{STR_INIT("note"), F_RULE_NAME},
	{STR_INIT("msg"), F_MESSAGE},
	{STR_INIT("mailfrom"), F_EMAIL_FROM},
	{STR_INIT("rcptto"), F_EMAIL_TO},
	{STR_INIT("subject"), F_EMAIL_SUBJECT},
};

WORDS(zeek_words, zeek_rows)

/* Fields that one log has alone, of those that Zeek writes by itself. */
static const struct telltale {
	struct str field, log;
} telltales[] = {
	{STR_INIT("qtype_name"), STR_INIT("dns")},
	{STR_INIT("rcode_name"), STR_INIT("dns")},
	{STR_INIT("query"), STR_INIT("dns")},
	{STR_INIT("conn_state"), STR_INIT("conn")},
	{STR_INIT("trans_depth"), STR_INIT("http")},
	{STR_INIT("uri"), STR_INIT("http")},
	{STR_INIT("curve"), STR_INIT("ssl")},
	{STR_INIT("cipher"), STR_INIT("ssl")},
	{STR_INIT("mailfrom"), STR_INIT("smtp")},
	{STR_INIT("helo"), STR_INIT("smtp")},
	{STR_INIT("note"), STR_INIT("notice")},
	{STR_INIT("mime_type"), STR_INIT("files")},
	{STR_INIT("auth_attempts"), STR_INIT("ssh")},
	{STR_INIT("endpoint"), STR_INIT("dce_rpc")},
	{STR_INIT("share_type"), STR_INIT("smb_mapping")},
	{STR_INIT("request_type"), STR_INIT("kerberos")},
	{STR_INIT("security_protocol"), STR_INIT("rdp")},
	{STR_INIT("certificate.subject"), STR_INIT("x509")},
	{STR_INIT("reply_code"), STR_INIT("ftp")},
	{STR_INIT("assigned_addr"), STR_INIT("dhcp")},
	{STR_INIT("server_nb_computer_name"), STR_INIT("ntlm")},
};

WORDS(telltale_words, telltales)

struct zeek {
	struct decode_context *c;
	struct event *e;
	struct str guess;
};

static void
take_time(struct event *e, struct field *f)
{
	struct str value = event_value(e, f);
	if (!time_from_epoch(value, &e->time_ms))
		(void)time_parse(value, 0, &e->time_ms);
}

static struct field *
field_named(struct event *e, struct str name)
{
	for (uint32_t i = 0; i < e->field_count; i++)
		if (str_eq(e->field[i].name, name))
			return &e->field[i];
	return NULL;
}

static void
add_zeek(void *user, struct str name, struct str value, enum field_kind kind, bool escaped)
{
	struct zeek *w = user;
	struct event *e = w->e;
	uint32_t at = e->field_count;
	event_put(e, w->c->names, name, value, kind, escaped);
	if (at == e->field_count)
		return;
	const struct telltale *t = w->guess.n ? NULL : words_find(&telltale_words, name);
	if (t)
		w->guess = t->log;
	if (str_eq(name, STR("_path")))
		e->service = event_value(e, &e->field[at]);
	else if (str_eq(name, STR("ts")))
		take_time(e, &e->field[at]);
}

/* conn_state, base/protocols/conn/main.zeek; what is not here (OTH) is not said. */
static const struct {
	struct str code, state;
} states[] = {
	{STR_INIT("S0"), STR_INIT("unanswered")}, {STR_INIT("S1"), STR_INIT("answered")},
	{STR_INIT("SF"), STR_INIT("answered")}, {STR_INIT("REJ"), STR_INIT("refused")},
	{STR_INIT("S2"), STR_INIT("answered")}, {STR_INIT("S3"), STR_INIT("answered")},
	{STR_INIT("RSTO"), STR_INIT("answered")}, {STR_INIT("RSTR"), STR_INIT("answered")},
	{STR_INIT("RSTOS0"), STR_INIT("unanswered")}, {STR_INIT("RSTRH"), STR_INIT("answered")},
	{STR_INIT("SH"), STR_INIT("unanswered")}, {STR_INIT("SHR"), STR_INIT("answered")},
};

/* A connection is told at its end under the time of its beginning; a question together with its answer. */
static void
put_flow(struct core *k)
{
	const struct field *state = event_find_name(k->e, STR("conn_state"));
	const struct field *duration = event_find_name(k->e, STR("duration"));
	if (str_eq(k->e->code, STR("dns")))
		core_put(k, F_EVENT_TYPE, STR("query"), false);
	if (!str_eq(k->e->code, STR("conn")))
		return;
	core_put(k, F_EVENT_TYPE, STR("connection"), false);
	for (size_t i = 0; state && i < COUNT(states); i++)
		if (str_eq(states[i].code, state->value))
			core_put(k, F_FLOW_STATE, states[i].state, false);
	if (duration && duration->kind != FIELD_NULL)
		core_put_duration(k, duration->value);
}

void
zeek_finish(struct decode_context *c, struct event *e, struct str guess)
{
	struct core k;
	struct field *time = e->time_ms == TIME_NONE ? field_named(e, STR("ts")) : NULL;
	if (time)
		take_time(e, time);
	e->product = STR("zeek");
	e->confidence = e->service.n ? 100 : guess.n ? 80 : 60;
	if (!e->service.n)
		e->service = guess;
	e->code = e->service;
	e->decoder = DECODER_ZEEK;
	core_begin(&k, e, NULL);
	core_put_all(&k, &zeek_words);
	put_flow(&k);
	core_put(&k, F_EVENT_CATEGORY, STR("network"), false);
	core_put_joined(&k, F_EVENT_DATASET, STR("zeek"), e->service);
}

void
decode_zeek_layout(struct decode_context *c, struct event *e)
{
	struct zeek w = {.c = c, .e = e};
	flatten(c, e, 0, false, add_zeek, &w);
	zeek_finish(c, e, w.guess);
}
