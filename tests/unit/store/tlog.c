/* SPDX-License-Identifier: EUPL-1.2 */
/* The Merkle tree against its definition, notes against the specification's example, the log against power cuts. */
#include "store/tlog.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../disk.h"
#include "base/hash.h"
#include "base/memory.h"
#include "tap.h"

/* ---- the tree ---- */

struct leaves {
	struct merkle_hash *hash;
	uint64_t count;
};

/* RFC 6962, 2.1, word for word. */
static struct merkle_hash
slow_root(const struct merkle_hash *leaf, uint64_t n)
{
	struct merkle_hash h, left, right;
	uint64_t k = 1;
	if (n == 0) {
		sha256(STR(""), h.bytes);
		return h;
	}
	if (n == 1)
		return *leaf;
	while (k * 2 < n)
		k *= 2;
	left = slow_root(leaf, k);
	right = slow_root(leaf + k, n - k);
	return merkle_join(&left, &right);
}

static int
leaves_node(void *user, unsigned level, uint64_t index, struct merkle_hash *ret)
{
	struct leaves *l = user;
	if ((index + 1) << level > l->count)
		return E_NOT_FOUND;
	*ret = slow_root(l->hash + (index << level), UINT64_C(1) << level);
	return 0;
}

static struct str
hex(const struct merkle_hash *h, char to[2 * MERKLE_HASH + 1])
{
	for (size_t i = 0; i < MERKLE_HASH; i++)
		snprintf(to + 2 * i, 3, "%02x", h->bytes[i]);
	return str_z(to);
}

