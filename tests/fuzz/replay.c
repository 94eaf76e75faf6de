/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Runs a fuzz target over files as an ordinary test (TAP): every input of the folders named, copied to a block of
 * exactly its size so that AddressSanitizer sees one byte too far, then each input again with bytes cut off its end and
 * with single bytes changed: a few thousand executions in a second.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

static void
run_copy(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		abort();
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	runs++;
}

static void
run_mutations(uint8_t *data, size_t size)
{
	size_t step = size / 64 + 1;
	for (size_t cut = 0; cut < size; cut += step)
		run_copy(data, cut);
	for (size_t at = 0; at < size; at += step) {
		static const uint8_t flips[] = {0xff, 0x80, 0x01, 0x20};
		for (size_t i = 0; i < sizeof flips; i++) {
			data[at] ^= flips[i];
			run_copy(data, size);
			data[at] ^= flips[i];
		}
	}
}

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	static uint8_t data[4 << 20];
	if (!f)
		return 0;
	size_t n = fread(data, 1, sizeof data, f);
	fclose(f);
	run_copy(data, n);
	run_mutations(data, n);
	return 1;
}

int
main(int argc, char **argv)
{
	int files = 0;
	run_copy((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		if (!folder)
			continue;
		for (struct dirent *entry; (entry = readdir(folder));) {
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
			if (entry->d_name[0] != '.')
				files += run_file(path);
		}
		closedir(folder);
	}
	printf("%sok 1 - %zu runs over %d files\n1..1\n", files ? "" : "not ", runs, files);
	return files == 0;
}
