/* SPDX-License-Identifier: EUPL-1.2 */
/* Lines that other people collected: which share of them meets the decoder it should, and gives its fields. */
#include "decode/text.h"
#include "lines.h"

struct tally {
	unsigned lines, right, timed, addresses, found;
};

static struct bench bench;
static struct decoder *decoder;

static void
open_all(void)
{
	bench_open(&bench);
	decoder = decoder_new(bench.names);
}

static void
close_all(void)
{
	decoder_free(decoder);
	bench_close(&bench);
}

static struct event *
event_of(struct str line)
{
	struct decode_result result = {0};
	bench_line(&bench, line, RECEIVED);
	CHECK_INT(decode(decoder, &bench.raw, &bench.arena, &result), 0);
	CHECK_INT(result.count, 1);
	return result.event;
}

/* The address behind the last " from " or "rhost=" of a line, if it is one. */
static struct str
address_in(struct str line)
{
	static const struct str before[] = {STR_INIT(" from "), STR_INIT("rhost="), STR_INIT("[client ")};
	for (size_t i = 0; i < COUNT(before); i++) {
		struct str rest = line, word = {0};
		for (ptrdiff_t at; (at = str_find(rest, before[i])) >= 0;)
			rest = str_skip(rest, (size_t)at + before[i].n);
		if (rest.n == line.n)
			continue;
		size_t n = 0;
		while (n < rest.n && (text_is_digit(rest.p[n]) || rest.p[n] == '.'))
			n++;
		word = str_cut(rest, 0, n);
		if (text_is_ip(word))
			return word;
	}
	return (struct str){0};
}

static void
count_address(struct tally *t, struct str line, struct event *e)
{
	struct str want = address_in(line);
	const struct field *f = event_find(e, F_SOURCE_IP);
	if (!want.n)
		return;
	t->addresses++;
	t->found += f && str_eq(f->value, want);
}

/* Right: one of the decoders named in `names`, separated by blanks. */
static void
count_line(struct tally *t, struct str line, struct str names)
{
	struct event *e = event_of(line);
	struct str name, got = str_z(decoder_name(e->decoder));
	bool right = false;
	while (str_split(&names, ' ', &name))
		right |= str_eq(name, got) || (str_eq(name, STR("cisco")) && str_eq(e->product, name));
	t->lines++;
	t->right += right;
	t->timed += e->time_ms != TIME_NONE;
	if (!right && getenv("KHIEN_SHOW_MISSES"))
		printf("# %.*s <- %.*s\n", STR_ARG(got), STR_ARG(line));
	count_address(t, line, e);
}

static void
show(const char *what, const struct tally *t)
{
	printf("# %s: %u of %u lines met their decoder, %u of %u addresses found\n", what, t->right, t->lines, t->found,
	    t->addresses);
}

static bool
whole_log(const char *path, struct str names, struct tally *t)
{
	const char *file = tap_shared(path);
	struct buf text = BUF_INIT;
	if (!file || !tap_read(file, &text))
		return false;
	struct str rest = buf_str(&text), line;
	while (str_split(&rest, '\n', &line))
		if (line.n)
			count_line(t, line, names);
	show(path, t);
	buf_release(&text);
	return true;
}

TEST(loghub)
{
	struct tally ssh = {0}, lin = {0}, apache = {0};
	open_all();
	bool there = whole_log("corpora/loghub/OpenSSH/OpenSSH_2k.log", STR("sshd pam"), &ssh) &&
	    whole_log("corpora/loghub/Linux/Linux_2k.log", STR("syslog pam sshd account cron systemd netfilter dns"), &lin) &&
	    whole_log("corpora/loghub/Apache/Apache_2k.log", STR("web_error"), &apache);
	close_all();
	if (!there)
		SKIP("corpora/loghub is not here");
	CHECK_INT(ssh.right, ssh.lines);
	CHECK_INT(ssh.found, ssh.addresses);
	CHECK_INT(ssh.timed, ssh.lines);
	CHECK_INT(lin.right, lin.lines);
	CHECK_INT(lin.timed, lin.lines);
	CHECK(lin.found + 1 >= lin.addresses);
	CHECK_INT(apache.timed, apache.lines);
	CHECK_INT(apache.right, apache.lines);
	CHECK_INT(apache.found, apache.addresses);
}

