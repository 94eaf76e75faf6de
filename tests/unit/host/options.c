/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/options.h"

#include <sys/stat.h>
#include <unistd.h>

#include "host/address.h"
#include "tap.h"

static int
read_words(struct options *o, const char *const *words, struct fault *f)
{
	int n = 0;

	while (words[n])
		n++;
	*f = (struct fault){0};
	return options_read(o, n, (char **)(uintptr_t)words, f);
}

/* A data directory with this khien.yaml. */
static const char *
data_with(const char *yaml)
{
	static char data[300];
	char path[320];

	snprintf(data, sizeof(data), "%s/data", tap_folder());
	snprintf(path, sizeof(path), "%s/khien.yaml", data);
	mkdir(data, 0700);
	FILE *out = fopen(path, "w");
	CHECK(out && fputs(yaml, out) >= 0);
	fclose(out);
	return data;
}

TEST(defaults)
{
	struct options o;
	struct fault f;

	CHECK_INT(read_words(&o, (const char *[]){"serve", "--data", "/nowhere/at/all", NULL}, &f), 0);
	CHECK_STR(str_z(o.data), STR("/nowhere/at/all"));
	CHECK_INT(o.retention_days, 365);
	CHECK_INT(o.zone, 420);
	CHECK_INT(o.silence_minutes, 30);
	CHECK_INT(o.listen_count, 1);
	CHECK_INT(o.listen[0].kind, LISTEN_HTTP);
	CHECK_STR(str_z(o.listen[0].address), STR("127.0.0.1:8080"));
	CHECK_INT(o.rules_count, 1);
	CHECK(!o.demo && !o.journald && !o.user[0] && !o.drop[0] && !o.province[0] && !o.register_file[0]);
}

TEST(every_option_on_the_command_line)
{
	struct options o;
	struct fault f;

	CHECK_INT(read_words(&o, (const char *[]){"serve", "--data=/nowhere", "--http", "[::1]:80", "--syslog-udp", "1.2.3.4:514",
	    "--syslog-udp=[::]:514", "--syslog-tcp", "0.0.0.0:601", "--relp", "127.0.0.1:2514", "--rules", "a", "--rules", "b",
	    "--register", "r.yaml", "--drop", "d", "--journald", "--demo", "--retention-days", "90", "--zone", "-60",
	    "--silence-minutes", "5", "--province", "u", "--user", "khien", NULL}, &f), 0);
	CHECK_INT(o.listen_count, 5);
	CHECK_INT(o.listen[2].kind, LISTEN_SYSLOG_UDP);
	CHECK_STR(str_z(o.listen[2].address), STR("[::]:514"));
	CHECK_INT(o.listen[4].kind, LISTEN_RELP);
	CHECK_INT(o.rules_count, 2);
	CHECK_STR(str_z(o.rules[1]), STR("b"));
	CHECK_STR(str_z(o.register_file), STR("r.yaml"));
	CHECK_STR(str_z(o.drop), STR("d"));
	CHECK_STR(str_z(o.province), STR("u"));
	CHECK_STR(str_z(o.user), STR("khien"));
	CHECK(o.demo && o.journald);
	CHECK_INT(o.retention_days, 90);
	CHECK_INT(o.zone, -60);
	CHECK_INT(o.silence_minutes, 5);
}

TEST(the_command_line_beats_the_file)
{
	const char *data = data_with("syslog-udp: [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nsyslog-tcp: 127.0.0.1:3\n"
				     "rules:\n  - one\n  - two\ndemo: true\nretention-days: 7\nzone: 0\n");
	struct options o;
	struct fault f;

	CHECK_INT(read_words(&o, (const char *[]){"serve", "--data", data, "--syslog-udp", "127.0.0.1:4",
	    "--zone", "60", NULL}, &f), 0);
	CHECK_INT(o.listen_count, 3);
	CHECK_INT(o.listen[0].kind, LISTEN_SYSLOG_TCP);
	CHECK_STR(str_z(o.listen[1].address), STR("127.0.0.1:4"));
	CHECK_INT(o.listen[2].kind, LISTEN_HTTP);
	CHECK_INT(o.rules_count, 2);
	CHECK_INT(o.demo, 1);
	CHECK_INT(o.retention_days, 7);
	CHECK_INT(o.zone, 60);
}

