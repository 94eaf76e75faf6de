/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_record FOLDER [ENTRIES]: entries of 300 bytes into a log (a checkpoint every thousand), the whole of it verified, a
 * proof of one, and the root over what an archive seals.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"
#include "store/archive_sealed.h"
#include "store/tlog.h"

#define ENTRY 300u
#define TOGETHER 1000u

static double
seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "%s: %s\n", what, error_name(error));
		exit(1);
	}
}

static void
bench_seal(void)
{
	enum { BATCH = 64 << 10, BATCHES = 2000 };
	char *bytes = mem_calloc(BATCH, 1);
	struct merkle_range range = {0};
	double from = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t i = 1; i <= BATCHES; i++) {
		struct merkle_hash leaf = archive_sealed_leaf(i, str_from(bytes, BATCH));
		merkle_range_add(&range, &leaf);
	}
	double took = seconds(CLOCK_THREAD_CPUTIME_ID) - from;
	printf("sealing: %.2f us of CPU per event of 300 bytes\n", took / ((double)BATCHES * BATCH / ENTRY) * 1e6);
	mem_free(bytes);
}

int
main(int argc, char **argv)
{
	struct note_key key;
	uint8_t secret[NOTE_SECRET];
	struct tlog *t;
	struct fault f = {0};
	struct buf proof = BUF_INIT;
	char entry[ENTRY];
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000, read = 0;
	if (argc < 2)
		return 2;
	mkdir(argv[1], 0700);
	must(note_key_new(STR("khien/bench"), NOTE_ED25519, &key, secret), "key");
	must(tlog_open(&store_io_disk, str_z(argv[1]), &key, &t, &f), "open");
	memset(entry, 'x', sizeof entry);
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < n; i++) {
		memcpy(entry, &i, sizeof i);
		must(tlog_append(t, str_from(entry, sizeof entry)), "append");
		if (i % TOGETHER == TOGETHER - 1)
			must(tlog_publish(t, &key, secret), "publish");
	}
	printf("append: %.2f us of CPU, %.2f us in all\n", (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)n * 1e6,
	    (seconds(CLOCK_MONOTONIC) - wall) / (double)n * 1e6);
	must(tlog_proof(t, n / 3, &proof), "proof");
	printf("proof: %zu bytes\n", proof.n);
	tlog_close(t);
	wall = seconds(CLOCK_MONOTONIC);
	must(tlog_verify(&store_io_disk, str_z(argv[1]), &key, NULL, NULL, &read, &f), "verify");
	printf("verify: %llu entries in %.2f s\n", (unsigned long long)read, seconds(CLOCK_MONOTONIC) - wall);
	bench_seal();
	buf_release(&proof);
	return 0;
}
