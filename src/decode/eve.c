/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Suricata EVE: one JSON object in a line, sorted by event_type. Native names are those of the object, joined with dots
 * (alert.signature). DNS has had three layouts: dns.rrname with one answer in a line (1), dns.answers and dns.grouped
 * (2), dns.queries (3, Suricata 8).
 */
#include "decode/core.h"
#include "decode/flatten.h"
#include "decode/json_layout.h"

static const struct core_row eve_rows[] = {
	{STR_INIT("src_ip"), F_SOURCE_IP},
	{STR_INIT("src_port"), F_SOURCE_PORT},
	{STR_INIT("dest_ip"), F_DESTINATION_IP},
	{STR_INIT("dest_port"), F_DESTINATION_PORT},
	{STR_INIT("proto"), F_NETWORK_TRANSPORT},
	{STR_INIT("app_proto"), F_NETWORK_PROTOCOL},
	{STR_INIT("host"), F_OBSERVER_NAME},
	{STR_INIT("in_iface"), F_INTERFACE_IN},
	{STR_INIT("alert.action"), F_EVENT_ACTION},
	{STR_INIT("alert.signature"), F_RULE_NAME},
	{STR_INIT("alert.signature_id"), F_RULE_ID},
	{STR_INIT("alert.category"), F_RULE_CATEGORY},
	{STR_INIT("alert.severity"), F_EVENT_SEVERITY},
	{STR_INIT("flow.bytes_toserver"), F_SOURCE_BYTES},
	{STR_INIT("flow.bytes_toclient"), F_DESTINATION_BYTES},
	{STR_INIT("flow.pkts_toserver"), F_SOURCE_PACKETS},
	{STR_INIT("flow.pkts_toclient"), F_DESTINATION_PACKETS},
	{STR_INIT("flow.start"), F_EVENT_START},
	{STR_INIT("netflow.bytes"), F_SOURCE_BYTES},
	{STR_INIT("netflow.pkts"), F_SOURCE_PACKETS},
	{STR_INIT("netflow.start"), F_EVENT_START},
	{STR_INIT("http.hostname"), F_URL_DOMAIN},
	{STR_INIT("http.url"), F_URL_ORIGINAL},
	{STR_INIT("http.http_method"), F_HTTP_METHOD},
	{STR_INIT("http.status"), F_HTTP_STATUS},
	{STR_INIT("http.length"), F_HTTP_BYTES},
	{STR_INIT("http.http_refer"), F_HTTP_REFERRER},
	{STR_INIT("http.http_user_agent"), F_USER_AGENT},
	{STR_INIT("dns.rrname"), F_DNS_QUESTION},
	{STR_INIT("dns.rrtype"), F_DNS_TYPE},
	{STR_INIT("dns.query.0.rrname"), F_DNS_QUESTION},
	{STR_INIT("dns.query.0.rrtype"), F_DNS_TYPE},
	{STR_INIT("dns.queries.0.rrname"), F_DNS_QUESTION},
	{STR_INIT("dns.queries.0.rrtype"), F_DNS_TYPE},
	{STR_INIT("dns.rcode"), F_DNS_CODE},
	{STR_INIT("dns.rdata"), F_DNS_ANSWER},
	{STR_INIT("tls.sni"), F_TLS_SNI},
	{STR_INIT("tls.ja3.hash"), F_TLS_JA3},
	{STR_INIT("fileinfo.filename"), F_FILE_PATH},
	{STR_INIT("fileinfo.md5"), F_FILE_MD5},
	{STR_INIT("fileinfo.sha1"), F_FILE_SHA1},
	{STR_INIT("fileinfo.sha256"), F_FILE_SHA256},
	{STR_INIT("email.from"), F_EMAIL_FROM},
	{STR_INIT("email.to"), F_EMAIL_TO},
	{STR_INIT("email.subject"), F_EMAIL_SUBJECT},
	{STR_INIT("smb.filename"), F_FILE_PATH},
	{STR_INIT("krb5.cname"), F_USER_NAME},
	{STR_INIT("rdp.cookie"), F_USER_NAME},
};

WORDS(eve_words, eve_rows)

struct eve {
	struct decode_context *c;
	struct event *e;
};

static void
add_eve(void *user, struct str name, struct str value, enum field_kind kind, bool escaped)
{
	struct eve *w = user;
	struct event *e = w->e;
	uint32_t at = e->field_count;
	event_put(e, w->c->names, name, value, kind, escaped);
	if (at == e->field_count)
		return;
	if (str_eq(name, STR("event_type")))
		e->service = e->code = event_value(e, &e->field[at]);
	else if (str_eq(name, STR("timestamp")))
		(void)time_parse(event_value(e, &e->field[at]), 0, &e->time_ms);
}

static bool
is_answer(const struct field *f)
{
	return f->kind == FIELD_TEXT && str_starts(f->name, STR("dns.answers.")) && str_ends(f->name, STR(".rdata"));
}

