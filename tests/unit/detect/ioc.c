/* SPDX-License-Identifier: EUPL-1.2 */
#include "detect/ioc.h"

#include "detect/ioc_event.h"
#include "detect/ioc_image.h"
#include "tap.h"

TEST(values_have_one_form)
{
	static const struct {
		enum ioc_kind kind;
		const char *text, *want; /* "" = no such value */
	} row[] = {
		{IOC_IP, " 203.0.113.9 ", "203.0.113.9"},
		{IOC_IP, "203.0.113.9/32", "203.0.113.9"},
		{IOC_IP, "203.0.113.09", ""},
		{IOC_IP, "203.0.113.256", ""},
		{IOC_IP, "203.0.113", ""},
		{IOC_IP, "203.0.113.9.", ""},
		{IOC_IP, "::FFFF:203.0.113.9", "203.0.113.9"},
		{IOC_IP, "2001:DB8:0:0::1", "2001:db8::1"},
		{IOC_IP, "2001:db8::1/128", "2001:db8::1"},
		{IOC_IP, "2001:db8::g", ""},
		{IOC_IP, "", ""},
		{IOC_CIDR, "203.0.113.77/24", "203.0.113.0/24"},
		{IOC_CIDR, "203.0.113.77/33", ""},
		{IOC_CIDR, "203.0.113.77/", ""},
		{IOC_CIDR, "203.0.113.77", ""},
		{IOC_CIDR, "0.0.0.0/0", "0.0.0.0/0"},
		{IOC_CIDR, "2001:db8:ffff::/33", "2001:db8:8000::/33"},
		{IOC_CIDR, "::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{IOC_CIDR, "::/0", "::/0"},
		{IOC_DOMAIN, "Evil.Example.", "evil.example"},
		{IOC_DOMAIN, "*.evil.example", "evil.example"},
		{IOC_DOMAIN, "_dmarc.evil-1.example", "_dmarc.evil-1.example"},
		{IOC_DOMAIN, "vi\xe1\xbb\x87t-nam.vn", "xn--vit-nam-zv4c.vn"},
		{IOC_DOMAIN, "VI\xe1\xbb\x86T-NAM.VN", "xn--vit-nam-zv4c.vn"},
		{IOC_DOMAIN, "b\xc3\xbc""cher.example", "xn--bcher-kva.example"},
		{IOC_DOMAIN, "\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe4\xb8\x8d\xe8\xaf\xb4\xe4\xb8\xad\xe6\x96\x87.x",
			"xn--ihqwcrb4cv8a8dqg056pqjye.x"}, /* RFC 3492, 7.1 (B) */
		{IOC_DOMAIN, "bad\xff\xfe.example", ""},
		{IOC_DOMAIN, "localhost", ""},
		{IOC_DOMAIN, "a..example", ""},
		{IOC_DOMAIN, "1.2.3.4", ""},
		{IOC_DOMAIN, "a b.example", ""},
		{IOC_DOMAIN, "evil.example/path", ""},
		{IOC_URL, "HTTP://User:pw@Evil.Example:80?a=b#frag", "http://evil.example/?a=b"},
		{IOC_URL, "https://evil.example:8443/A/%7euser/%2f%2F", "https://evil.example:8443/A/~user/%2F%2F"},
		{IOC_URL, "http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"},
		{IOC_URL, "http://203.0.113.9/a b", "http://203.0.113.9/a%20b"},
		{IOC_URL, "http://evil.example/\xe1\xbb\x87", "http://evil.example/%E1%BB%87"},
		{IOC_URL, "http://evil.example\\@good.example/", "http://evil.example\\@good.example/"},
		{IOC_URL, "evil.example/path", ""},
		{IOC_URL, "://x", ""},
		{IOC_URL, "http://", ""},
		{IOC_URL, "http://a b/", ""},
		{IOC_HASH, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_HASH, "MD5=D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_HASH, "IMPHASH=D41D8CD98F00B204E9800998ECF8427E", "imphash:d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_HASH, "imphash:d41d8cd98f00b204e9800998ecf8427e", "imphash:d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_HASH, "sha1:d41d8cd98f00b204e9800998ecf8427e", ""},
		{IOC_HASH, "da39a3ee5e6b4b0d3255bfef95601890afd8070g", ""},
		{IOC_HASH, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{IOC_MAIL, "Lua Dao <MAIL.it@Evil.Example>", "mail.it@evil.example"},
		{IOC_MAIL, "mailto:a@b.example", "a@b.example"},
		{IOC_MAIL, "a@b", ""},
		{IOC_MAIL, "@b.example", ""},
		{IOC_MAIL, "a b@c.example", ""},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		char out[IOC_VALUE_MAX], again[IOC_VALUE_MAX];
		size_t n = ioc_normalise(row[i].kind, str_z(row[i].text), out);
		CHECK_STR(str_from(out, n), str_z(row[i].want));
		if (!n)
			continue;
		size_t m = ioc_normalise(row[i].kind, str_from(out, n), again);
		tap_check(str_eq(str_from(out, n), str_from(again, m)), __FILE__, __LINE__, "%s is not its own form", row[i].want);
	}
}

TEST(kinds_are_guessed)
{
	static const struct {
		const char *text;
		const char *want;
	} row[] = {{"203.0.113.9", "ip"}, {"2001:db8::", "ip"}, {"203.0.113.0/24", "cidr"}, {"203.0.113.9/32", "ip"},
		{"evil.example", "domain"}, {"http://evil.example/x", "url"}, {"a@evil.example", "mail"},
		{"d41d8cd98f00b204e9800998ecf8427e", "hash"}, {"word", ""}, {"", ""}, {"a sentence of words.", ""}};
	for (size_t i = 0; i < COUNT(row); i++) {
		enum ioc_kind kind = IOC_IP;
		bool known = ioc_guess(str_z(row[i].text), &kind);
		CHECK_STR(known ? str_z(ioc_kind_name(kind)) : STR(""), str_z(row[i].want));
	}
}

TEST(what_reports_made_harmless_is_read)
{
	static const struct {
		const char *text, *want;
	} row[] = {{"hxxp://evil[.]example/x", "http://evil.example/x"}, {"hXXps[:]//evil(dot)example", "https://evil.example"},
		{"203[.]0[.]113[.]9", "203.0.113.9"}, {"a[at]evil[dot]example", "a@evil.example"},
		{"\"evil.example\"", "evil.example"}, {"h**ps://evil{.}example", "https://evil.example"},
		{"fxp://evil\\.example", "ftp://evil.example"}, {"plain.example", "plain.example"}, {"", ""}};
	for (size_t i = 0; i < COUNT(row); i++) {
		char out[IOC_VALUE_MAX];
		CHECK_STR(str_from(out, ioc_refang(str_z(row[i].text), out)), str_z(row[i].want));
	}
}

struct given {
	enum ioc_kind kind;
	const char *value;
	uint32_t number;
	uint8_t confidence;
	int64_t from, until;
};

static struct ioc *
open_set(const struct given *row, size_t count, struct buf *image)
{
	struct ioc_builder *b = ioc_builder_new(42, 7);
	struct ioc *ioc = NULL;
	for (size_t i = 0; i < count; i++) {
		struct ioc_entry e = {row[i].kind, str_z(row[i].value), row[i].number, row[i].confidence,
		    row[i].from ? row[i].from : INT64_MIN, row[i].until ? row[i].until : IOC_FOR_EVER};
		CHECK_INT(ioc_builder_add(b, &e), 0);
	}
	CHECK_INT(ioc_builder_finish(b, image), 0);
	ioc_builder_free(b);
	CHECK_INT(ioc_open(buf_str(image), &ioc), 0);
	return ioc;
}

static const struct given set[] = {
	{IOC_IP, "203.0.113.9", 1, 50, 0, 0},
	{IOC_CIDR, "198.51.100.0/24", 2, 50, 0, 0},
	{IOC_CIDR, "198.51.100.64/26", 3, 50, 0, 2000},
	{IOC_CIDR, "198.51.100.64/30", 4, 50, 5000, 0},
	{IOC_DOMAIN, "example.com", 5, 50, 0, 0},
	{IOC_DOMAIN, "deep.bad.example", 6, 50, 0, 0},
	{IOC_URL, "http://evil.example/x", 7, 50, 0, 0},
	{IOC_HASH, "d41d8cd98f00b204e9800998ecf8427e", 8, 50, 1000, 2000},
	{IOC_MAIL, "a@evil.example", 9, 50, 0, 0},
	{IOC_IP, "2001:db8::9", 10, 50, 0, 0},
	{IOC_CIDR, "2001:db8:7::/48", 11, 50, 0, 0},
	{IOC_IP, "192.0.2.1", 12, 20, 0, 0},
	{IOC_IP, "192.0.2.1", 13, 90, 0, 3000},
	{IOC_HASH, "imphash:d41d8cd98f00b204e9800998ecf8427e", 14, 50, 0, 0},
	{IOC_CIDR, "10.0.0.0/8", 15, 50, 0, 0},
};

TEST(what_is_in_the_set_is_found)
{
	static const struct {
		enum ioc_kind kind;
		const char *value;
		int64_t time;
		uint32_t want;
		const char *part;
	} row[] = {
		{IOC_IP, "203.0.113.9", 1, 1, "203.0.113.9"},
		{IOC_IP, "203.0.113.8", 1, 0, ""},
		{IOC_IP, "198.51.100.1", 1, 2, "198.51.100.1"},
		{IOC_IP, "198.51.99.255", 1, 0, ""},
		{IOC_IP, "198.51.101.0", 1, 0, ""},
		{IOC_IP, "198.51.100.65", 1, 3, "198.51.100.65"},
		{IOC_IP, "198.51.100.65", 2000, 2, "198.51.100.65"}, /* the narrower ones do not hold then */
		{IOC_IP, "198.51.100.65", 5000, 4, "198.51.100.65"},
		{IOC_IP, "198.51.100.68", 5000, 2, "198.51.100.68"},
		{IOC_IP, "10.255.255.255", 1, 15, "10.255.255.255"},
		{IOC_IP, "11.0.0.0", 1, 0, ""},
		{IOC_IP, "2001:db8::9", 1, 10, "2001:db8::9"},
		{IOC_IP, "2001:db8:7:1::1", 1, 11, "2001:db8:7:1::1"},
		{IOC_IP, "2001:db8:8::", 1, 0, ""},
		{IOC_IP, "192.0.2.1", 1, 13, "192.0.2.1"},    /* the surer */
		{IOC_IP, "192.0.2.1", 3000, 12, "192.0.2.1"}, /* which is over */
		{IOC_DOMAIN, "example.com", 1, 5, "example.com"},
		{IOC_DOMAIN, "a.b.example.com", 1, 5, "example.com"},
		{IOC_DOMAIN, "evilexample.com", 1, 0, ""},
		{IOC_DOMAIN, "example.com.evil.net", 1, 0, ""},
		{IOC_DOMAIN, "com", 1, 0, ""},
		{IOC_DOMAIN, "bad.example", 1, 0, ""},
		{IOC_DOMAIN, "x.deep.bad.example", 1, 6, "deep.bad.example"},
		{IOC_URL, "http://evil.example/x", 1, 7, "http://evil.example/x"},
		{IOC_URL, "http://evil.example/X", 1, 0, ""},
		{IOC_HASH, "d41d8cd98f00b204e9800998ecf8427e", 999, 0, ""},
		{IOC_HASH, "d41d8cd98f00b204e9800998ecf8427e", 1000, 8, "d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_HASH, "d41d8cd98f00b204e9800998ecf8427e", 1999, 8, "d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_HASH, "d41d8cd98f00b204e9800998ecf8427e", 2000, 0, ""},
		{IOC_HASH, "imphash:d41d8cd98f00b204e9800998ecf8427e", 1, 14, "imphash:d41d8cd98f00b204e9800998ecf8427e"},
		{IOC_MAIL, "a@evil.example", 1, 9, "a@evil.example"},
		{IOC_MAIL, "b@evil.example", 1, 0, ""},
		{IOC_CIDR, "10.0.0.0/8", 1, 0, ""},
	};
	struct buf image = BUF_INIT;
	struct ioc *ioc = open_set(set, COUNT(set), &image);
	CHECK_INT(ioc_count(ioc), COUNT(set));
	CHECK_INT(ioc_generation(ioc), 7);
	CHECK(ioc_has(ioc, IOC_MAIL) && ioc_has(ioc, IOC_CIDR));
	for (size_t i = 0; i < COUNT(row); i++) {
		struct ioc_hit hit = {0};
		bool found = ioc_find(ioc, row[i].kind, str_z(row[i].value), row[i].time, &hit);
		tap_check(found == (row[i].want != 0) && hit.number == row[i].want, __FILE__, __LINE__, "%s at %lld: %u, want %u",
		    row[i].value, (long long)row[i].time, hit.number, row[i].want);
		CHECK_STR(hit.value, str_z(row[i].part));
	}
	ioc_close(ioc);
	buf_release(&image);
}

TEST(one_value_of_very_many_feeds_stays_cheap)
{
	struct ioc_builder *b = ioc_builder_new(1, 1);
	struct buf image = BUF_INIT;
	struct ioc *ioc = NULL;
	struct ioc_hit hit = {0};
	for (uint32_t i = 1; i <= 20000; i++) {
		struct ioc_entry e = {i % 2 ? IOC_DOMAIN : IOC_CIDR, i % 2 ? STR("same.example") : STR("192.0.2.0/24"), i,
		    (uint8_t)(i % 100), (int64_t)i, i + 100};
		CHECK(ioc_builder_add(b, &e) == 0);
	}
	CHECK_INT(ioc_builder_finish(b, &image), 0);
	CHECK(image.n < 1 << 20);
	CHECK_INT(ioc_open(buf_str(&image), &ioc), 0);
	CHECK(ioc_find(ioc, IOC_DOMAIN, STR("a.same.example"), 50, &hit));
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("a.same.example"), 30000, &hit));
	/* valid in 1 .. 20,099: what claims another time than it came at is asked for all of the time between */
	static const struct {
		struct ioc_when when;
		bool found;
	} row[] = {{{-5, 0}, false}, {{-5, 50}, true}, {{50, 30000}, true}, {{-5, 30000}, true}, {{30000, 40000}, false}};
	for (size_t i = 0; i < COUNT(row); i++)
		tap_check(ioc_find_when(ioc, IOC_DOMAIN, STR("a.same.example"), row[i].when, &hit) == row[i].found, __FILE__, __LINE__,
		    "%lld .. %lld", (long long)row[i].when.first_ms, (long long)row[i].when.last_ms);
	ioc_close(ioc);
	ioc_builder_free(b);
	buf_release(&image);
}

TEST(numbers_rise_and_values_are_values)
{
	struct ioc_builder *b = ioc_builder_new(1, 1);
	struct ioc_entry e = {IOC_IP, STR("192.0.2.1"), 5, 50, INT64_MIN, IOC_FOR_EVER};
	CHECK_INT(ioc_builder_add(b, &e), 0);
	CHECK_INT(ioc_builder_add(b, &e), E_INVALID);
	e.number = 4;
	CHECK_INT(ioc_builder_add(b, &e), E_INVALID);
	e = (struct ioc_entry){IOC_URL, STR("not a url"), 6, 50, INT64_MIN, IOC_FOR_EVER};
	CHECK_INT(ioc_builder_add(b, &e), E_INVALID);
	CHECK_INT(ioc_builder_count(b), 1);
	ioc_builder_free(b);
}

TEST(an_empty_set_opens_and_holds_nothing)
{
	struct buf image = BUF_INIT;
	struct ioc *ioc = open_set(NULL, 0, &image);
	struct ioc_hit hit;
	CHECK_INT(ioc_count(ioc), 0);
	for (int kind = 0; kind < IOC_KINDS; kind++)
		CHECK(!ioc_has(ioc, (enum ioc_kind)kind));
	CHECK(!ioc_find(ioc, IOC_IP, STR("192.0.2.1"), 1, &hit));
	CHECK(!ioc_find(ioc, IOC_DOMAIN, STR("a.example"), 1, &hit));
	ioc_close(ioc);
	buf_release(&image);
}

/* A byte changed anywhere is noticed; with the checksum made good again it is refused or harmless. */
TEST(damage_is_refused)
{
	struct buf image = BUF_INIT, copy = BUF_INIT;
	struct ioc *ioc = open_set(set, COUNT(set), &image), *other = NULL;
	ioc_close(ioc);
	uint32_t opened = 0;
	for (size_t n = 0; n < image.n; n += n < 1000 ? 1 : 997)
		CHECK(ioc_open(str_cut(buf_str(&image), 0, n), &other) < 0);
	for (size_t at = 0; at < image.n; at += at < 2000 ? 1 : 251) {
		buf_clear(&copy);
		buf_add(&copy, buf_str(&image));
		copy.p[at] = (char)(copy.p[at] ^ 0x41);
		CHECK(ioc_open(buf_str(&copy), &other) < 0);
		struct ioc_header *h = (void *)copy.p;
		if (at >= IOC_CRC_FROM && h->bytes == copy.n)
			h->crc = crc32c(0, str_skip(buf_str(&copy), IOC_CRC_FROM));
		if (ioc_open(buf_str(&copy), &other) < 0)
			continue;
		opened++;
		for (size_t i = 0; i < COUNT(set); i++) {
			struct ioc_hit hit;
			(void)ioc_find(other, set[i].kind, str_z(set[i].value), 1500, &hit);
		}
		ioc_close(other);
	}
	CHECK(opened > 0);
	struct ioc_header *h = (void *)image.p;
	h->magic ^= UINT64_C(3) << 56;
	CHECK_INT(ioc_open(buf_str(&image), &other), E_UNSUPPORTED);
	buf_release(&image);
	buf_release(&copy);
}

/* --- events --- */

static const char engine_rules[] =
    "title: ip\nid: e-ip\nlevel: high\nkhien: {engine: indicator.ip}\n---\n"
    "title: domain\nid: e-domain\nlevel: high\nkhien: {engine: indicator.domain}\n---\n"
    "title: url\nid: e-url\nlevel: high\nkhien: {engine: indicator.url}\n---\n"
    "title: hash\nid: e-hash\nlevel: high\nkhien: {engine: indicator.hash}\n---\n"
    "title: mail\nid: e-mail\nlevel: high\nkhien: {engine: indicator.mail}\n";

TEST(the_fields_of_an_event_are_looked_up)
{
	static const struct {
		uint32_t field;
		const char *value, *rule, *matched;
		uint32_t number;
	} row[] = {
		{F_SOURCE_IP, "203.0.113.9", "e-ip", "203.0.113.9", 1},
		{F_DESTINATION_IP, "198.51.100.7", "e-ip", "198.51.100.7", 2},
		{F_HOST_IP, "203.0.113.9", "", "", 0}, /* whose log it is */
		{F_DNS_QUESTION, "WWW.Example.COM.", "e-domain", "WWW.Example.COM.", 5},
		{F_DNS_QUESTION, "evilexample.com", "", "", 0},
		{F_DNS_ANSWER, "type:  5 cdn.example.com;::ffff:8.8.8.8;", "e-domain", "cdn.example.com", 5},
		{F_DNS_ANSWER, "192.0.2.77, 203.0.113.9", "e-ip", "203.0.113.9", 1},
		{F_DNS_ANSWER, "192.0.2.77\n203.0.113.9\n", "e-ip", "203.0.113.9", 1}, /* a list of Zeek */
		{F_TLS_SNI, "example.com", "e-domain", "example.com", 5},
		{F_URL_DOMAIN, "203.0.113.9:8080", "e-ip", "203.0.113.9", 1},
		{F_URL_ORIGINAL, "HTTP://evil.example:80/x#y", "e-url", "HTTP://evil.example:80/x#y", 7},
		{F_URL_ORIGINAL, "http://a.example.com/", "e-domain", "a.example.com", 5},
		{F_FILE_MD5, "D41D8CD98F00B204E9800998ECF8427E", "e-hash", "D41D8CD98F00B204E9800998ECF8427E", 8},
		{F_EMAIL_FROM, "Bad <A@EVIL.example>", "e-mail", "<A@EVIL.example>", 9},
		{F_EMAIL_TO, "x@y.example, z@mx.example.com", "e-domain", "mx.example.com", 5},
		{F_USER_AGENT, "203.0.113.9", "", "", 0},
	};
	struct rules *r = rules_new();
	struct ioc_rules engines;
	struct buf image = BUF_INIT;
	struct ioc *ioc = open_set(set, COUNT(set), &image);
	CHECK_INT(rules_add(r, STR(engine_rules), STR("e.yml"), NULL, NULL), 5);
	CHECK_INT(rules_finish(r, NULL, NULL), 0);
	ioc_rules_find(r, &engines);
	CHECK(engines.any);
	for (size_t i = 0; i < COUNT(row); i++) {
		struct arena arena;
		struct raw raw = {.received_ms = 1500};
		struct event e = {0};
		struct finding *list = NULL;
		uint32_t count = 0;
		arena_init(&arena, 4096, 1 << 20);
		event_begin(&e, &arena, &raw);
		e.time_ms = TIME_NONE;
		event_put_core(&e, row[i].field, str_z(row[i].value));
		ioc_event(ioc, &engines, &e, &arena, &list, &count);
		CHECK_INT(count, row[i].number ? 1 : 0);
		if (count) {
			CHECK_STR(list->rule->id, str_z(row[i].rule));
			CHECK_INT(list->indicator, row[i].number);
			CHECK_STR(list->matched->value, str_z(row[i].matched));
		}
		arena_release(&arena);
	}
	ioc_close(ioc);
	rules_free(r);
	buf_release(&image);
}

TEST(a_path_and_its_host_make_a_url)
{
	struct rules *r = rules_new();
	struct ioc_rules engines;
	struct buf image = BUF_INIT;
	struct ioc *ioc = open_set(set, COUNT(set), &image);
	struct arena arena;
	struct raw raw = {.received_ms = 1500};
	struct event e = {0};
	struct finding first = {.matched_count = 0}, *list = &first;
	uint32_t count = 1;
	CHECK_INT(rules_add(r, STR(engine_rules), STR("e.yml"), NULL, NULL), 5);
	CHECK_INT(rules_finish(r, NULL, NULL), 0);
	ioc_rules_find(r, &engines);
	arena_init(&arena, 4096, 1 << 20);
	event_begin(&e, &arena, &raw);
	e.time_ms = 1000;
	event_put_core(&e, F_URL_DOMAIN, STR("Evil.example"));
	event_put_core(&e, F_URL_ORIGINAL, STR("/x"));
	event_put_core(&e, F_SOURCE_IP, STR("203.0.113.9"));
	event_put_core(&e, F_DESTINATION_IP, STR("203.0.113.9"));
	event_put(&e, rules_names(r), STR("Hashes"),
	    STR("SHA1=da39a3ee5e6b4b0d3255bfef95601890afd80709,IMPHASH=D41D8CD98F00B204E9800998ECF8427E"), FIELD_TEXT, false);
	ioc_event(ioc, &engines, &e, &arena, &list, &count);
	CHECK_INT(count, 4); /* what was there, the URL, the address once, the imphash */
	CHECK_INT(list[0].indicator, 0);
	CHECK_INT(list[1].indicator, 7);
	CHECK_INT(list[2].indicator, 1);
	CHECK_STR(list[2].matched->name, STR("source.ip"));
	CHECK_INT(list[3].indicator, 14);
	/* Without the engine's rule nothing happens. */
	struct rules *none = rules_new();
	CHECK_INT(rules_finish(none, NULL, NULL), 0);
	ioc_rules_find(none, &engines);
	count = 0;
	ioc_event(ioc, &engines, &e, &arena, &list, &count);
	CHECK_INT(count, 0);
	rules_free(none);
	rules_free(r);
	ioc_close(ioc);
	arena_release(&arena);
	buf_release(&image);
}