TEST(roots_of_the_eight_leaves_of_certificate_transparency)
{
	static const struct str leaf[] = {STR_INIT(""), STR_INIT("\0"), STR_INIT("\x10"), STR_INIT("\x20\x21"),
	    STR_INIT("\x30\x31"), STR_INIT("\x40\x41\x42\x43"), STR_INIT("\x50\x51\x52\x53\x54\x55\x56\x57"),
	    STR_INIT("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f")};
	static const char *const root[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
	struct merkle_hash hash[8], got;
	struct leaves l = {hash, 8};
	struct merkle_nodes nodes = {&l, leaves_node};
	char text[2 * MERKLE_HASH + 1];
	for (size_t i = 0; i < COUNT(leaf); i++)
		hash[i] = merkle_leaf(leaf[i]);
	for (size_t n = 0; n < COUNT(root); n++) {
		CHECK_INT(merkle_root(&nodes, n, &got), 0);
		CHECK_STR(hex(&got, text), str_z(root[n]));
	}
}

/* Every proof of every small tree holds, and holds for nothing else. */
TEST(proofs_hold_and_forged_ones_do_not)
{
	enum { N = 70 };
	struct merkle_hash hash[N], root[N + 1];
	struct leaves l = {hash, N};
	struct merkle_nodes nodes = {&l, leaves_node};
	struct merkle_proof p;
	uint64_t wrong = 0, right = 0;
	for (uint32_t i = 0; i < N; i++)
		hash[i] = merkle_leaf(str_from((const char *)&i, sizeof i));
	for (uint32_t n = 0; n <= N; n++)
		root[n] = slow_root(hash, n);
	for (uint64_t n = 1; n <= N; n++)
		for (uint64_t i = 0; i < n; i++) {
			CHECK_INT(merkle_inclusion(&nodes, i, n, &p), 0);
			right += merkle_includes(&hash[i], i, n, &p, &root[n]);
			wrong += merkle_includes(&hash[(i + 1) % N], i, n, &p, &root[n]);
			wrong += merkle_includes(&hash[i], i, n, &p, &root[n - 1]);
			wrong += n > 1 && merkle_includes(&hash[i], (i + 1) % n, n, &p, &root[n]);
			for (uint32_t k = 0; k < p.count; k++) {
				struct merkle_proof bad = p;
				bad.hash[k].bytes[k % MERKLE_HASH] ^= 1;
				wrong += merkle_includes(&hash[i], i, n, &bad, &root[n]);
			}
			p.count -= p.count > 0;
			wrong += n > 1 && merkle_includes(&hash[i], i, n, &p, &root[n]);
		}
	CHECK_INT(right, N * (N + 1) / 2);
	for (uint64_t to = 0; to <= N; to++)
		for (uint64_t from = 0; from <= to; from++) {
			CHECK_INT(merkle_consistency(&nodes, from, to, &p), 0);
			CHECK(merkle_consistent(from, &root[from], to, &root[to], &p));
			struct merkle_hash other = root[from];
			other.bytes[0] ^= 1;
			wrong += from && merkle_consistent(from, &other, to, &root[to], &p);
			wrong += from && from < to && merkle_consistent(from, &root[from], to, &root[to - 1], &p);
			for (uint32_t k = 0; k < p.count; k++) {
				struct merkle_proof bad = p;
				bad.hash[k].bytes[7] ^= 0x80;
				wrong += merkle_consistent(from, &root[from], to, &root[to], &bad);
			}
		}
	CHECK_INT(wrong, 0);
	CHECK_INT(merkle_inclusion(&nodes, 5, 5, &p), E_INVALID);
	CHECK_INT(merkle_consistency(&nodes, 6, 5, &p), E_INVALID);
}

/* ---- notes ---- */

TEST(the_example_of_the_specification_is_believed_and_no_other)
{
	static const char key_text[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
	static const char line[] = "\xe2\x80\x94 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERY"
				   "NZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
	struct note_key key;
	struct buf text = BUF_INIT;
	struct checkpoint c = {.body = STR("This is an example message.\n"), .signatures = STR(line)};
	CHECK_INT(note_key_read(STR(key_text), &key), 0);
	note_key_text(&key, &text);
	CHECK_STR(buf_str(&text), STR(key_text));
	CHECK_INT(checkpoint_signed_by(&c, &key, NULL), 0);
	c.body = STR("This is an example message!\n");
	CHECK_INT(checkpoint_signed_by(&c, &key, NULL), E_CORRUPT);
	key.id++;
	CHECK_INT(checkpoint_signed_by(&c, &key, NULL), E_NOT_FOUND);
	CHECK_INT(note_key_read(STR("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"), &key), E_INVALID);
	CHECK_INT(note_key_read(STR("a+b"), &key), E_INVALID);
	CHECK_INT(note_key_new(STR("a b"), NOTE_ED25519, &key, (uint8_t[NOTE_SECRET]){0}), E_INVALID);
	buf_release(&text);
}

TEST(checkpoints_are_read_strictly)
{
	static const char good[] = "a\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA\n";
	static const struct {
		const char *text;
		int error;
	} row[] = {
	    {good, 0},
	    {"a\n05\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n", E_INVALID},
	    {"a\n+5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n", E_INVALID},
	    {"a\n9223372036854775808\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n", E_LIMIT},
	    {"a\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n\nx\n", E_INVALID},
	    {"a\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n\nx\n", E_INVALID}, /* stray bits */
	    {"a\n5\nAAAA\n\nx\n", E_INVALID},
	    {"\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n", E_INVALID},
	    {"a\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nx\n", E_INVALID},
	    {"a\t\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n", E_INVALID},
	    {"", E_INVALID},
	};
	struct checkpoint c;
	for (size_t i = 0; i < COUNT(row); i++)
		CHECK_INT(checkpoint_read(str_z(row[i].text), &c), row[i].error);
	CHECK_INT(checkpoint_read(STR(good), &c), 0);
	CHECK_STR(c.origin, STR("a"));
	CHECK_INT(c.size, 5);
}

/* ---- the log ---- */

static struct note_key key, witness;
static uint8_t secret[NOTE_SECRET], witness_secret[NOTE_SECRET];

static void
make_keys(void)
{
	CHECK_INT(note_key_new(STR("khien.example/log"), NOTE_ED25519, &key, secret), 0);
	CHECK_INT(note_key_new(STR("agency.example/witness"), NOTE_COSIGNATURE, &witness, witness_secret), 0);
}

static struct str
entry_of(uint64_t i, char to[64])
{
	int n = snprintf(to, 64, "{\"entry\":%llu}", (unsigned long long)i);
	return str_from(to, (size_t)n);
}

static void
append(struct tlog *t, uint64_t from, uint64_t to)
{
	char text[64];
	for (uint64_t i = from; i < to; i++)
		CHECK_INT(tlog_append(t, entry_of(i, text)), 0);
}

static struct merkle_hash
true_root(uint64_t size)
{
	struct merkle_hash *leaf = mem_calloc(size + 1, sizeof *leaf), root;
	char text[64];
	for (uint64_t i = 0; i < size; i++)
		leaf[i] = merkle_leaf(entry_of(i, text));
	root = slow_root(leaf, size);
	mem_free(leaf);
	return root;
}

static void
check_log(const struct store_io *io, const char *folder, uint64_t size)
{
	struct tlog *t = NULL;
	struct fault f = {0};
	struct checkpoint c;
	uint64_t n = 0;
	CHECK_INT(tlog_open(io, str_z(folder), &key, &t, &f), 0);
	if (!t) {
		printf("# %s %s\n", f.what, f.arg);
		return;
	}
	struct merkle_hash root = true_root(size);
	CHECK_INT(tlog_size(t), size);
	CHECK_INT(checkpoint_read(tlog_checkpoint(t), &c), 0);
	CHECK(c.size == size && merkle_equal(&c.root, &root));
	tlog_close(t);
	CHECK_INT(tlog_verify(io, str_z(folder), &key, NULL, NULL, &n, &f), 0);
	CHECK_INT(n, size);
}

static void
check_reading(struct tlog *t, uint64_t size)
{
	struct merkle_nodes nodes = tlog_nodes(t);
	struct merkle_hash root = true_root(size), old_root;
	struct merkle_proof p;
	char text[64];
	for (uint64_t i = 0; i < size; i += 1 + size / 97) {
		struct buf got = BUF_INIT;
		CHECK_INT(tlog_entry(t, i, &got), 0);
		CHECK_STR(buf_str(&got), entry_of(i, text));
		struct merkle_hash leaf = merkle_leaf(buf_str(&got));
		CHECK_INT(merkle_inclusion(&nodes, i, size, &p), 0);
		CHECK(merkle_includes(&leaf, i, size, &p, &root));
		CHECK_INT(merkle_consistency(&nodes, i, size, &p), 0);
		CHECK_INT(merkle_root(&nodes, i, &old_root), 0);
		CHECK(merkle_consistent(i, &old_root, size, &root, &p));
		buf_release(&got);
	}
}

TEST(a_log_grows_over_its_tiles_and_is_read_again)
{
	static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 700, 65535, 65536, 65537, 66000};
	struct tlog *t = NULL;
	struct fault f;
	uint64_t size = 0;
	const char *folder = tap_folder();
	make_keys();
	CHECK_INT(tlog_open(&store_io_disk, str_z(folder), &key, &t, &f), 0);
	CHECK_INT(tlog_publish(t, &key, secret), 0); /* of nothing */
	for (size_t i = 0; i < COUNT(sizes); i++) {
		append(t, size, sizes[i]);
		size = sizes[i];
		CHECK_INT(tlog_publish(t, &key, secret), 0);
		CHECK_INT(tlog_publish(t, &key, secret), 0);
		CHECK_INT(tlog_published(t), size);
		check_log(&store_io_disk, folder, size);
		if (size % 256 == 1) { /* and goes on after a stop */
			tlog_close(t);
			CHECK_INT(tlog_open(&store_io_disk, str_z(folder), &key, &t, &f), 0);
		}
	}
	check_reading(t, size);
	tlog_close(t);
}

TEST(entries_have_a_length_and_an_end)
{
	struct tlog *t = NULL;
	struct fault f;
	struct buf big = BUF_INIT, got = BUF_INIT;
	make_keys();
	memset(buf_room(&big, TLOG_ENTRY_MAX + 1), 'x', TLOG_ENTRY_MAX + 1);
	CHECK_INT(tlog_open(&store_io_disk, str_z(tap_folder()), &key, &t, &f), 0);
	CHECK_INT(tlog_append(t, str_from(big.p, TLOG_ENTRY_MAX + 1)), E_LIMIT);
	CHECK_INT(tlog_size(t), 0);
	for (int i = 0; i < 300; i++)
		CHECK_INT(tlog_append(t, str_from(big.p, TLOG_ENTRY_MAX)), 0);
	CHECK_INT(tlog_append(t, STR("")), 0);
	CHECK_INT(tlog_publish(t, &key, secret), 0);
	CHECK_INT(tlog_entry(t, 3, &got), 0);
	CHECK_INT(got.n, TLOG_ENTRY_MAX);
	CHECK_INT(tlog_entry(t, 301, &got), E_NOT_FOUND);
	tlog_close(t);
	buf_release(&big);
	buf_release(&got);
}

TEST(witnesses_sign_and_strangers_do_not)
{
	struct tlog *t = NULL;
	struct fault f;
	struct checkpoint c;
	struct buf lines = BUF_INIT, proof = BUF_INIT, before = BUF_INIT, fork = BUF_INIT;
	uint64_t size = 0;
	struct note_key stranger;
	uint8_t stranger_secret[NOTE_SECRET];
	int64_t time_s = 0;
	make_keys();
	CHECK_INT(note_key_new(STR("agency.example/witness"), NOTE_COSIGNATURE, &stranger, stranger_secret), 0);
	const char *folder = tap_folder();
	CHECK_INT(tlog_open(&store_io_disk, str_z(folder), &key, &t, &f), 0);
	append(t, 0, 300);
	CHECK_INT(tlog_publish(t, &key, secret), 0);
	CHECK_INT(checkpoint_read(tlog_checkpoint(t), &c), 0);
	note_sign(c.body, &stranger, stranger_secret, 1700000000, &lines);
	buf_add(&before, tlog_checkpoint(t));
	CHECK_INT(tlog_cosigned(t, &witness, &size, &time_s), E_NOT_FOUND);
	CHECK_INT(tlog_cosign(t, buf_str(&before), buf_str(&lines), &witness), E_NOT_FOUND);
	note_sign(c.body, &witness, witness_secret, 1700000000, &lines);
	append(t, 300, 400); /* the answer comes when the log is further */
	CHECK_INT(tlog_publish(t, &key, secret), 0);
	CHECK_INT(tlog_cosign(t, buf_str(&before), buf_str(&lines), &witness), 0);
	CHECK_INT(tlog_cosigned(t, &witness, &size, &time_s), 0);
	CHECK_INT(size, 300);
	CHECK_INT(time_s, 1700000000);
	CHECK_INT(tlog_cosigned(t, &stranger, &size, &time_s), E_NOT_FOUND);
	/* A cosignature of another tree of the same size is a witness against this one, and is not kept for ours */
	struct merkle_hash other = merkle_leaf(STR("another history"));
	checkpoint_body(str_z(key.name), 300, &other, &fork);
	size_t body = fork.n;
	buf_add_char(&fork, '\n');
	note_sign(str_from(fork.p, body), &witness, witness_secret, 1700000001, &fork);
	CHECK_INT(tlog_cosigned_note(t, buf_str(&fork), &witness, &size, &time_s), E_CORRUPT);
	CHECK_INT(tlog_cosign(t, buf_str(&fork), str_skip(buf_str(&fork), body + 1), &witness), E_CORRUPT);
	CHECK_INT(tlog_cosigned(t, &witness, &size, &time_s), 0);
	buf_release(&before);
	buf_release(&fork);
	CHECK_INT(tlog_proof(t, 299, &proof), 0);
	CHECK(proof.n <= 1024);
	CHECK_INT(tlog_proof(t, 400, &proof), E_NOT_FOUND);
	tlog_close(t);
	check_log(&store_io_disk, folder, 400);
	buf_release(&lines);
	buf_release(&proof);
}

/* ---- what must not pass ---- */

/* Flips one bit of every byte of every file, one after the other: each time opening or verifying says so. */
static void
flip_file(const char *folder, const char *path, uint64_t *flips, uint64_t *unseen)
{
	char full[PATH_MAX];
	struct fault f;
	uint64_t n;
	snprintf(full, sizeof full, "%s/%s", folder, path);
	FILE *file = fopen(full, "r+b");
	CHECK(file != NULL);
	if (!file)
		return;
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	for (long at = 0; at < size; at += 1 + size / 61) {
		fseek(file, at, SEEK_SET);
		int was = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(was ^ 1, file);
		fflush(file);
		(*flips)++;
		if (tlog_verify(&store_io_disk, str_z(folder), &key, NULL, NULL, &n, &f) == 0) {
			printf("# %s: byte %ld changed and nobody saw it\n", path, at);
			(*unseen)++;
		}
		fseek(file, at, SEEK_SET);
		fputc(was, file);
		fflush(file);
	}
	fclose(file);
}

TEST(no_bit_changes_unseen)
{
	static const char *const files[] = {"checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2",
	    "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"};
	struct tlog *t = NULL;
	struct fault f;
	uint64_t flips = 0, unseen = 0;
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", tap_folder());
	make_keys();
	CHECK_INT(tlog_open(&store_io_disk, str_z(folder), &key, &t, &f), 0);
	append(t, 0, 600);
	CHECK_INT(tlog_publish(t, &key, secret), 0);
	tlog_close(t);
	for (size_t i = 0; i < COUNT(files); i++)
		flip_file(folder, files[i], &flips, &unseen);
	CHECK(flips > 400);
	CHECK_INT(unseen, 0);
	check_log(&store_io_disk, folder, 600);
}

TEST(a_rewritten_log_is_not_consistent_with_what_a_witness_saw)
{
	struct tlog *first = NULL, *second = NULL;
	struct fault f;
	struct merkle_hash seen, fresh;
	struct merkle_proof p;
	char one[PATH_MAX], two[PATH_MAX];
	make_keys();
	snprintf(one, sizeof one, "%s", tap_folder());
	snprintf(two, sizeof two, "%s", tap_folder());
	CHECK_INT(tlog_open(&store_io_disk, str_z(one), &key, &first, &f), 0);
	CHECK_INT(tlog_open(&store_io_disk, str_z(two), &key, &second, &f), 0);
	append(first, 0, 500);
	append(second, 0, 100);
	CHECK_INT(tlog_append(second, STR("somebody else did it")), 0); /* entry 100 is another */
	append(second, 101, 700);
	struct merkle_nodes was = tlog_nodes(first), is = tlog_nodes(second);
	CHECK_INT(merkle_root(&was, 500, &seen), 0);
	CHECK_INT(merkle_root(&is, 700, &fresh), 0);
	CHECK_INT(merkle_consistency(&is, 500, 700, &p), 0);
	CHECK(!merkle_consistent(500, &seen, 700, &fresh, &p));
	append(first, 500, 700);
	CHECK_INT(merkle_root(&was, 700, &fresh), 0);
	CHECK_INT(merkle_consistency(&was, 500, 700, &p), 0);
	CHECK(merkle_consistent(500, &seen, 700, &fresh, &p));
	tlog_close(first);
	tlog_close(second);
}

/* ---- power cuts and failing disks ---- */

/* Appends and publishes until the disk refuses; returns what was published, which must be there after the cut. */
static uint64_t
work_until_refused(struct disk *d, uint64_t steps)
{
	struct tlog *t = NULL;
	struct fault f;
	uint64_t published = 0;
	char text[64];
	if (tlog_open(&d->io, STR("log"), &key, &t, &f) < 0)
		return 0;
	published = tlog_published(t);
	for (uint64_t i = 0; i < steps; i++) {
		if (tlog_append(t, entry_of(tlog_size(t), text)) < 0)
			break;
		if (i % 37 == 36 && tlog_publish(t, &key, secret) < 0)
			break;
		published = tlog_published(t);
	}
	tlog_close(t);
	return published;
}

TEST(a_published_entry_outlives_every_power_cut)
{
	uint64_t lost = 0, cuts = 400;
	make_keys();
	for (uint64_t seed = 1; seed <= cuts; seed++) {
		struct disk d;
		struct tlog *t = NULL;
		struct fault f = {0};
		disk_init(&d, seed);
		uint64_t published = work_until_refused(&d, 100 + disk_random(&d) % 500);
		d.fail_at = d.calls + 1 + disk_random(&d) % 200;
		d.fail_on = true;
		uint64_t more = work_until_refused(&d, 300);
		published = more > published ? more : published;
		d.fail_at = 0;
		disk_cut_power(&d);
		int error = tlog_open(&d.io, STR("log"), &key, &t, &f);
		if (error || tlog_size(t) < published) {
			printf("# seed %llu: %s %s\n", (unsigned long long)seed, f.what ? f.what : "short", f.arg);
			lost++;
		}
		tlog_close(t);
		uint64_t n = 0;
		lost += !error && tlog_verify(&d.io, STR("log"), &key, NULL, NULL, &n, &f) < 0;
		disk_release(&d);
	}
	CHECK_INT(lost, 0);
}

TEST(a_call_that_fails_once_is_made_again)
{
	uint64_t refused = 0;
	make_keys();
	for (uint64_t call = 1; call < 60; call++) {
		struct disk d;
		struct tlog *t = NULL;
		struct fault f;
		char text[64];
		disk_init(&d, call);
		CHECK_INT(tlog_open(&d.io, STR("log"), &key, &t, &f), 0);
		append(t, 0, 250);
		CHECK_INT(tlog_publish(t, &key, secret), 0);
		d.fail_at = d.calls + call;
		while (tlog_size(t) < 520)
			refused += tlog_append(t, entry_of(tlog_size(t), text)) < 0;
		while (tlog_publish(t, &key, secret) < 0)
			refused++;
		d.fail_at = 0;
		tlog_close(t);
		check_log(&d.io, "log", 520);
		disk_release(&d);
	}	CHECK(refused >= 50); /* each of them was felt, but for those that fell on tidying up */
}
