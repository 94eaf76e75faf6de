/* SPDX-License-Identifier: EUPL-1.2 */
/* Systems as a table: what a cell changes, what it leaves, and that what went out comes back as the same. */
#include "register/system_table.h"

#include <stdio.h>

#include "database.h"
#include "shipped.h"
#include "tap.h"

#define NOW 1795305600000 /* 2026-11-22 */

static const char province[] =
    "organisations:\n"
    "  - {id: tinh, name: Tinh, kind: province}\n"
    "  - {id: so, name: So, kind: department, parent: tinh}\n"
    "  - {id: tt, name: Trung tam, kind: centre}\n"
    "  - {id: ty, name: Cong ty, kind: assessor}\n"
    "systems:\n"
    "  - id: web\n"
    "    name: Web\n"
    "    organisation: so\n"
    "    level: 2\n"
    "    networks: [10.21.4.0/24]\n"
    "    levels: [{level: 2, day: 2024-01-01, number: \"1/QD\"}, {level: 3, day: 2030-01-01, number: \"2/QD\"}]\n"
    "    parties: [{role: operator, organisation: tt, from_day: 2024-01-01}, {role: monitor, organisation: ty, from_day: 2030-01-01}]\n"
    "    applications: [{name: Portal, exposure: internet}, {name: \"A; B\", exposure: none}]\n"
    "  - {id: kho, name: Kho, organisation: tinh, level: 4, hosts: [kho]}\n";

static struct db *db;
static struct law *law;
static struct registry *registry;
static struct arena arena;

static void
open_house(void)
{
	uint32_t rows = 0;
	law = shipped_law();
	arena_init(&arena, 4096, 16 << 20);
	CHECK_INT(db_open(test_database(tap_folder()), &db, NULL), 0);
	CHECK_INT(registry_import(db, NULL, STR(province), STR("province.yaml"), false, NOW, print_fault, NULL, &rows), 0);
	CHECK_INT(registry_load(db, &registry), 0);
}

static void
close_house(void)
{
	registry_free(registry);
	law_free(law);
	arena_release(&arena);
	db_close(db);
}

/* One row. */
static int
piece(struct systems_importing *i, const struct system_import *w, bool keep)
{
	CHECK_INT(db_begin(db), 0);
	int error = systems_importing_some(i, w, 0);
	if (error || !keep)
		db_rollback(db);
	else
		CHECK_INT(db_commit(db), 0);
	return error;
}

/* "added changed unchanged", or the first fault as "row column what". */
static const char *
bring(const char *text, const char *scope)
{
	static char told[200];
	const struct system_import w = {str_z(scope), STR("2026-11-22"), NOW, law, registry};
	struct table_report report = {0};
	struct table_fault f = {0};
	struct table t;
	CHECK_INT(table_read(str_z(text), &arena, &t, &f), 0);
	struct systems_importing *i = NULL;
	int error = systems_importing_new(db, &t, &arena, &report, &i);
	for (int round = 0; round < 2 && !error; round++) {
		while (!error && systems_importing_rows(i) < t.rows)
			error = piece(i, &w, round == 1);
		if (round == 0 && error == E_INVALID)
			while (systems_importing_rows(i) < t.rows)
				CHECK_INT(piece(i, &w, false), E_INVALID);
		if (round == 0 && !error)
			systems_importing_keep(i);
	}
	CHECK_INT(error, report.faults ? E_INVALID : 0);
	registry_touch_all(registry);
	CHECK_INT(registry_renew(&registry, db, STR("2026-11-22")), 0);
	if (report.faults)
		snprintf(told, sizeof told, "%u %.*s %s", report.fault[0].row, STR_ARG(report.fault[0].column), report.fault[0].what);
	else
		snprintf(told, sizeof told, "%u %u %u", report.added, report.changed, report.unchanged);
	return told;
}

static struct str
take_out(struct buf *csv)
{
	struct registry_query q = {.closed = true};
	struct table t = {0};
	buf_clear(csv);
	CHECK_INT(systems_export(db, registry, &q, STR("2026-11-22"), true, &arena, &t), 0);
	table_write_csv(&t, csv);
	return buf_str(csv);
}