static const struct {
	const char *words[6];
	const char *what, *arg;
	int code;
} bad_words[] = {
	{{"serve", "data"}, "option_word", "data", E_INVALID},
	{{"serve", "-d", "data"}, "option_word", "-d", E_INVALID},
	{{"serve", "--datum", "x"}, "option_unknown", "--datum", E_INVALID},
	{{"serve", "--"}, "option_unknown", "--", E_INVALID},
	{{"serve", "--data"}, "option_value_missing", "data: ", E_INVALID},
	{{"serve", "--data="}, "option_value_missing", "data: ", E_INVALID},
	{{"serve", "--data", "a", "--data", "b"}, "option_twice", "data: ", E_INVALID},
	{{"serve", "--demo=1"}, "option_no_value", "demo: 1", E_INVALID},
	{{"serve", "--zone", "+07:00"}, "option_number", "zone: +07:00", E_INVALID},
	{{"serve", "--zone", "841"}, "option_range", "zone: 841", E_INVALID},
	{{"serve", "--retention-days", "0"}, "option_range", "retention-days: 0", E_INVALID},
	{{"serve", "--retention-days", "99999999999999999999"}, "option_number",
	    "retention-days: 99999999999999999999", E_INVALID},
	{{"serve", "--syslog-udp", "localhost:514"}, "option_address", "syslog-udp: localhost:514", E_INVALID},
	{{"serve", "--syslog-tcp", "127.0.0.1"}, "option_address", "syslog-tcp: 127.0.0.1", E_INVALID},
	{{"serve", "--relp", "::1:514"}, "option_address", "relp: ::1:514", E_INVALID},
	{{"serve", "--http", "127.0.0.1:65536"}, "option_address", "http: 127.0.0.1:65536", E_INVALID},
	{{"serve", "--http", "[127.0.0.1]:80"}, "option_address", "http: [127.0.0.1]:80", E_INVALID},
	{{"serve", "--http", "127.0.0.1:"}, "option_address", "http: 127.0.0.1:", E_INVALID},
	{{"serve", "--syslog-tls", "127.0.0.1:1"}, "option_not_built", "syslog-tls: 127.0.0.1:1", E_UNSUPPORTED},
	{{"serve", "--beats", "127.0.0.1:1"}, "option_not_built", "beats: 127.0.0.1:1", E_UNSUPPORTED},
	{{"serve", "--netflow", "127.0.0.1:1"}, "option_not_built", "netflow: 127.0.0.1:1", E_UNSUPPORTED},
};

TEST(bad_words_are_named)
{
	for (size_t i = 0; i < COUNT(bad_words); i++) {
		struct options o = {.zone = 12345};
		struct fault f;
		int code = read_words(&o, bad_words[i].words, &f);
		tap_check(code == bad_words[i].code && f.code == code && f.what && !strcmp(f.what, bad_words[i].what) &&
		    !strcmp(f.arg, bad_words[i].arg) && o.zone == 12345, __FILE__, __LINE__, "row %zu: %d %s \"%s\"", i, code,
		    f.what ? f.what : "", f.arg);
	}
}

static const struct {
	const char *yaml, *what;
	uint32_t line, column;
} bad_files[] = {
	{"# comment\nretention-days: 30\nretention_days: 30\n", "option_unknown", 3, 1},
	{"data: /elsewhere\n", "option_not_in_file", 1, 1},
	{"demo: perhaps\n", "option_flag", 1, 7},
	{"demo: \"true\"\n", "option_flag", 1, 7},
	{"zone: east\n", "option_number", 1, 7},
	{"zone: 100000\n", "option_range", 1, 7},
	{"zone: [1]\n", "option_text", 1, 7},
	{"drop: {a: b}\n", "option_text", 1, 7},
	{"drop:\n", "option_text", 1, 6},
	{"syslog-udp:\n  - 127.0.0.1:1\n  - here:2\n", "option_address", 3, 5},
	{"syslog-udp: {a: 1}\n", "option_list", 1, 13},
	{"syslog-udp: [[1]]\n", "option_list", 1, 14},
	{"beats: 127.0.0.1:1\n", "option_not_built", 1, 8},
	{"- a\n- b\n", "option_file_map", 1, 1},
	{"zone: 1\n---\nzone: 2\n", "option_file_map", 3, 1},
};

TEST(bad_files_are_told_at_their_place)
{
	for (size_t i = 0; i < COUNT(bad_files); i++) {
		const char *data = data_with(bad_files[i].yaml);
		struct options o;
		struct fault f;
		int code = read_words(&o, (const char *[]){"serve", "--data", data, NULL}, &f);
		tap_check(code < 0 && f.what && !strcmp(f.what, bad_files[i].what) && f.line == bad_files[i].line &&
		    f.column == bad_files[i].column && str_ends(str_z(f.file), STR("/khien.yaml")), __FILE__, __LINE__,
		    "row %zu: %d %s at %u:%u", i, code, f.what ? f.what : "", f.line, f.column);
	}
}