/* "log 1 pass = LINE" ... "decoder = NAME": the lines of a section wait for its decoder. */
static void
wazuh_section(struct str section, struct str decoder_wanted, struct str names, struct tally *t)
{
	struct str line;
	while (str_split(&section, '\n', &line)) {
		ptrdiff_t equals = str_find(line, STR(" = "));
		if (str_starts(line, STR("log ")) && equals > 0 && decoder_wanted.n)
			count_line(t, str_trim(str_skip(line, (size_t)equals + 3)), names);
	}
}

static void
wazuh_file(struct str text, struct str decoder_wanted, struct str names, struct tally *t)
{
	while (text.n) {
		ptrdiff_t end = str_find(text, STR("\n["));
		struct str section = end < 0 ? text : str_cut(text, 0, (size_t)end);
		text = end < 0 ? (struct str){0} : str_skip(text, (size_t)end + 1);
		ptrdiff_t at = str_find(section, STR("\ndecoder = "));
		if (at < 0)
			continue;
		struct str named = str_skip(section, (size_t)at + 11), first;
		if (str_split(&named, '\n', &first) && str_eq(str_trim(first), decoder_wanted))
			wazuh_section(section, decoder_wanted, names, t);
	}
}

TEST(wazuh_lines)
{
	static const struct {
		const char *file;
		struct str decoder, ours;
		unsigned floor; /* lines that must be right: as measured */
		unsigned address_floor;
	} row[] = {
		{"sshd", STR_INIT("sshd"), STR_INIT("sshd pam"), 71, 41},
		{"sudo", STR_INIT("sudo"), STR_INIT("sudo"), 8, 0},
		{"dropbear", STR_INIT("dropbear"), STR_INIT("sshd"), 3, 3},
		{"apache", STR_INIT("apache-errorlog"), STR_INIT("web_error"), 12, 9},
		{"web_appsec", STR_INIT("web-accesslog"), STR_INIT("web"), 31, 0},
		{"audit_scp", STR_INIT("auditd"), STR_INIT("auditd"), 8, 0},
		{"cisco_ios", STR_INIT("cisco-ios"), STR_INIT("cisco"), 16, 0},
		{"cisco_asa", STR_INIT("cisco-asa"), STR_INIT("cisco"), 88, 4},
		{"sophos_fw", STR_INIT("sophos-fw"), STR_INIT("kv"), 10, 0},
		{"SonicWall", STR_INIT("sonicwall"), STR_INIT("kv"), 11, 0},
		{"fortimail", STR_INIT("fortimail-like"), STR_INIT("kv"), 6, 0},
		{"fortiddos", STR_INIT("fortiddos-like"), STR_INIT("kv"), 3, 0},
		{"named", STR_INIT("named"), STR_INIT("dns syslog"), 5, 0},
	};
	open_all();
	bool there = true;
	for (size_t i = 0; i < COUNT(row) && there; i++) {
		char path[96];
		struct buf text = BUF_INIT;
		struct tally t = {0};
		snprintf(path, sizeof path, "corpora/wazuh-log-lines/%s.ini", row[i].file);
		const char *file = tap_shared(path);
		there = file && tap_read(file, &text);
		wazuh_file(buf_str(&text), row[i].decoder, row[i].ours, &t);
		show(row[i].file, &t);
		CHECK(!there || t.right >= row[i].floor);
		CHECK(!there || t.found >= row[i].address_floor);
		buf_release(&text);
	}
	close_all();
	if (!there)
		SKIP("corpora/wazuh-log-lines is not here");
}
