/* SPDX-License-Identifier: EUPL-1.2 */
/* What an event says of a flow or a question, and which side asked; the lists that say what is ordinary. */
#include <arpa/inet.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/flow_private.h"

#define DURATION_MAX (31 * TIME_DAY)
#define DOMAIN_LABELS 6u /* from the right: no suffix of the lists has more */

/* ---- addresses ---- */

static bool
read_v4(struct str text, uint8_t ret[4])
{
	unsigned number = 0, digits = 0, parts = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c >= '0' && c <= '9' && digits < 3) {
			number = number * 10 + (unsigned)(c - '0');
			digits++;
		} else if (c == '.' && digits && number < 256 && parts < 3) {
			ret[parts++] = (uint8_t)number;
			number = digits = 0;
		} else {
			return false;
		}
	}
	ret[3] = (uint8_t)number;
	return parts == 3 && digits && number < 256;
}

bool
flow_address(struct str text, uint8_t ret[16])
{
	char z[INET6_ADDRSTRLEN];
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	if (read_v4(text, ret + 12))
		return true;
	if (text.n < 2 || text.n >= sizeof z || !memchr(text.p, ':', text.n))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	return inet_pton(AF_INET6, z, ret) == 1;
}

static bool
is_v4(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(address, mapped, sizeof mapped) == 0;
}

/* RFC 1918, 6598, 3927, 1122 (this host, loopback), 4193, 4291. */
bool
flow_private(const uint8_t address[16])
{
	static const uint8_t one[16] = {[15] = 1}, none[16];
	const uint8_t *v4 = address + 12;
	if (is_v4(address))
		return v4[0] == 10 || v4[0] == 127 || v4[0] == 0 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
		    (v4[0] == 192 && v4[1] == 168) || (v4[0] == 169 && v4[1] == 254) || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
	return (address[0] & 0xfe) == 0xfc || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) ||
	    memcmp(address, one, 16) == 0 || memcmp(address, none, 16) == 0;
}

bool
flow_multicast(const uint8_t address[16])
{
	return is_v4(address) ? address[12] >= 224 : address[0] == 0xff;
}

