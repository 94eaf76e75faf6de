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
 * Observables standing in a text: whole IPv4 addresses and hashes (32, 40 or 64 hexadecimal digits). Three-byte pieces
 * of numbers are in every text, so these are indexed whole, and a word of that form means the whole thing: 10.0.0.1 is
 * not found in 10.0.0.12 or 110.0.0.1.
 */
bool text_is_observable(struct str word);
/* As text_find(); a word that is an observable is found as a whole only. */
ptrdiff_t text_find_word(struct str text, size_t from, struct str word);
/* Takes the next observable behind *at; false at the end. Every place text_find_word() finds is among them. */
bool text_next_address(struct str text, size_t *at, struct str *ret);
bool text_next_hash(struct str text, size_t *at, struct str *ret);

/*
 * A bitmap of the three-byte pieces of a text, ASCII letters folded: 64 Kbit, so that blocks which cannot hold a word
 * are not opened. A set bit promises nothing; a bit that is not set promises absence.
 */
#define TRIGRAM_BYTES 8192u
#define TRIGRAM_BITS (TRIGRAM_BYTES * 8)

/* While texts are added every bit has a byte of its own: a store that waits for no load. */
void trigrams_add(uint8_t seen[TRIGRAM_BITS], struct str text);
void trigrams_pack(const uint8_t seen[TRIGRAM_BITS], uint8_t ret_bitmap[TRIGRAM_BYTES]);
/* False: no text added to the bitmap holds `word`. Words under three bytes may always be there. */
bool trigrams_may_hold(const uint8_t bitmap[TRIGRAM_BYTES], struct str word);

#endif
