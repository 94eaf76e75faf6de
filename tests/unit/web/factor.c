/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/factor.h"

#include <stdio.h>
#include <sys/stat.h>

#include "tap.h"
#include "web/failures.h"
#include "web/ticket.h"

#define NOW INT64_C(1700000000000)

struct room {
	struct db *db;
	struct vault *vault;
	int64_t an, binh;
	char folder[256];
};

static bool
enter(struct room *r)
{
	struct fault f;
	*r = (struct room){0};
	snprintf(r->folder, sizeof r->folder, "%s", tap_folder());
	bool good = db_open(STR(""), &r->db, &f) == 0 && vault_open(str_z(r->folder), &r->vault, &f) == 0 &&
	    person_new(r->db, STR("an"), STR("An"), STR("operator"), "x", NOW, &r->an) == 0 &&
	    person_new(r->db, STR("binh"), STR("Binh"), STR("operator"), "x", NOW, &r->binh) == 0;
	CHECK(good);
	return good;
}

static void
leave(struct room *r)
{
	vault_close(r->vault);
	db_close(r->db);
}

static struct str
code_at(const uint8_t secret[TOTP_SECRET], int64_t ms, char text[8])
{
	snprintf(text, 8, "%06u", totp_at(str_from((const char *)secret, TOTP_SECRET), (uint64_t)(ms / 30000)));
	return str_z(text);
}

TEST(the_app_works_once_confirmed_and_each_code_once)
{
	struct room r;
	struct factors f = {0};
	uint8_t secret[TOTP_SECRET], other[TOTP_SECRET];
	char a[8], b[8];
	if (!enter(&r))
		return;
	CHECK_INT(totp_confirm(r.db, r.vault, r.an, STR("123456"), NOW), E_NOT_FOUND);
	CHECK_INT(totp_begin(r.db, r.vault, r.an, NOW, secret), 0);
	CHECK_INT(totp_use(r.db, r.vault, r.an, code_at(secret, NOW, a), NOW), E_NOT_FOUND); /* begun is not confirmed */
	CHECK(factors_of(r.db, r.an, &f) == 0 && !factors_any(&f));
	CHECK_INT(totp_begin(r.db, r.vault, r.an, NOW, other), 0); /* begun anew: the first secret is void */
	CHECK_INT(totp_confirm(r.db, r.vault, r.an, code_at(secret, NOW, a), NOW), E_DENIED);
	CHECK_INT(totp_confirm(r.db, r.vault, r.an, code_at(other, NOW, a), NOW), 0);
	CHECK_INT(totp_begin(r.db, r.vault, r.an, NOW, secret), E_EXISTS);
	CHECK_INT(totp_use(r.db, r.vault, r.an, code_at(other, NOW, a), NOW), E_DENIED); /* the code that confirmed it */
	CHECK_INT(totp_use(r.db, r.vault, r.an, code_at(other, NOW - 30000, a), NOW), E_DENIED); /* nor one before it */
	CHECK_INT(totp_use(r.db, r.vault, r.an, code_at(other, NOW + 30000, b), NOW), 0);
	CHECK_INT(totp_use(r.db, r.vault, r.an, code_at(other, NOW + 30000, b), NOW + 30000), E_DENIED);
	CHECK_INT(totp_use(r.db, r.vault, r.binh, code_at(other, NOW + 60000, b), NOW + 60000), E_NOT_FOUND);
	CHECK(factors_of(r.db, r.an, &f) == 0 && f.totp && f.totp_used_ms == NOW);
	CHECK_INT(totp_remove(r.db, r.an), 0);
	CHECK_INT(totp_use(r.db, r.vault, r.an, code_at(other, NOW + 60000, b), NOW + 60000), E_NOT_FOUND);
	leave(&r);
}

