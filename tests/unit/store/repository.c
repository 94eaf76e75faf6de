/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/repository.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "tap.h"

static const uint8_t key[REPO_KEY] = "a key of thirty-two bytes ......";

static struct repo *
open_at(const char *folder)
{
	struct repo *v = NULL;
	CHECK_INT(repo_open(folder, key, true, &v, NULL), 0);
	return v;
}

TEST(what_is_put_comes_back)
{
	const char *folder = tap_folder();
	struct repo *v = open_at(folder);
	struct repo_id id[3], again;
	struct buf got = BUF_INIT;
	uint64_t stored, same;
	char *big = calloc(1, REPO_PIECE);
	for (size_t i = 0; i < REPO_PIECE; i++)
		big[i] = (char)(i * 2654435761u >> 13);
	const struct str text[] = {STR("one line\n"), {"", 0}, {big, REPO_PIECE}};
	for (size_t i = 0; i < COUNT(text); i++) {
		CHECK_INT(repo_put(v, text[i], &id[i], &stored), 0);
		CHECK(stored > 0);
		CHECK_INT(repo_put(v, text[i], &again, &same), 0);
		CHECK(same == 0 && memcmp(&again, &id[i], sizeof again) == 0);
	}
	repo_close(v);
	v = open_at(folder);
	for (size_t i = 0; i < COUNT(text); i++) {
		CHECK_INT(repo_get(v, &id[i], &got), 0);
		CHECK(str_eq(buf_str(&got), text[i]));
	}
	memset(again.bytes, 7, REPO_ID);
	CHECK_INT(repo_get(v, &again, &got), E_NOT_FOUND);
	buf_release(&got);
	free(big);
	repo_close(v);
}

TEST(lists_come_in_order_and_pieces_go_when_none_names_them)
{
	struct repo *v = open_at(tap_folder());
	struct repo_id id[20];
	struct buf got = BUF_INIT;
	struct arena arena;
	struct str *name;
	uint32_t count;
	uint64_t stored, removed;
	arena_init(&arena, 4096, 1 << 20);
	CHECK_INT(repo_list_put(v, STR("b-2"), STR("second")), 0);
	CHECK_INT(repo_list_put(v, STR("a_1"), STR("first")), 0);
	CHECK_INT(repo_list_put(v, STR("../x"), STR("no")), E_INVALID);
	CHECK_INT(repo_lists(v, &arena, &name, &count), 0);
	CHECK_INT(count, 2);
	CHECK_STR(name[0], STR("a_1"));
	CHECK_INT(repo_list_get(v, STR("b-2"), &got), 0);
	CHECK_STR(buf_str(&got), STR("second"));
	CHECK_INT(repo_list_drop(v, STR("a_1")), 0);
	CHECK_INT(repo_list_get(v, STR("a_1"), &got), E_NOT_FOUND);
	for (uint32_t i = 0; i < COUNT(id); i++)
		CHECK_INT(repo_put(v, str_from((const char *)&i, sizeof i), &id[i], &stored), 0);
	CHECK_INT(repo_sweep(v, id + 5, 10, &removed), 0);
	CHECK_INT(removed, 10);
	for (uint32_t i = 0; i < COUNT(id); i++)
		CHECK_INT(repo_get(v, &id[i], &got), i >= 5 && i < 15 ? 0 : E_NOT_FOUND);
	buf_release(&got);
	arena_release(&arena);
	repo_close(v);
}

TEST(a_foreign_folder_a_foreign_key_and_two_at_once)
{
	const char *folder = tap_folder();
	char path[512];
	struct repo *v = open_at(folder), *second = NULL;
	uint8_t other[REPO_KEY] = {1};
	struct fault f = {0};
	CHECK_INT(repo_open(folder, key, true, &second, NULL), E_BUSY);
	repo_close(v);
	CHECK_INT(repo_open(folder, other, true, &second, &f), E_DENIED);
	CHECK_STR(str_z(f.what), STR("repo_key"));
	snprintf(path, sizeof path, "%s/elsewhere", folder);
	CHECK_INT(repo_open(path, key, false, &second, NULL), E_NOT_FOUND);
	snprintf(path, sizeof path, "%s/pieces", folder);
	CHECK_INT(rmdir(path), 0);
	snprintf(path, sizeof path, "%s/repository", folder);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(repo_open(folder, key, true, &second, NULL), E_INVALID); /* it has a folder of lists: not empty */
}

TEST(a_key_survives_paper)
{
	uint8_t got[REPO_KEY], back[REPO_KEY];
	char text[REPO_KEY_TEXT], typed[REPO_KEY_TEXT];
	for (int round = 0; round < 64; round++) {
		for (size_t i = 0; i < REPO_KEY; i++)
			got[i] = (uint8_t)(i * 37 + (size_t)round * 101);
		repo_key_text(got, text);
		CHECK_INT(strlen(text), 62);
		for (size_t i = 0; i < sizeof text; i++)
			typed[i] = text[i] == '-' ? ' ' : ascii_lower(text[i]);
		CHECK_INT(repo_key_read(str_z(typed), back), 0);
		CHECK(memcmp(back, got, REPO_KEY) == 0);
		typed[round % 62] = typed[round % 62] == 'a' ? 'b' : 'a';
		CHECK_INT(repo_key_read(str_z(typed), back), E_INVALID);
	}
	CHECK_INT(repo_key_read(STR(""), back), E_INVALID);
	CHECK_INT(repo_key_read(STR("AAAA"), back), E_INVALID);
}
