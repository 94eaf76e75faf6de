/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

/*
 * Little-endian bytes between our own processes and in our own files. Every process; pure.
 *
 * Writing appends to a struct buf. Reading takes from a struct wire and never past its end: a short read gives zero
 * and raises `bad`, so a reader may take a whole message and look at `bad` once.
 */

#include "base/bytes.h"

void wire_put_u8(struct buf *b, uint8_t v);
void wire_put_u16(struct buf *b, uint16_t v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_i64(struct buf *b, int64_t v);
/* 32-bit length, then the bytes. s.n < 4 GiB. */
void wire_put_str(struct buf *b, struct str s);
/* 7 bits a byte, lowest first, at most 10 bytes. */
void wire_put_varint(struct buf *b, uint64_t v);

struct wire {
	struct str rest;
	bool bad;
};

uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
int64_t wire_i64(struct wire *w);
/* Borrowed from the message. */
struct str wire_str(struct wire *w);
struct str wire_bytes(struct wire *w, size_t n);
uint64_t wire_varint(struct wire *w);

#endif