TEST(too_many_and_too_long)
{
	const char *words[2 * OPTIONS_MAX_LISTEN + 5] = {"serve"};
	char longer[300];
	struct options o;
	struct fault f;

	for (int i = 0; i <= OPTIONS_MAX_LISTEN; i++) {
		words[1 + 2 * i] = "--relp";
		words[2 + 2 * i] = "127.0.0.1:1";
	}
	CHECK_INT(read_words(&o, words, &f), E_LIMIT);
	CHECK_STR(str_z(f.what), STR("option_too_many"));
	memset(longer, 'x', sizeof(longer));
	longer[256] = 0;
	CHECK_INT(read_words(&o, (const char *[]){"serve", "--province", longer, NULL}, &f), E_LIMIT);
	longer[255] = 0;
	CHECK_INT(read_words(&o, (const char *[]){"serve", "--data", "/nowhere", "--province", longer, NULL}, &f), 0);
}

TEST(every_option_has_its_sentence_in_both_languages)
{
	struct buf vi = BUF_INIT, en = BUF_INIT;

	options_help(&vi, LANG_VI);
	options_help(&en, LANG_EN);
	CHECK(str_find(buf_str(&en), STR("--syslog-udp ADDR:PORT")) >= 0);
	CHECK(!str_eq(buf_str(&vi), buf_str(&en)));
	CHECK_INT(str_find(buf_str(&vi), STR("option.")), -1);
	CHECK_INT(str_find(buf_str(&en), STR("option.")), -1);
	CHECK_STR(str_z(listen_kind_name(LISTEN_SYSLOG_TCP)), STR("syslog-tcp"));
	buf_release(&vi);
	buf_release(&en);
}

TEST(addresses_come_back_as_they_were_written)
{
	static const char *const good[] = {"127.0.0.1:5514", "[::1]:601", "0.0.0.0:0", "[2001:db8::7]:65535"};

	for (size_t i = 0; i < COUNT(good); i++) {
		struct sockaddr_storage a;
		socklen_t n;
		struct buf text = BUF_INIT;
		CHECK_INT(address_parse(str_z(good[i]), &a, &n), 0);
		address_format(&text, &a);
		CHECK_STR(buf_str(&text), str_z(good[i]));
		buf_release(&text);
	}
}

TEST(lines_of_groups)
{
	static struct options o;
	struct fault f = {0};

	CHECK_INT(options_read_text(&o, STR("ldap-role:\n- analyst cn=desk,ou=my groups,dc=example\n- '  leader   * '\n"
	    "- agency_officer@so-y-te  cn=a@b,dc=example"), &f), 0);
	CHECK_INT(o.ldap_role_count, 3);
	CHECK_STR(str_z(o.ldap_role[0].role), STR("analyst"));
	CHECK_STR(str_z(o.ldap_role[0].organisation), STR(""));
	CHECK_STR(str_z(o.ldap_role[0].group), STR("cn=desk,ou=my groups,dc=example"));
	CHECK_STR(str_z(o.ldap_role[1].role), STR("leader"));
	CHECK_STR(str_z(o.ldap_role[1].group), STR("*"));
	CHECK_STR(str_z(o.ldap_role[2].role), STR("agency_officer"));
	CHECK_STR(str_z(o.ldap_role[2].organisation), STR("so-y-te"));
	CHECK_STR(str_z(o.ldap_role[2].group), STR("cn=a@b,dc=example"));
	CHECK_INT(o.ldap_role[2].line, 4);
	static const char *const wrong[] = {"analyst", "'analyst '", "analyst desk", "'@x cn=x'", "analyst =x", "analyst@ cn=x",
		"a23456789012345678901234567890123 cn=x"};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char text[128];
		snprintf(text, sizeof(text), "ldap-role:\n  - %s\n", wrong[i]);
		tap_check(options_read_text(&o, str_z(text), &f) < 0 && f.line == 2, __FILE__, __LINE__, "row %zu", i);
	}
}

TEST(as_many_groups_as_fit)
{
	static struct options o;
	struct buf text = BUF_INIT;
	struct fault f = {0};

	buf_add(&text, STR("ldap-role:\n"));
	for (int i = 0; i < OPTIONS_MAX_LDAP_ROLES; i++)
		buf_addf(&text, "- officer@xa-%d cn=xa-%d,dc=example\n", i, i);
	CHECK_INT(options_read_text(&o, buf_str(&text), &f), 0);
	CHECK_INT(o.ldap_role_count, OPTIONS_MAX_LDAP_ROLES);
	o = (struct options){0};
	buf_add(&text, STR("- one cn=more\n"));
	CHECK_INT(options_read_text(&o, buf_str(&text), &f), E_LIMIT);
	CHECK_INT(f.line, OPTIONS_MAX_LDAP_ROLES + 2);
	buf_release(&text);
}
