/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys and checkpoints from hostile hands. What is read as a key is written as it was read; what is read as a checkpoint
 * lies inside the input, and nobody has signed it.
 */
#include <assert.h>

#include "store/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size);
	struct note_key key;
	struct checkpoint c;
	if (note_key_read(text, &key) == 0) {
		struct buf again = BUF_INIT;
		note_key_text(&key, &again);
		assert(str_eq(buf_str(&again), str_trim(text)));
		buf_release(&again);
	}
	if (checkpoint_read(text, &c) == 0) {
		static const char known[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
		assert(c.body.p == text.p && c.body.n + 1 + c.signatures.n == text.n);
		assert(c.origin.n && c.size < UINT64_C(1) << 63);
		if (note_key_read(STR(known), &key) == 0)
			assert(checkpoint_signed_by(&c, &key, NULL) != 0);
	}
	return 0;
}