static bool
prefix_holds(const struct flow_prefix *p, const uint8_t address[16])
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;
	if (memcmp(p->address, address, whole))
		return false;
	return rest == 0 || ((p->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool
read_prefix(struct str text, struct flow_prefix *ret)
{
	struct str bits = text, address;
	uint64_t n = 128;
	if (!str_split(&bits, '/', &address) || !flow_address(address, ret->address))
		return false;
	bool v4 = str_find_char(address, ':') < 0;
	if (bits.n && (!str_to_u64(bits, &n) || n > (v4 ? 32 : 128)))
		return false;
	ret->bits = (unsigned)(bits.n && v4 ? n + 96 : n);
	return true;
}

/* ---- reading ---- */

static enum flow_transport
read_transport(struct str text)
{
	if (str_eq_nocase(text, STR("tcp")) || str_eq(text, STR("6")))
		return FLOW_TCP;
	if (str_eq_nocase(text, STR("udp")) || str_eq(text, STR("17")))
		return FLOW_UDP;
	return str_starts_nocase(text, STR("icmp")) || str_starts_nocase(text, STR("ipv6-icmp")) ? FLOW_ICMP : FLOW_OTHER;
}

static enum flow_answer
read_answer(struct str state)
{
	if (str_eq(state, STR("answered")))
		return FLOW_ANSWERED;
	if (str_eq(state, STR("unanswered")))
		return FLOW_UNANSWERED;
	return str_eq(state, STR("refused")) ? FLOW_REFUSED : FLOW_UNTOLD;
}

static uint64_t
read_number(struct str text, uint64_t most)
{
	uint64_t n;
	return str_to_u64(text, &n) && n <= most ? n : 0;
}

/* The fields that matter, as they stand. */
struct said {
	struct str of[NAME_CORE_END];
};

static const uint32_t wanted[] = {F_EVENT_TYPE, F_EVENT_START, F_EVENT_DURATION, F_SOURCE_IP, F_SOURCE_PORT,
	F_SOURCE_BYTES, F_SOURCE_PACKETS, F_DESTINATION_IP, F_DESTINATION_PORT, F_DESTINATION_BYTES, F_DESTINATION_PACKETS,
	F_NETWORK_TRANSPORT, F_FLOW_STATE, F_DNS_QUESTION, F_DNS_TYPE, F_HOST_NAME};

void
flow_wants(struct core_set *ret)
{
	for (size_t i = 0; i < COUNT(wanted); i++)
		core_set_add(ret, wanted[i]);
}

/* Of a flow or of a question: most events tell of neither. */
static bool
tells_of_traffic(const struct event *e)
{
	for (uint32_t i = 0; i < e->field_count; i++) {
		const struct field *field = &e->field[i];
		if (field->core && (field->id == F_EVENT_TYPE || field->id == F_DNS_QUESTION))
			return true;
	}
	return false;
}

static void
gather_said(const struct flow *f, struct event *e, struct said *said)
{
	for (size_t i = 0; i < COUNT(wanted); i++)
		said->of[wanted[i]] = (struct str){0};
	for (uint32_t i = 0; i < e->field_count; i++) {
		struct field *field = &e->field[i];
		uint32_t id = field->core && field->id < NAME_CORE_END ? field->id : 0;
		if (core_set_has(&f->wants, id) && !said->of[id].n)
			said->of[id] = event_value(e, field);
	}
}

/* A sender that claims to come from the future would move windows past all that follows: then the receipt counts. */
static int64_t
moment_of(const struct event *e, int64_t time)
{
	int64_t received = e->raw ? e->raw->received_ms : 0;
	bool sent = e->raw && e->raw->transport != RAW_FILE && received > 0;
	if (time == TIME_NONE || (sent && time > received))
		time = received;
	return time < 0 ? 0 : time > FLOW_TIME_FAR ? FLOW_TIME_FAR : time;
}

/* Told at its end with event.start beside it (EVE), or under the time of its beginning (Zeek). */
static void
read_times(struct flow_record *r, const struct said *said)
{
	int64_t told = moment_of(r->event, r->event->time_ms), start;
	int64_t duration = (int64_t)(read_number(said->of[F_EVENT_DURATION], INT64_MAX) / 1000000);
	r->start = r->end = told;
	if (said->of[F_EVENT_START].n && time_parse(said->of[F_EVENT_START], 0, &start)) {
		if (start <= told && start >= told - DURATION_MAX)
			r->start = start;
	} else if (duration > 0 && duration <= DURATION_MAX) {
		r->end = moment_of(r->event, told + duration);
	}
}

/* Who asks for names on his own machine (Sysmon 22) has a name there and no address; it is ours, as it sends us its log. */
static bool
read_asker(const struct flow *f, struct flow_record *r, const struct said *said)
{
	uint64_t hash = flow_hash(f, said->of[F_HOST_NAME]);
	r->client_text = said->of[F_HOST_NAME];
	r->client_named = true;
	r->client[0] = 0xfd; /* no address begins so and means a machine of others (RFC 4193) */
	memcpy(r->client + 8, &hash, sizeof hash);
	return r->client_text.n;
}

static bool
read_sides(const struct flow *f, struct flow_record *r, const struct said *said)
{
	r->client_text = said->of[F_SOURCE_IP];
	r->server_text = said->of[F_DESTINATION_IP];
	if (!r->client_text.n && said->of[F_DNS_QUESTION].n)
		return read_asker(f, r, said);
	if (!flow_address(r->client_text, r->client))
		return false;
	if (!flow_address(r->server_text, r->server) && !said->of[F_DNS_QUESTION].n)
		return false;
	r->client_port = (uint16_t)read_number(said->of[F_SOURCE_PORT], UINT16_MAX);
	r->server_port = (uint16_t)read_number(said->of[F_DESTINATION_PORT], UINT16_MAX);
	r->transport = read_transport(said->of[F_NETWORK_TRANSPORT]);
	if (r->transport == FLOW_ICMP) /* type and code, which some write in place of ports */
		r->client_port = r->server_port = 0;
	return true;
}

static void
swap(void *a, void *b, size_t n)
{
	char hold[16];
	memcpy(hold, a, n);
	memcpy(a, b, n);
	memcpy(b, hold, n);
}

static void
turn(struct flow_record *r)
{
	swap(r->client, r->server, sizeof r->client);
	swap(&r->client_text, &r->server_text, sizeof r->client_text);
	swap(&r->client_port, &r->server_port, sizeof r->client_port);
	swap(&r->asked_bytes, &r->answered_bytes, sizeof r->asked_bytes);
	swap(&r->asked_packets, &r->answered_packets, sizeof r->asked_packets);
}

/* An answer without its question: one direction alone was counted, the sensor came too late, or nobody had asked. */
static bool
is_reply(const struct flow *f, const struct flow_record *r)
{
	uint16_t from = r->client_port, to = r->server_port;
	if (r->one_way)
		return from && from < 1024 && to >= 1024;
	if (r->transport == FLOW_UDP)
		return flow_is_amplifier(&f->lists, from) && !flow_is_amplifier(&f->lists, to);
	return r->transport == FLOW_TCP && r->answer == FLOW_UNANSWERED && to >= 1024 && (from == 80 || from == 443);
}

static void
orient(const struct flow *f, struct flow_record *r)
{
	if (!is_reply(f, r))
		return;
	turn(r);
	/* A reset alone is no answer, but that takes no more than a packet or two. */
	r->answer = r->transport == FLOW_UDP || r->answered_packets > 2 ? FLOW_ANSWERED : FLOW_UNTOLD;
}

static void
read_counts(struct flow_record *r, const struct said *said)
{
	const uint64_t most = UINT64_C(1) << 50; /* sums of them stay far from their end */
	r->asked_bytes = read_number(said->of[F_SOURCE_BYTES], most);
	r->answered_bytes = read_number(said->of[F_DESTINATION_BYTES], most);
	r->asked_packets = read_number(said->of[F_SOURCE_PACKETS], most);
	r->answered_packets = read_number(said->of[F_DESTINATION_PACKETS], most);
	r->answer = read_answer(said->of[F_FLOW_STATE]);
	r->one_way = str_eq(said->of[F_FLOW_STATE], STR("one_way"));
}

static bool
is_ours(const struct flow *f, const uint8_t address[16])
{
	return flow_private(address) || (f->options.ours && f->options.ours(f->options.user, address));
}

bool
flow_read(const struct flow *f, struct event *e, struct flow_record *ret)
{
	struct said said;
	if (!tells_of_traffic(e))
		return false;
	gather_said(f, e, &said);
	bool question = said.of[F_DNS_QUESTION].n, connection = str_eq(said.of[F_EVENT_TYPE], STR("connection"));
	*ret = (struct flow_record){.event = e};
	if ((!question && !connection) || !read_sides(f, ret, &said))
		return false;
	read_times(ret, &said);
	if (question) {
		ret->name = said.of[F_DNS_QUESTION];
		ret->type = said.of[F_DNS_TYPE];
		ret->is_answer = str_eq(said.of[F_EVENT_TYPE], STR("answer"));
		if (ret->client_port == 53 && ret->server_port != 53 && ret->server_text.n)
			turn(ret);
	} else {
		read_counts(ret, &said);
		orient(f, ret);
	}
	ret->client_ours = is_ours(f, ret->client);
	ret->server_ours = is_ours(f, ret->server);
	return true;
}

/* ---- lists ---- */

static struct str *
word_slot(const struct flow_words *w, struct str word)
{
	uint32_t at = (uint32_t)hash64(word, 0) & (w->cap - 1); /* not from outside: no key */
	while (w->word[at].p && !str_eq(w->word[at], word))
		at = (at + 1) & (w->cap - 1);
	return &w->word[at];
}

static bool
words_have(const struct flow_words *w, struct str word)
{
	return w->cap && word_slot(w, word)->p;
}

static void
read_words(struct flow_words *w, const struct rules *r, struct str list)
{
	uint32_t count;
	const struct str *value = rules_placeholder(r, list, &count);
	for (w->cap = 8; w->cap < count * 2; w->cap *= 2)
		;
	w->word = mem_calloc(w->cap, sizeof *w->word);
	for (uint32_t i = 0; i < count; i++)
		if (value[i].n)
			*word_slot(w, value[i]) = value[i];
}

static bool
read_service(struct str text, uint32_t *ret)
{
	struct str port;
	uint64_t number;
	if (!str_split(&text, '/', &port) || !str_to_u64(port, &number) || number > UINT16_MAX)
		return false;
	*ret = flow_service(text.n ? read_transport(text) : FLOW_UDP, (uint16_t)number);
	return true;
}

static void
read_services(uint32_t **list, uint32_t *n, const struct rules *r, struct str name)
{
	uint32_t count;
	const struct str *value = rules_placeholder(r, name, &count);
	*list = mem_calloc(count + 1, sizeof **list);
	*n = 0;
	for (uint32_t i = 0; i < count; i++)
		*n += read_service(value[i], &(*list)[*n]);
}

void
flow_lists_read(struct flow_lists *l, const struct rules *r)
{
	uint32_t count;
	flow_lists_release(l);
	read_words(&l->suffixes, r, STR("flow_public_suffixes"));
	read_words(&l->domains, r, STR("flow_long_name_domains"));
	read_services(&l->regular, &l->regulars, r, STR("flow_regular_services"));
	read_services(&l->amplifier, &l->amplifiers, r, STR("flow_amplifier_ports"));
	const struct str *host = rules_placeholder(r, STR("flow_regular_hosts"), &count);
	l->regular_hosts = mem_calloc(count + 1, sizeof *l->regular_hosts);
	for (uint32_t i = 0; i < count; i++)
		l->regular_host_count += read_prefix(host[i], &l->regular_hosts[l->regular_host_count]);
}

void
flow_lists_release(struct flow_lists *l)
{
	mem_free(l->suffixes.word);
	mem_free(l->domains.word);
	mem_free(l->regular);
	mem_free(l->amplifier);
	mem_free(l->regular_hosts);
	*l = (struct flow_lists){0};
}

uint32_t
flow_service(enum flow_transport transport, uint16_t port)
{
	return (uint32_t)transport << 16 | port;
}

bool
flow_is_amplifier(const struct flow_lists *l, uint16_t port)
{
	for (uint32_t i = 0; i < l->amplifiers; i++)
		if ((uint16_t)l->amplifier[i] == port)
			return true;
	return false;
}

bool
flow_is_regular(const struct flow_lists *l, const struct flow_record *r)
{
	uint32_t service = flow_service(r->transport, r->server_port);
	for (uint32_t i = 0; i < l->regulars; i++)
		if (l->regular[i] == service)
			return true;
	for (uint32_t i = 0; i < l->regular_host_count; i++)
		if (prefix_holds(&l->regular_hosts[i], r->server) || prefix_holds(&l->regular_hosts[i], r->client))
			return true;
	return false;
}

/* Where the label before `end` begins. */
static size_t
label_before(struct str name, size_t end)
{
	while (end && name.p[end - 1] != '.')
		end--;
	return end;
}

struct str
flow_registered(const struct flow_lists *l, struct str name)
{
	size_t start = label_before(name, name.n), labels = 1, suffix = 1;
	struct str found = {0};
	/* From the right: the longest suffix of the list counts, else the last label; one label more is registered. */
	for (;; labels++) {
		struct str tail = str_skip(name, start);
		if (words_have(&l->domains, tail))
			return (struct str){0};
		if (words_have(&l->suffixes, tail) && labels == suffix + 1)
			suffix = labels;
		if (labels == suffix + 1)
			found = tail;
		if (!start || labels == DOMAIN_LABELS)
			return found;
		start = label_before(name, start - 1);
	}
}