/* The data of all answers, one in a line, when the layout lists them; escapes stay. */
static void
put_answers(struct core *k)
{
	struct event *e = k->e;
	size_t room = 0;
	bool escaped = false;
	for (uint32_t i = 0; i < k->native; i++) {
		room += is_answer(&e->field[i]) ? e->field[i].value.n + 2 : 0;
		escaped |= is_answer(&e->field[i]) && e->field[i].escaped;
	}
	char *p = room ? arena_alloc(e->arena, room) : NULL;
	size_t n = 0;
	for (uint32_t i = 0; p && i < k->native; i++) {
		struct str line = escaped ? STR("\\n") : STR("\n"), value = e->field[i].value;
		if (!is_answer(&e->field[i]) || !value.n)
			continue;
		if (n) {
			memcpy(p + n, line.p, line.n);
			n += line.n;
		}
		memcpy(p + n, value.p, value.n);
		n += value.n;
	}
	core_put(k, F_DNS_ANSWER, str_from(p, n), escaped);
}

static struct str
value_of(const struct event *e, struct str name)
{
	const struct field *f = event_find_name(e, name);
	return f && f->kind != FIELD_NULL ? f->value : (struct str){0};
}

/* Flags of a side as two digits of hexadecimal ("1b"), 0 when they are not there. */
static unsigned
flags_of(struct str text)
{
	static const char digits[] = "0123456789abcdef";
	unsigned flags = 0;
	for (size_t i = 0; i < text.n && i < 2; i++) {
		const char *at = memchr(digits, ascii_lower(text.p[i]), 16);
		flags = at ? flags << 4 | (unsigned)(at - digits) : 0;
	}
	return flags;
}

enum { SYN = 0x02, RST = 0x04, ACK = 0x10 };

/* Of one direction alone: nothing but a greeting had no answer, and who acknowledges without greeting goes on talking. */
static struct str
state_of_one_way(const struct event *e)
{
	unsigned flags = flags_of(value_of(e, STR("tcp.tcp_flags")));
	if (flags == SYN || flags == (SYN | RST))
		return STR("unanswered");
	return (flags & (SYN | RST | ACK)) == ACK ? STR("answered") : STR("one_way");
}

/* What the other side did: nothing, said no (a reset without having greeted), or spoke. */
static struct str
state_of(const struct event *e)
{
	struct str packets = value_of(e, STR("flow.pkts_toclient"));
	unsigned answer = flags_of(value_of(e, STR("tcp.tcp_flags_tc")));
	if (str_eq(e->code, STR("netflow")))
		return state_of_one_way(e);
	if (!packets.n)
		return (struct str){0};
	if (str_eq(packets, STR("0")) || str_eq(value_of(e, STR("tcp.state")), STR("syn_sent")))
		return STR("unanswered");
	return (answer & (RST | SYN)) == RST ? STR("refused") : STR("answered");
}

/* Flows have counts and an end, questions of DNS a direction. */
static void
put_flow(struct core *k)
{
	struct event *e = k->e;
	bool flow = str_eq(e->code, STR("flow"));
	if (flow || str_eq(e->code, STR("netflow"))) {
		core_put(k, F_EVENT_TYPE, STR("connection"), false);
		core_put(k, F_FLOW_STATE, state_of(e), false);
		core_put_duration(k, value_of(e, flow ? STR("flow.age") : STR("netflow.age")));
	} else if (str_eq(e->code, STR("dns"))) {
		struct str type = value_of(e, STR("dns.type"));
		bool answer = str_eq(type, STR("answer")) || str_eq(type, STR("response"));
		core_put(k, F_EVENT_TYPE, answer ? STR("answer") : STR("query"), false);
	}
}

static struct str
category_of(struct str type)
{
	static const struct {
		struct str type, category;
	} rows[] = {{STR_INIT("alert"), STR_INIT("intrusion_detection")}, {STR_INIT("http"), STR_INIT("web")},
	    {STR_INIT("fileinfo"), STR_INIT("file")}, {STR_INIT("smtp"), STR_INIT("email")}};
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].type, type))
			return rows[i].category;
	return STR("network");
}

void
decode_eve_layout(struct decode_context *c, struct event *e)
{
	struct eve w = {c, e};
	struct core k;
	flatten(c, e, 0, false, add_eve, &w);
	e->product = STR("suricata");
	e->decoder = DECODER_EVE;
	e->confidence = 100;
	core_begin(&k, e, NULL);
	core_put_all(&k, &eve_words);
	put_answers(&k);
	put_flow(&k);
	core_put(&k, F_EVENT_CODE, e->code, false);
	core_put(&k, F_EVENT_ACTION, e->code, false);
	core_put(&k, F_EVENT_CATEGORY, category_of(e->code), false);
	core_put_joined(&k, F_EVENT_DATASET, STR("suricata"), e->code);
}

int
decode_eve(struct decode_context *c, struct event *e)
{
	if (json_layout(c) != LAYOUT_EVE)
		return E_INVALID;
	decode_eve_layout(c, e);
	return 0;
}
