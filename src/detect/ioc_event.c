/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/ioc_event.h"

#define PIECES_MAX 64u /* of one value that lists several */
#define LOOKED_AT 4096u /* bytes of one value */

/* What a field may hold. */
enum holds { HOLDS_NOTHING, HOLDS_ADDRESS, HOLDS_HOST, HOLDS_HOSTS, HOLDS_URL, HOLDS_HASH, HOLDS_HASHES, HOLDS_MAILS };

static const uint8_t holds[NAME_CORE_END] = {
	[F_SOURCE_IP] = HOLDS_ADDRESS,
	[F_DESTINATION_IP] = HOLDS_ADDRESS,
	[F_SOURCE_DOMAIN] = HOLDS_HOST,
	[F_DESTINATION_DOMAIN] = HOLDS_HOST,
	[F_DNS_QUESTION] = HOLDS_HOST,
	[F_DNS_ANSWER] = HOLDS_HOSTS,
	[F_URL_DOMAIN] = HOLDS_HOST,
	[F_TLS_SNI] = HOLDS_HOST,
	[F_URL_ORIGINAL] = HOLDS_URL,
	[F_FILE_MD5] = HOLDS_HASH,
	[F_FILE_SHA1] = HOLDS_HASH,
	[F_FILE_SHA256] = HOLDS_HASH,
	[F_EMAIL_FROM] = HOLDS_MAILS,
	[F_EMAIL_TO] = HOLDS_MAILS,
};

struct search {
	const struct ioc *ioc;
	const struct ioc_rules *rules;
	struct event *event;
	struct arena *arena;
	struct ioc_when when;
	struct finding found[IOC_EVENT_MAX];
	uint32_t count;
	const struct field *field; /* being looked at */
};

void
ioc_rules_find(const struct rules *rules, struct ioc_rules *ret)
{
	static const struct str engines[IOC_KINDS] = {[IOC_IP] = STR_INIT("indicator.ip"),
		[IOC_CIDR] = STR_INIT("indicator.ip"), [IOC_DOMAIN] = STR_INIT("indicator.domain"),
		[IOC_URL] = STR_INIT("indicator.url"), [IOC_HASH] = STR_INIT("indicator.hash"),
		[IOC_MAIL] = STR_INIT("indicator.mail")};
	*ret = (struct ioc_rules){.hashes = names_find(rules_names(rules), STR("Hashes"))};
	for (size_t i = 0; i < IOC_KINDS; i++) {
		const struct rule_info *rule = rules_engine(rules, engines[i]);
		ret->rule[i] = rule && !rule->off ? rule : NULL;
		ret->any = ret->any || ret->rule[i];
	}
}

void
ioc_event_wants(struct core_set *ret)
{
	for (uint32_t id = 0; id < NAME_CORE_END; id++)
		if (holds[id] != HOLDS_NOTHING)
			core_set_add(ret, id);
}

static bool
wanted(const struct search *s, enum ioc_kind kind)
{
	return s->rules->rule[kind] && ioc_has(s->ioc, kind);
}

static void
add(struct search *s, enum ioc_kind kind, struct str value, const struct ioc_hit *hit)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->found[i].indicator == hit->number)
			return;
	struct finding_field *matched = s->count < IOC_EVENT_MAX ? ARENA_NEW(s->arena, struct finding_field) : NULL;
	if (!matched || !arena_copy(s->arena, str_cut(value, 0, 1024), &matched->value))
		return;
	matched->name = s->field->name;
	s->found[s->count++] = (struct finding){.rule = s->rules->rule[kind], .event = s->event, .matched = matched,
	    .matched_count = 1, .indicator = hit->number};
}

static void
ask(struct search *s, enum ioc_kind kind, struct str value)
{
	char text[IOC_VALUE_MAX];
	struct ioc_hit hit;
	if (!wanted(s, kind))
		return;
	struct str normal = str_from(text, ioc_normalise(kind, value, text));
	if (normal.n && ioc_find_when(s->ioc, kind, normal, s->when, &hit))
		add(s, kind, value, &hit);
}

static bool
ask_address(struct search *s, struct str value)
{
	uint8_t address[16];
	struct ioc_hit hit;
	if (!ioc_address(value, address))
		return false;
	if (wanted(s, IOC_IP) && ioc_find_address_when(s->ioc, address, s->when, &hit))
		add(s, IOC_IP, value, &hit);
	return true;
}

/* A name or an address, perhaps with a port. */
static void
ask_host(struct search *s, struct str value)
{
	if (ask_address(s, value))
		return;
	ptrdiff_t colon = str_find_char(value, ':');
	if (colon > 0) {
		value.n = (size_t)colon;
		if (ask_address(s, value))
			return;
	}
	ask(s, IOC_DOMAIN, value);
}

