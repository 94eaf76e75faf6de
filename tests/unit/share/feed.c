/* SPDX-License-Identifier: EUPL-1.2 */
#include "share/feed.h"

#include "tap.h"

/* What a feed gave, as text: "kind value tlp confidence from until revoked @line\n", refusals as "! what arg @line:column". */
static struct buf got;

static int
on_item(void *user, const struct feed_item *i)
{
	int *stop_after = user;
	buf_addf(&got, "%s %.*s", ioc_kind_name(i->kind), STR_ARG(i->value));
	if (i->tlp >= 0)
		buf_addf(&got, " tlp:%s", tlp_name((enum tlp)i->tlp));
	if (i->confidence >= 0)
		buf_addf(&got, " c:%d", i->confidence);
	if (i->from_ms != TIME_NONE)
		buf_addf(&got, " from:%lld", (long long)i->from_ms / 1000);
	if (i->until_ms != TIME_NONE)
		buf_addf(&got, " until:%lld", (long long)i->until_ms / 1000);
	if (i->revoked)
		buf_add(&got, STR(" revoked"));
	if (i->note.n)
		buf_addf(&got, " (%.*s)", STR_ARG(i->note));
	if (i->reference.n)
		buf_addf(&got, " <%.*s>", STR_ARG(i->reference));
	buf_addf(&got, " @%u\n", i->line);
	return stop_after && --*stop_after == 0 ? E_FULL : 0;
}

static void
on_refused(void *user, const struct fault *f)
{
	buf_addf(&got, "! %s %s @%u:%u\n", f->what, f->arg, f->line, f->column);
}

static struct feed_counts counts;

static int
read_text(struct str text, enum feed_format format)
{
	const struct feed_events events = {on_item, on_refused, NULL};
	buf_clear(&got);
	buf_add(&got, STR(""));
	return feed_read(text, format, &events, &counts);
}

