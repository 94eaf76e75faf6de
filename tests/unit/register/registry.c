/* SPDX-License-Identifier: EUPL-1.2 */
#include "register/system.h"

#include "database.h"
#include "tap.h"

static const char province[] =
    "organisations:\n"
    "  - {id: xa-a, name: \"UBND x\xc3\xa3 A\", kind: commune, contact: {name: B, phone: '0900 000 001', email: b@a.example}}\n"
    "  - {id: so-x, name: So X, kind: department}\n"
    "systems:\n"
    "  - {id: web-a, name: Mot cua, organisation: xa-a, level: 2, networks: [10.21.4.0/24], hosts: [ubnd-web], domains: [a.example.vn]}\n"
    "  - {id: dc, name: Data centre, organisation: so-x, level: 3, networks: [10.0.0.0/8, '2001:db8::/32'],"
    " contact: {name: C}}\n";

struct told {
	int count;
	struct fault last;
};

static void
keep(void *user, const struct fault *f)
{
	struct told *t = user;
	t->count++;
	t->last = *f;
}

static struct db *
open_new(void)
{
	struct db *db = NULL;
	CHECK_INT(db_open(test_database(tap_folder()), &db, NULL), 0);
	return db;
}

TEST(whose_machine_is_it)
{
	struct db *db = open_new();
	struct registry *r = NULL;
	uint32_t rows = 0, count;
	CHECK_INT(registry_import(db, NULL, str_z(province), STR("p.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_INT(rows, 4);
	CHECK_INT(registry_load(db, &r), 0);
	registry_systems(r, &count);
	CHECK_INT(count, 2);
	CHECK_STR(registry_by_host(r, STR("UBND-WEB.a.lan"))->id, STR("web-a"));
	CHECK(registry_by_host(r, STR("other")) == NULL);
	CHECK_STR(registry_by_address(r, STR("10.21.4.9"))->id, STR("web-a")); /* longest prefix */
	CHECK_STR(registry_by_address(r, STR("10.21.5.9"))->id, STR("dc"));
	CHECK_STR(registry_by_address(r, STR("2001:db8:1::5"))->id, STR("dc"));
	CHECK(registry_by_address(r, STR("203.0.113.1")) == NULL);
	CHECK(registry_by_address(r, STR("not an address")) == NULL);
	CHECK_STR(registry_by_domain(r, STR("mail.a.example.vn"))->id, STR("web-a"));
	CHECK(registry_by_domain(r, STR("example.vn")) == NULL);
	const struct system *s = registry_system(r, STR("web-a"));
	CHECK_INT(s->level, 2);
	CHECK_STR(system_contact(s)->phone, STR("0900 000 001")); /* the organisation's, for want of its own */
	CHECK_STR(registry_system(r, STR("dc"))->contact.name, STR("C"));
	CHECK_STR(s->organisation->id, STR("xa-a"));
	CHECK(registry_within(r, STR("xa-a"), STR("")) && registry_within(r, STR("xa-a"), STR("xa-a")));
	CHECK(!registry_within(r, STR("so-x"), STR("xa-a")) && !registry_within(r, STR("unknown"), STR("xa-a")));
	registry_free(r);
	db_close(db);
}

TEST(a_system_of_many_names_is_found_and_unknown_names_are_not)
{
	struct db *db = open_new();
	struct registry *r = NULL;
	struct buf text = BUF_INIT;
	uint32_t rows = 0;
	buf_add(&text, STR("organisations:\n  - {id: o, name: O, kind: commune}\n"
			   "systems:\n  - {id: s, name: S, organisation: o, level: 1, hosts: [h0"));
	for (int i = 1; i < 64; i++)
		buf_addf(&text, ", h%d", i);
	buf_add(&text, STR("], domains: [d0.vn"));
	for (int i = 1; i < 64; i++)
		buf_addf(&text, ", d%d.vn", i);
	buf_add(&text, STR("]}\n"));
	CHECK_INT(registry_import(db, NULL, buf_str(&text), STR("p.yaml"), false, 1, NULL, NULL, &rows), 0);
	CHECK_INT(registry_load(db, &r), 0);
	CHECK_STR(registry_by_host(r, STR("h63"))->id, STR("s"));
	CHECK(registry_by_host(r, STR("h64")) == NULL);
	CHECK_STR(registry_by_domain(r, STR("www.d63.vn"))->id, STR("s"));
	CHECK(registry_by_domain(r, STR("d64.vn")) == NULL);
	buf_release(&text);
	registry_free(r);
	db_close(db);
}

TEST(a_file_with_faults_changes_nothing_and_names_each)
{
	static const struct {
		const char *text, *what;
		int line, count;
	} row[] = {
		{"organisations:\n  - {id: a, name: A, kind: village}\n", "register_kind", 2, 1},
		{"organisations:\n  - {id: A b, name: A, kind: commune}\n", "register_id", 2, 1},
		{"systems:\n  - {id: s, name: S, organisation: nobody, level: 2}\n", "register_owner", 2, 1},
		{"organisations:\n  - {id: a, name: A, kind: commune}\nsystems:\n"
		 "  - {id: s, name: S, organisation: a, level: 6}\n", "register_level", 4, 1},
		{"organisations:\n  - {id: a, name: A, kind: commune}\nsystems:\n"
		 "  - {id: s, name: S, organisation: a, level: 2, networks: [10.0.0.1/8]}\n", "register_network", 4, 1},
		{"organisation:\n  - {id: a}\n", "register_key", 1, 1},
		{"organisations: [", "", 0, 1},
	};
	struct db *db = open_new();
	for (size_t i = 0; i < COUNT(row); i++) {
		struct told told = {0};
		uint32_t rows = 77;
		struct registry *r;
		CHECK(registry_import(db, NULL, str_z(row[i].text), STR("p.yaml"), false, 1, keep, &told, &rows) < 0);
		CHECK_INT(rows, 77);
		CHECK_INT(told.count, row[i].count);
		if (row[i].what[0]) {
			CHECK_STR(str_z(told.last.what), str_z(row[i].what));
			CHECK_INT(told.last.line, row[i].line);
		}
		CHECK_STR(str_z(told.last.file), STR("p.yaml"));
		CHECK_INT(registry_load(db, &r), 0);
		CHECK_INT(registry_organisations(r), 0);
		registry_free(r);
	}
	db_close(db);
}

TEST(csv_says_the_same_as_yaml)
{
	static const char text[] =
	    "\xef\xbb\xbftype,id,name,kind,organisation,level,networks,hosts,contact_phone\r\n"
	    "organisation,xa-a,\"Xa \"\"A\"\", huyen B\",commune,,,,,0900\r\n\r\n"
	    "system,web-a,Mot cua,,xa-a,2,10.21.4.0/24 10.21.5.0/24,h1 h2,\r\n";
	struct db *db = open_new();
	struct registry *r = NULL;
	struct told told = {0};
	uint32_t rows = 0;
	CHECK_INT(registry_import(db, NULL, str_from(text, sizeof text - 1), STR("p.csv"), true, 1, keep, &told, &rows), 0);
	CHECK_INT(rows, 2);
	CHECK_INT(registry_load(db, &r), 0);
	CHECK_STR(registry_organisation(r, STR("xa-a"))->name, STR("Xa \"A\", huyen B"));
	CHECK_STR(registry_by_host(r, STR("h2"))->id, STR("web-a"));
	CHECK(registry_system(r, STR("web-a"))->demonstration);
	registry_free(r);
	CHECK_INT(registry_forget_demonstration(db), 0);
	CHECK_INT(registry_load(db, &r), 0);
	CHECK(registry_system(r, STR("web-a")) == NULL);
	CHECK(registry_organisation(r, STR("xa-a")) == NULL);
	registry_free(r);
	CHECK(registry_import(db, NULL, STR("type,colour\norganisation,red\n"), STR("p.csv"), true, 1, keep, &told, &rows) < 0);
	CHECK_STR(str_z(told.last.what), STR("register_id"));
	CHECK_INT(told.count, 2);
	db_close(db);
}
