/* SPDX-License-Identifier: EUPL-1.2 */
#include "share/warning.h"

#include "database.h"
#include "tap.h"

static const char own[] =
    "organisations:\n- {id: a, name: A, kind: department}\n"
    "systems:\n- {id: s, name: S, organisation: a, level: 2, networks: [203.0.113.0/24, 2001:db8:5::/48], "
    "domains: [portal.benhvien.example]}\n";

static struct warning_lists *
shipped(struct registry **ret_registry)
{
	struct buf text = BUF_INIT;
	struct db *db = NULL;
	struct fault f = {0};
	struct warning_lists *w = NULL;
	uint32_t rows;
	CHECK(tap_read(tap_source("content/indicators/warning.yaml"), &text));
	CHECK_INT(db_open(test_database(""), &db, &f), 0);
	CHECK_INT(registry_import(db, NULL, STR(own), STR("r.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_INT(registry_load(db, ret_registry), 0);
	CHECK_INT(warning_lists_new(buf_str(&text), *ret_registry, &w, &f), 0);
	tap_check(!f.code, __FILE__, __LINE__, "%s %s at %u", f.what, f.arg, f.line);
	db_close(db);
	buf_release(&text);
	return w;
}

TEST(the_shipped_lists_stop_what_must_never_match)
{
	static const struct {
		enum ioc_kind kind;
		const char *value, *list; /* NULL: it may match */
	} row[] = {
		{IOC_CIDR, "0.0.0.0/0", "too-wide"},
		{IOC_CIDR, "8.0.0.0/7", "too-wide"},
		{IOC_CIDR, "45.0.0.0/8", NULL},
		{IOC_CIDR, "::/0", "too-wide"},
		{IOC_CIDR, "8.8.0.0/16", "resolvers"},
		{IOC_CIDR, "203.0.0.0/16", "own"},          /* holds ours */
		{IOC_CIDR, "203.0.113.64/26", "own"},       /* is a part of ours */
		{IOC_CIDR, "203.0.112.0/24", NULL},
		{IOC_IP, "203.0.113.200", "own"},
		{IOC_IP, "203.0.114.1", NULL},
		{IOC_IP, "10.1.2.3", "reserved"},
		{IOC_IP, "255.255.255.255", "reserved"},
		{IOC_IP, "0.0.0.0", "reserved"},
		{IOC_IP, "8.8.8.8", "resolvers"},
		{IOC_IP, "8.8.8.9", NULL},
		{IOC_IP, "::1", "reserved"},
		{IOC_IP, "fe80::1", "reserved"},
		{IOC_IP, "2001:db8:5::7", "own"},
		{IOC_IP, "2a00:1450::1", NULL},
		{IOC_DOMAIN, "gov.vn", "government"},
		{IOC_DOMAIN, "stttt.caobang.gov.vn", "government"},
		{IOC_DOMAIN, "gov.vn.evil.example", NULL},
		{IOC_DOMAIN, "fakegov.vn", NULL},
		{IOC_DOMAIN, "com.vn", "public-suffixes"},
		{IOC_DOMAIN, "evil.com.vn", NULL},
		{IOC_DOMAIN, "google.com", "providers"},
		{IOC_DOMAIN, "evil.google.com.example", NULL},
		{IOC_DOMAIN, "portal.benhvien.example", "own"},
		{IOC_DOMAIN, "a.portal.benhvien.example", "own"},
		{IOC_DOMAIN, "benhvien.example", "own"},    /* would match ours */
		{IOC_DOMAIN, "other.benhvien.example", NULL},
		{IOC_URL, "https://drive.google.com/", "providers"},
		{IOC_URL, "https://drive.google.com/file/d/evil", NULL},
		{IOC_URL, "http://203.0.113.9/", "own"},
		{IOC_URL, "http://203.0.113.9/shell.php", NULL},
		{IOC_URL, "http://[fe80::1]:8080/", "reserved"},
		{IOC_HASH, "d41d8cd98f00b204e9800998ecf8427e", "empty-files"},
		{IOC_HASH, "e41d8cd98f00b204e9800998ecf8427e", NULL},
		{IOC_MAIL, "a@gov.vn", NULL},
	};
	struct registry *r = NULL;
	struct warning_lists *w = shipped(&r);
	uint32_t count, entries = 0;
	for (size_t i = 0; w && i < COUNT(row); i++) {
		const struct warning_list *l = warning_stops(w, row[i].kind, str_z(row[i].value));
		struct str name = l ? l->name : STR("-"), want = row[i].list ? str_z(row[i].list) : STR("-");
		tap_check(str_eq(name, want), __FILE__, __LINE__, "%s: %.*s, want %.*s", row[i].value, STR_ARG(name), STR_ARG(want));
	}
	const struct warning_list *all = warning_lists_all(w, &count);
	for (uint32_t i = 0; i < count; i++) {
		entries += all[i].entries;
		CHECK(all[i].title.n && all[i].title_vi.n);
	}
	CHECK_INT(count, 8);
	CHECK(entries > 200);
	warning_lists_free(w);
	registry_free(r);
}

TEST(our_own_follow_the_register)
{
	static const char *const values[] = {"198.51.100.7", "203.0.113.200", "new.example", "portal.benhvien.example", "benhvien.example"};
	static const struct {
		const char *text;
		bool stops[COUNT(values)];
		uint32_t entries;
	} row[] = {{"198.51.100.0/24\n\nnew.example\n", {true, false, true, false, false}, 2},
		{"", {false, false, false, false, false}, 0},
		{"2001:db8::/32\nportal.benhvien.example\n203.0.113.200", {false, true, false, true, true}, 4}};
	struct registry *r = NULL;
	struct warning_lists *w = shipped(&r);
	struct buf text = BUF_INIT;
	uint32_t count;
	warning_own_text(r, &text);
	CHECK_STR(buf_str(&text), STR("2001:db8:5::/48\n203.0.113.0/24\nportal.benhvien.example\n"));
	for (size_t i = 0; w && i < COUNT(row); i++) {
		struct warning_own *fresh = NULL;
		CHECK_INT(warning_own_new(str_z(row[i].text), &fresh), 0);
		warning_lists_take(w, fresh);
		for (size_t k = 0; k < COUNT(values); k++) {
			enum ioc_kind kind = k < 2 ? IOC_IP : IOC_DOMAIN;
			const struct warning_list *l = warning_stops(w, kind, str_z(values[k]));
			tap_check((l && str_eq(l->name, STR("own"))) == row[i].stops[k], __FILE__, __LINE__, "%zu %s", i, values[k]);
		}
		const struct warning_list *all = warning_lists_all(w, &count);
		for (uint32_t k = 0; k < count; k++)
			if (str_eq(all[k].name, STR("own")))
				CHECK_INT(all[k].entries, row[i].entries);
	}
	buf_release(&text);
	warning_lists_free(w);
	registry_free(r);
}

TEST(a_list_that_is_wrong_is_told)
{
	static const struct {
		const char *text, *what;
	} row[] = {{"lists: [{values: [a.example]}]", "warning_list"},
		{"lists: [{name: a, values: []}, {name: a}]", "warning_list"},
		{"lists: [{name: a, values: ['no value at all']}]", "warning_value"},
		{"lists: [{name: a, below: maybe}]", "warning_list"}, {"lists: [{", ""}};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct warning_lists *w = NULL;
		struct fault f = {0};
		CHECK(warning_lists_new(str_z(row[i].text), NULL, &w, &f) < 0);
		CHECK(!w && f.line >= 1 && f.what);
		if (row[i].what[0])
			CHECK_STR(str_z(f.what), str_z(row[i].what));
	}
}