TEST(a_list_is_read_line_by_line)
{
	CHECK_INT(read_text(STR("# bad hosts\n203.0.113.9\r\n\n hxxp://evil[.]example/x  # seen by us\n0.0.0.0 ads.example\n"
				"; other comment\nnot a value\n203.0.113.7:8080\nA@evil.example"), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR("ip 203.0.113.9 @2\nurl http://evil.example/x (seen by us) @4\ndomain ads.example @5\n"
				     "! feed_value not a value @7:1\nip 203.0.113.7 @8\nmail a@evil.example @9\n"));
	CHECK_INT(counts.read, 5);
	CHECK_INT(counts.refused, 1);
}

TEST(csv_columns_go_by_their_names)
{
	CHECK_INT(read_text(STR("type,value,note,confidence,valid_until,tlp\nipv4,198.51.100.1,\"C2, \"\"old\"\"\",90,2026-12-31,TLP:RED\n"
				"domain,evil.example,,,,\nmutex,abc,,,,\nip-dst|port,198.51.100.2|443,,,31/12/2026,\nmd5,xyz,,,bad,\n"),
		      FEED_AUTO), 0);
	CHECK_STR(buf_str(&got),
	    STR("ip 198.51.100.1 tlp:red c:90 until:1798650000 (C2, \"old\") @2\ndomain evil.example @3\n! feed_type mutex @4:7\n"
		"ip 198.51.100.2 until:1798650000 @5\n! feed_time bad @6:11\n! feed_value xyz @6:5\n"));
}

TEST(vietnamese_and_typed_columns)
{
	CHECK_INT(read_text(STR("STT;\xc4\x90\xe1\xbb\x8b""a ch\xe1\xbb\x89 IP;T\xc3\xaan mi\xe1\xbb\x81n;Ghi ch\xc3\xba\n"
				"1;203.0.113.5;;botnet\n2;;xau.example;\n3;203.0.113.6;xau2.example;hai\n4;;;\n"), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR("ip 203.0.113.5 (botnet) @2\ndomain xau.example @3\nip 203.0.113.6 (hai) @4\n"
				     "domain xau2.example (hai) @4\n! feed_no_value 4 @5:1\n"));
}

TEST(csv_as_abuse_ch_writes_it)
{
	CHECK_INT(read_text(STR("################\n# feed\n#\n# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"reference\"\n"
				"\"2026-11-01 01:02:03\", \"7\", \"203.0.113.8:4444\", \"ip:port\", \"https://x.example/7\"\n"
				"\"2026-11-01 01:02:03\", \"8\", \"evil.example\", \"domain\", \"\"\n# end\n"), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR("ip 203.0.113.8 <https://x.example/7> @5\ndomain evil.example @6\n"));
}

TEST(csv_without_a_header)
{
	CHECK_INT(read_text(STR("1,evil.example,malware\n2,nothing here\n"), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR("domain evil.example @1\n! feed_value 2 @2:1\n"));
}

static const char bundle[] =
    "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[\n"
    "{\"type\":\"marking-definition\",\"id\":\"marking-definition--own\",\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"green\"}},\n"
    "{\"type\":\"indicator\",\"pattern_type\":\"stix\",\"pattern\":\"[ipv4-addr:value = '198.51.100.1' OR ipv4-addr:value = '198.51.100.0/28']\","
    "\"valid_from\":\"2026-01-01T00:00:00Z\",\"valid_until\":\"2027-01-01T00:00:00Z\",\"confidence\":80,\"name\":\"C2\","
    "\"object_marking_refs\":[\"marking-definition--own\",\"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82\"],"
    "\"external_references\":[{\"source_name\":\"x\",\"url\":\"https://ref.example/1\"}]},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[file:hashes.'SHA-256' = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'"
    " AND file:hashes.MD5 = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb']\",\"revoked\":true},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[domain-name:value = 'a.example' AND ipv4-addr:value = '198.51.100.1']\"},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[url:value = 'http://b.example/it\\\\'s'] OR [domain-name:value IN ('c.example', 'd.example')]\"},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[process:name = 'x' OR email-addr:value = 'a@e.example']\"},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[domain-name:value LIKE '%.e.example']\"},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[domain-name:value = 'f.example'] FOLLOWEDBY [domain-name:value = 'g.example']\"},\n"
    "{\"type\":\"indicator\",\"pattern_type\":\"yara\",\"pattern\":\"rule x {}\"},\n"
    "{\"type\":\"malware\",\"name\":\"m\"},\n"
    "{\"type\":\"indicator\",\"pattern\":\"[ipv4-addr:value ISSUBSET '198.51.100.64/26']\"}\n"
    "],\"spec_version\":\"2.1\"}";

TEST(a_stix_bundle_gives_what_its_patterns_compare)
{
	CHECK_INT(read_text(STR(bundle), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got),
	    STR("ip 198.51.100.1 tlp:amber c:80 from:1767225600 until:1798761600 (C2) <https://ref.example/1> @3\n"
		"cidr 198.51.100.0/28 tlp:amber c:80 from:1767225600 until:1798761600 (C2) <https://ref.example/1> @3\n"
		"hash aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa revoked @4\n"
		"hash bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb revoked @4\n"
		"! feed_pattern AND @5:1\n"
		"url http://b.example/it's @6\ndomain c.example @6\ndomain d.example @6\n"
		"! feed_pattern process:name @7:1\nmail a@e.example @7\n"
		"! feed_pattern LIKE @8:1\n! feed_pattern FOLLOWEDBY @9:1\n! feed_pattern_type yara @10:1\n"
		"cidr 198.51.100.64/26 @12\n"));
	CHECK_INT(counts.ignored, 1);
}

static const char event[] =
    "{\"Event\":{\"uuid\":\"u\",\"info\":\"Campaign\",\"Attribute\":[\n"
    "{\"type\":\"ip-dst\",\"to_ids\":true,\"value\":\"203.0.113.20\",\"comment\":\"c2\"},\n"
    "{\"type\":\"domain|ip\",\"to_ids\":true,\"value\":\"h.example|203.0.113.21\",\"Tag\":[{\"name\":\"tlp:red\"}]},\n"
    "{\"type\":\"comment\",\"to_ids\":false,\"value\":\"words\"},\n"
    "{\"type\":\"regkey\",\"to_ids\":true,\"value\":\"HKLM\"},\n"
    "{\"type\":\"url\",\"to_ids\":true,\"deleted\":true,\"value\":\"http://x.example/\"},\n"
    "{\"type\":\"filename|sha1\",\"to_ids\":\"1\",\"value\":\"a.exe|da39a3ee5e6b4b0d3255bfef95601890afd80709\"}],\n"
    "\"Object\":[{\"name\":\"file\",\"Attribute\":[{\"type\":\"imphash\",\"to_ids\":true,\"value\":\"cccccccccccccccccccccccccccccccc\"}]}],\n"
    "\"Tag\":[{\"name\":\"tlp:green\"},{\"name\":\"misp:confidence-level=\\\"usually-confident\\\"\"}]}}";

TEST(a_misp_event_gives_its_attributes)
{
	static const char want[] =
	    "ip 203.0.113.20 tlp:green c:75 (Campaign: c2) @2\ndomain h.example tlp:red c:75 (Campaign) @3\n"
	    "ip 203.0.113.21 tlp:red c:75 (Campaign) @3\n! feed_type regkey @5:1\n"
	    "hash da39a3ee5e6b4b0d3255bfef95601890afd80709 tlp:green c:75 (Campaign) @7\n"
	    "hash imphash:cccccccccccccccccccccccccccccccc tlp:green c:75 (Campaign) @8\n";
	struct buf list = BUF_INIT;
	CHECK_INT(read_text(STR(event), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR(want));
	CHECK_INT(counts.ignored, 2);
	buf_addf(&list, "{\"response\":[%s]}", event);
	CHECK_INT(read_text(buf_str(&list), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR(want));
	buf_clear(&list);
	buf_addf(&list, "[%s]", event);
	CHECK_INT(read_text(buf_str(&list), FEED_AUTO), 0);
	CHECK_STR(buf_str(&got), STR(want));
	buf_release(&list);
}

/* What stood before the break has been given; the break is told with its place. */
TEST(broken_json_ends_the_reading)
{
	size_t whole = strstr(bundle, "{\"type\":\"indicator\",\"pattern\":\"[file") - bundle;
	CHECK_INT(read_text(str_from(bundle, whole + 40), FEED_STIX), E_INVALID);
	CHECK(str_starts(buf_str(&got), STR("ip 198.51.100.1")));
	CHECK(str_find(buf_str(&got), STR("! feed_json")) > 0);
	CHECK_INT(read_text(STR("{\"objects\":[}"), FEED_AUTO), E_INVALID);
	CHECK_INT(read_text(STR("{\"objects\":[{}"), FEED_AUTO), E_INVALID);
	CHECK_INT(read_text(STR("{\"Event\":{\"Attribute\":["), FEED_MISP), E_INVALID);
	CHECK_INT(read_text(STR("hello"), FEED_STIX), E_INVALID);
	CHECK_INT(read_text(STR(""), FEED_AUTO), 0);
	CHECK_INT(counts.read, 0);
}

TEST(whoever_has_enough_ends_it)
{
	int left = 2;
	const struct feed_events events = {on_item, on_refused, &left};
	CHECK_INT(feed_read(STR("203.0.113.1\n203.0.113.2\n203.0.113.3\n"), FEED_LIST, &events, &counts), E_FULL);
	CHECK_INT(counts.read, 2);
	left = 3;
	CHECK_INT(feed_read(STR(bundle), FEED_STIX, &events, &counts), E_FULL);
	CHECK_INT(counts.read, 3);
	left = 1;
	CHECK_INT(feed_read(STR(event), FEED_MISP, &events, &counts), E_FULL);
	CHECK_INT(counts.read, 1);
	left = 1;
	CHECK_INT(feed_read(STR("value\n203.0.113.1\n203.0.113.2\n"), FEED_CSV, &events, &counts), E_FULL);
	buf_release(&got);
}
