/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/words.h"

#include <assert.h>

void
words_build(struct words *w, const void *rows, size_t count, size_t size)
{
	assert(count <= WORDS_SLOTS / 4 && size >= sizeof(struct str));
	w->rows = rows;
	w->size = size;
	for (size_t i = 0; i < count; i++) {
		struct str word;
		memcpy(&word, (const char *)rows + i * size, sizeof word);
		assert(word.n && !words_find(w, word));
		uint32_t at = words_slot(word);
		while (w->slot[at])
			at = (at + 1) % WORDS_SLOTS;
		w->slot[at] = (uint16_t)(i + 1);
	}
}