/* "a.example;::ffff:192.0.2.1;", "type:  5 b.example", "192.0.2.1, 192.0.2.2", and lists, an item a line */
static void
ask_pieces(struct search *s, struct str value, void (*each)(struct search *s, struct str piece))
{
	size_t at = 0;
	for (uint32_t n = 0; n < PIECES_MAX && at < value.n; n++) {
		size_t from = at;
		while (at < value.n && !memchr(",; \t\r\n[]\"", value.p[at], 9))
			at++;
		if (at > from)
			each(s, str_cut(value, from, at));
		at++;
	}
}

static void
ask_mail(struct search *s, struct str value)
{
	if (str_find_char(value, '@') < 0)
		return;
	ask(s, IOC_MAIL, value);
	while (value.n && memchr("<>", value.p[value.n - 1], 2))
		value.n--;
	ask(s, IOC_DOMAIN, str_skip(value, (size_t)str_find_char(value, '@') + 1));
}

/* Sysmon: "SHA1=..,MD5=..,SHA256=..,IMPHASH=.." */
static void
ask_hash(struct search *s, struct str value)
{
	ask(s, IOC_HASH, value);
}

static const struct field *
host_of(const struct event *e)
{
	const struct field *f = event_find(e, F_URL_DOMAIN);
	return f && f->value.n ? f : event_find(e, F_DESTINATION_DOMAIN);
}

/* A whole URL; or a path, whose host stands elsewhere and whose scheme nobody says. */
static void
ask_url(struct search *s, struct str value)
{
	static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
	char text[IOC_VALUE_MAX];
	const struct field *host = host_of(s->event);
	if (str_find(str_cut(value, 0, 32), STR("://")) > 0) {
		struct str normal = str_from(text, ioc_normalise(IOC_URL, value, text));
		ask(s, IOC_URL, value);
		if (!host && normal.n)
			ask_host(s, ioc_url_host(normal));
		return;
	}
	if (!wanted(s, IOC_URL) || !host || !value.n || value.p[0] != '/')
		return;
	for (size_t i = 0; i < COUNT(schemes); i++) {
		const struct str part[] = {schemes[i], host->value, value};
		size_t n = 0;
		for (size_t k = 0; k < COUNT(part) && n + part[k].n <= sizeof text; n += part[k++].n)
			memcpy(text + n, part[k].p, part[k].n);
		if (n == schemes[i].n + host->value.n + value.n)
			ask(s, IOC_URL, str_from(text, n));
	}
}

static void
look_at(struct search *s, struct field *f, enum holds what)
{
	struct str value = str_cut(event_value(s->event, f), 0, LOOKED_AT);
	s->field = f;
	switch (what) {
	case HOLDS_ADDRESS:
		ask_address(s, value);
		break;
	case HOLDS_HOST:
		ask_host(s, value);
		break;
	case HOLDS_HOSTS:
		ask_pieces(s, value, ask_host);
		break;
	case HOLDS_URL:
		ask_url(s, value);
		break;
	case HOLDS_HASH:
		ask_hash(s, value);
		break;
	case HOLDS_HASHES:
		ask_pieces(s, value, ask_hash);
		break;
	case HOLDS_MAILS:
		ask_pieces(s, value, ask_mail);
		break;
	case HOLDS_NOTHING:
		break;
	}
}

/* A record without a time of receipt (a file that is scanned) has its own alone. */
static struct ioc_when
when_of(const struct event *e)
{
	int64_t claimed = event_time(e), received = e->raw && e->raw->received_ms ? e->raw->received_ms : claimed;
	return claimed < received ? (struct ioc_when){claimed, received} : (struct ioc_when){received, claimed};
}

void
ioc_event(const struct ioc *ioc, const struct ioc_rules *rules, struct event *e, struct arena *arena,
    struct finding **list, uint32_t *count)
{
	struct search s;
	if (!ioc || !rules->any || !ioc_count(ioc))
		return;
	s = (struct search){.ioc = ioc, .rules = rules, .event = e, .arena = arena, .when = when_of(e)};
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *f = &e->field[i];
		enum holds what = f->core ? (enum holds)holds[f->id] : HOLDS_NOTHING;
		if (!f->core && f->id != NAME_UNKNOWN && f->id == rules->hashes)
			what = HOLDS_HASHES;
		if (what != HOLDS_NOTHING)
			look_at(&s, f, what);
	}
	struct finding *all = s.count ? arena_calloc(arena, *count + s.count, sizeof *all) : NULL;
	if (!all)
		return;
	if (*count)
		memcpy(all, *list, *count * sizeof *all);
	memcpy(all + *count, s.found, s.count * sizeof *all);
	*list = all;
	*count += s.count;
}
