/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef STORE_TEXT_H
#define STORE_TEXT_H

/*
 * Finding words in a lot of text without regard to the case of ASCII letters: first and last byte of the word are
 * compared 32 places at a time (AVX2 where the processor has it), the rest only where both fit. Pure, any thread.
 */

#include "base/bytes.h"

/* First place of `word` at or after `from`, or -1. Only ASCII letters are folded; other bytes compare exactly. */
ptrdiff_t text_find(struct str text, size_t from, struct str word);

/*
 * A bitmap of the three-byte pieces of a text, ASCII letters folded: 64 Kbit, so that blocks which cannot hold a word
 * are not opened. A set bit promises nothing; a bit that is not set promises absence.
 */
#define TRIGRAM_BYTES 8192u

void trigrams_add(uint8_t bitmap[TRIGRAM_BYTES], struct str text);
/* False: no text added to the bitmap holds `word`. Words under three bytes may always be there. */
bool trigrams_may_hold(const uint8_t bitmap[TRIGRAM_BYTES], struct str word);

#endif
