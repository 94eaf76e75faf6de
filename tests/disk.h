/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef TEST_DISK_H
#define TEST_DISK_H

/*
 * A disk in memory behind struct store_io, whose power can be cut: what was not synced is then dropped, torn at sectors,
 * kept out of order, or turned to garbage, as the seed says. Any call can be made to fail instead. Same seed, same fate.
 */

#include "store/io.h"

#define DISK_FILES 64

struct disk_file {
	char path[128];
	struct buf now;      /* what a reader sees */
	struct buf durable;  /* what a power cut leaves */
	struct buf dirty;    /* one byte a sector: written since the last sync */
	bool exists, linked; /* linked: the name survives a power cut */
	struct buf replaced; /* durable bytes of what a rename put this in the place of; one of the two survives */
	bool replaces;
};

struct disk {
	struct store_io io;
	struct disk_file file[DISK_FILES];
	uint64_t random;
	uint64_t calls;
	uint64_t fail_at;    /* this call fails ... 0 = none */
	bool fail_on;        /* ... and all that follow */
	int fail_with;
	uint64_t full_above; /* bytes in all files; 0 = endless */
};

void disk_init(struct disk *d, uint64_t seed);
void disk_release(struct disk *d);
/* The machine is off. What comes back is up to the seed; open descriptors are void. */
void disk_cut_power(struct disk *d);
uint64_t disk_random(struct disk *d);
/* NULL when there is none. */
struct disk_file *disk_find(struct disk *d, const char *path);

#endif