TEST(the_database_alone_gives_no_secret_away)
{
	struct room r;
	struct db_rows *rows;
	struct buf sealed = BUF_INIT;
	uint8_t secret[TOTP_SECRET], back[TOTP_SECRET];
	size_t n = 0;
	char path[512];
	struct stat st;
	if (!enter(&r))
		return;
	CHECK_INT(totp_begin(r.db, r.vault, r.an, NOW, secret), 0);
	CHECK_INT(db_query(r.db, &rows, Q_TOTP_GET, "ii", r.an, INT64_C(0)), 0);
	CHECK_INT(db_next(rows), 1);
	buf_add(&sealed, db_text(rows, 0));
	db_end(rows);
	CHECK(str_find(buf_str(&sealed), str_from((const char *)secret, TOTP_SECRET)) < 0);
	CHECK(vault_unseal(r.vault, r.an, buf_str(&sealed), back, sizeof back, &n) == 0 && n == TOTP_SECRET);
	CHECK(memcmp(back, secret, TOTP_SECRET) == 0);
	CHECK_INT(vault_unseal(r.vault, r.binh, buf_str(&sealed), back, sizeof back, &n), E_CORRUPT); /* not for another's row */
	CHECK_INT(vault_unseal(r.vault, r.an, buf_str(&sealed), back, TOTP_SECRET - 1, &n), E_CORRUPT);
	sealed.p[sealed.n - 1] = sealed.p[sealed.n - 1] == '0' ? '1' : '0';
	CHECK_INT(vault_unseal(r.vault, r.an, buf_str(&sealed), back, sizeof back, &n), E_CORRUPT);
	static const char *const nonsense[] = {"", "0", "zz", "00ff"};
	for (size_t i = 0; i < COUNT(nonsense); i++)
		CHECK_INT(vault_unseal(r.vault, r.an, str_z(nonsense[i]), back, sizeof back, &n), E_CORRUPT);
	snprintf(path, sizeof path, "%s/factor.key", r.folder);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 32);
	buf_release(&sealed);
	leave(&r);
}

TEST(recovery_codes_work_once_and_not_alone)
{
	struct room r;
	struct factors f = {0};
	uint8_t secret[TOTP_SECRET];
	char code[RECOVERY_CODES][RECOVERY_TEXT], again[RECOVERY_CODES][RECOVERY_TEXT], a[8];
	if (!enter(&r))
		return;
	CHECK_INT(recovery_renew(r.db, r.an, NOW, code), 0);
	CHECK_INT(recovery_use(r.db, r.an, str_z(code[0]), NOW), E_DENIED); /* nothing to recover from */
	CHECK_INT(totp_begin(r.db, r.vault, r.an, NOW, secret), 0);
	CHECK_INT(totp_confirm(r.db, r.vault, r.an, code_at(secret, NOW, a), NOW), 0);
	CHECK_INT(recovery_use(r.db, r.binh, str_z(code[0]), NOW), E_DENIED);
	CHECK_INT(recovery_use(r.db, r.an, str_z(code[0]), NOW), 0);
	CHECK_INT(recovery_use(r.db, r.an, str_z(code[0]), NOW), E_DENIED);
	struct buf typed = BUF_INIT; /* as people copy it from paper */
	for (const char *at = code[1]; *at; at++)
		buf_addf(&typed, "%c%s", *at == '-' ? ' ' : *at >= 'a' ? *at - 32 : *at, at == code[1] ? " " : "");
	CHECK_INT(recovery_use(r.db, r.an, buf_str(&typed), NOW), 0);
	buf_release(&typed);
	CHECK(factors_of(r.db, r.an, &f) == 0 && f.recovery == RECOVERY_CODES - 2);
	static const char *const wrong[] = {"", "-", "0000-0000-0000-0000", "0000-0000-0000-0000-0000-0000", "0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000"};
	for (size_t i = 0; i < COUNT(wrong); i++)
		CHECK_INT(recovery_use(r.db, r.an, str_z(wrong[i]), NOW), E_DENIED);
	CHECK_INT(recovery_renew(r.db, r.an, NOW, again), 0);
	CHECK_INT(recovery_use(r.db, r.an, str_z(code[2]), NOW), E_DENIED); /* of the sheet before */
	CHECK_INT(recovery_use(r.db, r.an, str_z(again[9]), NOW), 0);
	CHECK_INT(factors_reset(r.db, r.an), 0);
	CHECK(factors_of(r.db, r.an, &f) == 0 && !factors_any(&f) && !f.recovery);
	leave(&r);
}

TEST(tickets_end)
{
	struct tickets *t = tickets_new();
	char mine[SECRET_TEXT], other[SECRET_TEXT], one[SECRET_TEXT];
	CHECK_INT(ticket_new(t, TICKET_FACTOR, 7, NOW, mine)->person, 7);
	CHECK(ticket_find(t, str_z(mine), NOW + TICKET_MS - 1) && !ticket_find(t, str_z(mine), NOW + TICKET_MS));
	CHECK(!ticket_find(t, str_z(mine), NOW - 1)); /* the clock went back */
	CHECK(!ticket_find(t, STR(""), NOW) && !ticket_find(t, STR("x"), NOW));
	for (unsigned i = 0; i < 2 * TICKETS_MAX; i++) /* what anybody may ask for */
		ticket_new(t, TICKET_ALONE, 0, NOW, one);
	CHECK(ticket_find(t, str_z(mine), NOW) && ticket_find(t, str_z(one), NOW));
	ticket_new(t, TICKET_FACTOR, 8, NOW, other);
	tickets_end_of(t, 7);
	CHECK(!ticket_find(t, str_z(mine), NOW) && ticket_find(t, str_z(other), NOW));
	ticket_end(ticket_find(t, str_z(other), NOW));
	CHECK(!ticket_find(t, str_z(other), NOW));
	tickets_free(t);
}

