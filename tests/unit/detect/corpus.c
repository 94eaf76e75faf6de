/* SPDX-License-Identifier: EUPL-1.2 */
#include "corpus.h"

#include <fts.h>
#include <zstd.h>

#include "tap.h"

void
corpus_count_fault(void *user, const struct fault *f)
{
	struct faults *faults = user;
	faults->last = *f;
	faults->count++;
}

struct rules *
corpus_rules(void)
{
	struct buf map = BUF_INIT;
	struct fault fault = {0};
	struct rules *r = rules_new();
	CHECK(tap_read(tap_source("content/rules/map.yaml"), &map));
	CHECK_INT(rules_add_map(r, buf_str(&map), STR("map.yaml"), &fault), 0);
	buf_release(&map);
	return r;
}

static int
by_path(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

void
corpus_walk(const char *folder, struct str ending, void (*each)(void *user, const char *path), void *user)
{
	char root[1024];
	snprintf(root, sizeof root, "%s", folder);
	char *roots[] = {root, NULL};
	FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_path);
	for (FTSENT *at; walk && (at = fts_read(walk));)
		if (at->fts_info == FTS_F && str_ends(str_z(at->fts_path), ending))
			each(user, at->fts_path);
	if (walk)
		fts_close(walk);
}

struct loading {
	struct rules *r;
	struct faults *faults;
};

static void
add_file(void *user, const char *path)
{
	struct loading *l = user;
	struct buf text = BUF_INIT;
	CHECK(tap_read(path, &text));
	rules_add(l->r, buf_str(&text), str_z(path), corpus_count_fault, l->faults);
	buf_release(&text);
}

void
corpus_add_folder(struct rules *r, const char *folder, struct faults *faults)
{
	struct loading l = {r, faults};
	corpus_walk(folder, STR(".yml"), add_file, &l);
}

struct rules *
corpus_sigma(struct faults *faults)
{
	static const char *const folders[] = {"corpora/sigma/rules", "corpora/sigma/rules-emerging-threats",
		"corpora/sigma/rules-threat-hunting"};
	static const struct str list[] = {STR_INIT("cdc-one"), STR_INIT("cdc-two")};
	struct rules *r = corpus_rules();
	rules_add_placeholder(r, STR("known_cdcs"), list, COUNT(list));
	for (size_t i = 0; i < COUNT(folders); i++) {
		if (!tap_shared(folders[i])) {
			rules_free(r);
			return NULL;
		}
		corpus_add_folder(r, tap_shared(folders[i]), faults);
	}
	CHECK_INT(rules_finish(r, corpus_count_fault, faults), 0);
	return r;
}

bool
corpus_unpack(const char *path, struct buf *ret)
{
	struct buf packed = BUF_INIT;
	if (!tap_read(path, &packed))
		return false;
	unsigned long long n = ZSTD_getFrameContentSize(packed.p, packed.n);
	char *room = n < (1u << 30) ? buf_room(ret, n) : NULL;
	size_t got = room ? ZSTD_decompress(room, n, packed.p, packed.n) : 0;
	bool ok = room && !ZSTD_isError(got);
	ret->n += ok ? got : 0;
	buf_release(&packed);
	return ok;
}
