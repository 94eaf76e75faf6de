/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests from hostile hands: nobody but the log has its key, so nothing is cosigned and nothing kept. */
#include <assert.h>
#include <stdlib.h>

#include "store/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct witness *witness;
	struct buf out = BUF_INIT_MAX(4096);
	bool fork = true;
	if (!witness) {
		char folder[] = "/tmp/khien-fuzz-XXXXXX";
		struct note_key key;
		int error = note_key_read(STR("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"), &key);
		assert(!error && mkdtemp(folder));
		error = witness_open(&store_io_disk, str_z(folder), STR("w"), &key, 1, &witness, NULL);
		assert(!error);
	}
	enum witness_answer answer = witness_add(witness, str_from((const char *)data, size), 1700000000, &out, &fork);
	assert(answer == WITNESS_MALFORMED || answer == WITNESS_UNKNOWN || answer == WITNESS_UNSIGNED);
	assert(!fork && !out.n);
	buf_release(&out);
	return 0;
}