static int64_t
rows_and_sum(struct db *db, int64_t *ret_sum, struct buf *names)
{
	struct db_rows *rows;
	int64_t n = 0;
	*ret_sum = 0;
	if (db_query(db, &rows, Q_FAILURE_LIST, "ssiii", STR(""), STR(""), INT64_C(100000), INT64_C(0), INT64_C(-1)) < 0)
		return -1;
	for (; db_next(rows) > 0; n++) {
		*ret_sum += db_i64(rows, 3);
		buf_addf(names, "%.*s,", STR_ARG(db_text(rows, 0)));
	}
	db_end(rows);
	return n;
}

TEST(failures_are_summed_and_a_flood_of_names_is_counted)
{
	struct room r;
	struct failures *f = failures_new();
	struct buf names = BUF_INIT;
	int64_t sum;
	if (!enter(&r))
		return;
	for (int i = 0; i < 1000; i++)
		failures_note(f, FAILURE_SIGN_IN, STR("an"), true, STR("192.0.2.1"), "password", NOW + i);
	CHECK_INT(failures_tick(f, r.db, NOW + 1000), 0);
	CHECK_INT(rows_and_sum(r.db, &sum, &names), 1);
	CHECK_INT(sum, 1000);
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof name, "u%d", i);
		failures_note(f, FAILURE_SIGN_IN, str_z(name), false, STR("192.0.2.1"), "password", NOW + i);
	}
	CHECK_INT(failures_tick(f, r.db, NOW + 1001), 0); /* too soon: kept */
	CHECK_INT(rows_and_sum(r.db, &sum, &names), 1);
	CHECK_INT(failures_write(f, r.db), 0); /* unless somebody reads them */
	CHECK_INT(rows_and_sum(r.db, &sum, &names), 1 + FAILURES_HELD);
	CHECK_INT(sum, 2000);
	buf_clear(&names);
	failures_note(f, FAILURE_SIGN_IN, STR("correct horse battery"), false, STR("::1"), "password", NOW); /* a password in the wrong field */
	failures_note(f, FAILURE_SIGN_IN, STR("hunter2hunter2"), false, STR("::1"), "password", NOW);
	failures_note(f, FAILURE_SIGN_IN, STR("\x1b[31mred"), false, STR("::1"), "password", NOW);
	CHECK_INT(failures_tick(f, r.db, NOW + 120000), 0);
	rows_and_sum(r.db, &sum, &names);
	CHECK(str_find(buf_str(&names), STR("horse")) < 0 && str_find(buf_str(&names), STR("hunter")) < 0);
	CHECK(str_find(buf_str(&names), STR("\x1b")) < 0 && str_find(buf_str(&names), STR("?,")) >= 0);
	buf_release(&names);
	failures_free(f);
	leave(&r);
}

TEST(a_flood_of_one_kind_hides_nothing_of_another)
{
	struct room r;
	struct failures *f = failures_new();
	struct buf names = BUF_INIT;
	int64_t sum;
	if (!enter(&r))
		return;
	for (int i = 0; i < 1000; i++) {
		char what[40];
		snprintf(what, sizeof what, "invalid POST /api/v1/%d", i);
		failures_note(f, FAILURE_INPUT, STR("an"), true, STR("192.0.2.1"), what, NOW + i);
		failures_note(f, FAILURE_REQUEST, STR("an"), true, STR("192.0.2.1"), what, NOW + i);
	}
	failures_note(f, FAILURE_SIGN_IN, STR("binh"), true, STR("192.0.2.2"), "password", NOW);
	CHECK_INT(failures_tick(f, r.db, NOW + 1000), 0);
	/* what both kinds call alike is one row in the database */
	CHECK_INT(rows_and_sum(r.db, &sum, &names), FAILURES_HELD - 1 + 2 + 1);
	CHECK_INT(sum, 2001);
	CHECK(str_find(buf_str(&names), STR("binh")) >= 0);
	buf_release(&names);
	failures_free(f);
	leave(&r);
}
