/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/witness.h"

#include <sys/stat.h>

#include "store/tlog.h"
#include "store/whole.h"
#include "tap.h"

static struct note_key key;
static uint8_t secret[NOTE_SECRET];

struct world {
	const char *folder;
	char path[512];
	struct tlog *log;
	struct witness *witness;
	struct buf out;
};

static void
begin(struct world *w)
{
	char folder[512];
	struct fault f = {0};
	*w = (struct world){.folder = tap_folder(), .out = BUF_INIT};
	CHECK_INT(note_key_new(STR("khien/test"), NOTE_ED25519, &key, secret), 0);
	snprintf(folder, sizeof folder, "%s/log", w->folder);
	CHECK_INT(mkdir(folder, 0700), 0);
	snprintf(w->path, sizeof w->path, "%s/witness", w->folder);
	CHECK_INT(mkdir(w->path, 0700), 0);
	CHECK_INT(tlog_open(&store_io_disk, str_z(folder), &key, &w->log, &f), 0);
	CHECK_INT(witness_open(&store_io_disk, str_z(w->path), STR(""), &key, 1, &w->witness, &f), 0);
}

static void
end(struct world *w)
{
	tlog_close(w->log);
	witness_close(w->witness);
	buf_release(&w->out);
}

static void
grow(struct tlog *t, unsigned upto, const char *story)
{
	char entry[64];
	while (tlog_size(t) < upto) {
		snprintf(entry, sizeof entry, "%s %u", story, (unsigned)tlog_size(t));
		CHECK_INT(tlog_append(t, str_z(entry)), 0);
	}
	CHECK_INT(tlog_publish(t, &key, secret), 0);
}

static enum witness_answer
add(struct world *w, struct tlog *t, uint64_t old, bool *ret_fork)
{
	struct buf body = BUF_INIT;
	struct merkle_nodes nodes = tlog_nodes(t);
	struct merkle_proof proof = {.count = 0};
	if (old && old < tlog_published(t))
		CHECK_INT(merkle_consistency(&nodes, old, tlog_published(t), &proof), 0);
	buf_addf(&body, "old %llu\n", (unsigned long long)old);
	for (uint32_t i = 0; i < proof.count; i++) {
		base64_add(&body, proof.hash[i].bytes, MERKLE_HASH);
		buf_add_char(&body, '\n');
	}
	buf_add_char(&body, '\n');
	buf_add(&body, tlog_checkpoint(t));
	buf_clear(&w->out);
	enum witness_answer answer = witness_add(w->witness, buf_str(&body), 1700000000, &w->out, ret_fork);
	buf_release(&body);
	return answer;
}

TEST(a_log_that_grows_is_cosigned_at_every_size_and_its_state_survives)
{
	struct world w;
	struct checkpoint c;
	struct str seen;
	bool fork;
	uint64_t old = 0;
	begin(&w);
	for (unsigned size = 1; size < 900; size += 1 + size / 3) {
		grow(w.log, size, "one");
		CHECK_INT(add(&w, w.log, old, &fork), WITNESS_COSIGNED);
		CHECK(!fork);
		CHECK_INT(tlog_cosign(w.log, tlog_checkpoint(w.log), buf_str(&w.out), witness_key(w.witness)), 0);
		old = tlog_published(w.log);
		witness_close(w.witness);
		CHECK_INT(witness_open(&store_io_disk, str_z(w.path), STR(""), &key, 1, &w.witness, NULL), 0);
		CHECK_INT(witness_seen(w.witness, 0, &seen), 0);
		CHECK_INT(checkpoint_read(seen, &c), 0);
		CHECK_INT(c.size, old);
	}
	/* asked from elsewhere it tells where it is */
	CHECK_INT(add(&w, w.log, 0, &fork), WITNESS_CONFLICT);
	char size[24];
	snprintf(size, sizeof size, "%llu\n", (unsigned long long)old);
	CHECK_STR(buf_str(&w.out), str_z(size));
	CHECK_INT(add(&w, w.log, old, &fork), WITNESS_COSIGNED);
	end(&w);
}

TEST(a_second_story_is_refused_and_kept)
{
	struct world w;
	struct tlog *other;
	char folder[512];
	bool fork;
	begin(&w);
	grow(w.log, 300, "one");
	CHECK_INT(add(&w, w.log, 0, &fork), WITNESS_COSIGNED);
	snprintf(folder, sizeof folder, "%s/other", w.folder);
	CHECK_INT(mkdir(folder, 0700), 0);
	CHECK_INT(tlog_open(&store_io_disk, str_z(folder), &key, &other, NULL), 0);
	grow(other, 300, "two");
	CHECK_INT(add(&w, other, 300, &fork), WITNESS_CONFLICT);
	CHECK(fork);
	grow(other, 310, "two");
	CHECK_INT(add(&w, other, 300, &fork), WITNESS_FORK);
	CHECK(fork);
	CHECK_INT(witness_forks(w.witness), 2);
	struct merkle_nodes nodes = tlog_nodes(other);
	CHECK_INT(witness_look(w.witness, tlog_checkpoint(other), &nodes, 1700000000, &w.out, &fork), WITNESS_FORK);
	witness_close(w.witness);
	CHECK_INT(witness_open(&store_io_disk, str_z(w.path), STR(""), &key, 1, &w.witness, NULL), 0);
	CHECK_INT(witness_forks(w.witness), 3);
	CHECK_INT(add(&w, w.log, 300, &fork), WITNESS_COSIGNED);
	tlog_close(other);
	end(&w);
}

/* A disk that takes nothing. */
static int
full_sync(void *user, int fd)
{
	return E_FULL;
}

TEST(what_is_not_on_disk_is_not_signed)
{
	struct world w;
	struct store_io full = store_io_disk;
	bool fork;
	begin(&w);
	witness_close(w.witness);
	full.sync = full_sync;
	CHECK_INT(witness_open(&full, str_z(w.path), STR(""), &key, 1, &w.witness, NULL), 0);
	grow(w.log, 10, "one");
	CHECK_INT(add(&w, w.log, 0, &fork), WITNESS_FAILED);
	CHECK_INT(w.out.n, 0);
	end(&w);
}