TEST(cells)
{
	static const struct {
		const char *cells, *told;
	} row[] = {
	    /* the decision that holds is that of today; one to come and parties to come stay where they are */
	    {"id,level,level_day,level_number\nweb,2,2024-01-01,1/QD\n", "0 0 1"},
	    {"id,level\nweb,2\n", "0 0 1"},
	    {"id,level\nweb,3\n", "2 level_day system_level_day"},
	    {"id,level,level_day\nweb,,2024-01-01\n", "2 level register_level"},
	    {"id,level_number\nweb,7/QD\n", "0 1 0"},
	    {"id,level_number\nkho,7/QD\n", "2 level_day system_level_day"},
	    {"id,level,level_day\nweb,2,soon\n", "2 level_day register_day"},
	    {"id,level,level_day,level_number\nweb,1,2020-01-01,old\n", "0 1 0"},
	    {"id,level,level_day,level_number\nweb,1,2020-01-01,old\n", "0 0 1"},
	    {"id,monitor\nweb,\n", "0 0 1"},
	    {"id,operator\nweb,tt; Trung tam; tt\n", "0 0 1"},
	    {"id,operator\nweb,tt; so\n", "0 1 0"},
	    {"id,operator\nweb,so\n", "0 1 0"},
	    {"id,operator\nweb,so\n", "0 0 1"},
	    {"id,assessor\nweb,so\n", "2 assessor system_independence"},
	    /* a name with a semicolon in it is told by no cell, and nobody takes it away */
	    {"id,applications_internet,applications_none\nweb,Portal,\n", "0 0 1"},
	    {"id,applications_internet,applications_none\nweb,,Portal\n", "0 1 0"},
	    {"id,applications_internet,applications_none\nweb,Portal,Portal\n", "2 applications_internet system_application_twice"},
	    {"id,applications_internal\nkho,One; One\n", "0 1 0"},
	    {"id,applications_internal\nkho,One\n", "0 0 1"},
	    {"id,networks\nweb,\"10.21.4.0/24;10.21.4.0/24\n10.21.5.0/24\"\n", "0 1 0"},
	    {"id,networks\nweb,10.21.5.0/24 ; 10.21.4.0/24\n", "0 0 1"},
	    {"id,networks,hosts\nweb,,\n", "0 1 0"},
	    {"id,critical\nweb,C\xc3\xb3\n", "0 1 0"},
	    {"id,critical\nweb,TRUE\n", "0 0 1"},
	    {"id,critical\nweb,\n", "0 1 0"},
	    {"id,organisation\nkho,Tinh\n", "0 0 1"},
	    {"id,organisation\nkho,\n", "2 organisation system_organisation"},
	    {"id,organisation\nkho,so\n", "0 1 0"},
	    {"id,until_day\nkho,20/11/2026\n", "0 1 0"},
	    {"id,name,organisation,level\nneu,Neu,so,1\n", "1 0 0"},
	    {"id,name,organisation,level,operator\nspaeter,Spaeter,so,1,tt; ty; tt\n", "1 0 0"},
	    {"id,name,organisation,level,from_day,operator\nplan,Plan,so,1,2031-01-01,tt\n", "1 0 0"},
	    {"id,name,organisation,level,from_day,operator\nplan,Plan,so,1,2031-01-01,tt\n", "0 0 1"},
	    {"id,name\nniemand,Niemand\n", "2 organisation system_organisation"},
	};
	struct buf csv = BUF_INIT_MAX(1 << 20);
	open_house();
	for (size_t i = 0; i < COUNT(row); i++) {
		CHECK_STR(str_z(bring(row[i].cells, "")), str_z(row[i].told));
		/* after each: what goes out comes back as it was */
		char told[20];
		snprintf(told, sizeof told, "0 0 %d", i < 30 ? 2 : i < 31 ? 3 : i < 32 ? 4 : 5);
		CHECK_STR(str_z(bring(take_out(&csv).p, "")), str_z(told));
	}
	buf_release(&csv);
	close_house();
}

TEST(nobody_reaches_further_than_his_own)
{
	static const struct {
		const char *cells, *told;
	} row[] = {
	    {"id,name\nweb,Mine\n", "0 1 0"},
	    {"id,name\nkho,Mine\n", "2 id register_not_yours"},
	    {"id,organisation\nweb,tinh\n", "2 organisation register_not_yours"},
	    {"id,organisation\nweb,Tinh\n", "2 organisation register_not_yours"},
	    {"id,name,organisation,level\nneu,Neu,tinh,1\n", "2 organisation register_not_yours"},
	    {"id,name,organisation,level,provider\nneu,Neu,so,1,ty\n", "1 0 0"},
	};
	open_house();
	for (size_t i = 0; i < COUNT(row); i++)
		CHECK_STR(str_z(bring(row[i].cells, "so")), str_z(row[i].told));
	close_house();
}

TEST(what_old_rows_hold_goes_out_and_is_read)
{
	struct buf csv = BUF_INIT_MAX(1 << 20);
	struct inventory s;
	open_house();
	CHECK_INT(inventory_get(db, STR("kho"), STR(""), &arena, &s), 0);
	s.note = STR("  =1+1\x01 \n");
	CHECK_INT(inventory_change(db, &s, NOW), 0);
	CHECK_STR(str_z(bring(take_out(&csv).p, "")), STR("0 1 1")); /* the control character is a blank now */
	CHECK_STR(str_z(bring(take_out(&csv).p, "")), STR("0 0 2"));
	buf_release(&csv);
	close_house();
}
