/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/journal_format.h"

#include "base/hash.h"

#define BLOCK_MAGIC 0x424a484bu /* "KHJB" */
#define STATE_MAGIC 0x534a484bu /* "KHJS" */
#define VERSION 1u

/* A fixed stretch of memory seen as a struct buf, so that the wire_put functions can fill it. */
static struct buf
buf_over(char *p, size_t n)
{
	return (struct buf){.p = p, .cap = n + 1, .max = n};
}

void
journal_block_write(const struct journal_block *b, char to[JOURNAL_HEADER])
{
	char bytes[JOURNAL_HEADER + 1];
	struct buf out = buf_over(bytes, JOURNAL_HEADER);
	wire_put_u32(&out, BLOCK_MAGIC);
	wire_put_u32(&out, VERSION);
	wire_put_u64(&out, b->number);
	wire_put_u64(&out, b->epoch);
	wire_put_u64(&out, b->synced);
	wire_put_u32(&out, b->room);
	wire_put_u32(&out, b->body);
	wire_put_u32(&out, b->raw);
	wire_put_u32(&out, b->check);
	wire_put_u32(&out, 0);
	wire_put_u32(&out, crc32c(0, buf_str(&out)));
	memcpy(to, bytes, JOURNAL_HEADER);
}

int
journal_block_read(struct str bytes, uint64_t left, struct journal_block *ret)
{
	struct wire w = {str_cut(bytes, 0, JOURNAL_HEADER), false};
	uint32_t magic = wire_u32(&w), version = wire_u32(&w);
	struct journal_block b = {.number = wire_u64(&w)};
	b.epoch = wire_u64(&w);
	b.synced = wire_u64(&w);
	b.room = wire_u32(&w);
	b.body = wire_u32(&w);
	b.raw = wire_u32(&w);
	b.check = wire_u32(&w);
	wire_u32(&w);
	uint32_t check = wire_u32(&w);
	if (w.bad || magic != BLOCK_MAGIC || version != VERSION || check != crc32c(0, str_cut(bytes, 0, JOURNAL_HEADER - 4)))
		return E_CORRUPT;
	if (!b.number || b.synced >= b.number || b.room % 8 || b.room > left)
		return E_CORRUPT;
	if (b.raw > JOURNAL_BLOCK_MAX || b.body > b.raw || (uint64_t)b.body + JOURNAL_HEADER > b.room)
		return E_CORRUPT;
	*ret = b;
	return 0;
}

void
journal_state_write(const struct journal_state *s, char to[JOURNAL_STATE_BYTES])
{
	char bytes[JOURNAL_STATE_BYTES + 1];
	struct buf out = buf_over(bytes, JOURNAL_STATE_BYTES);
	wire_put_u32(&out, STATE_MAGIC);
	wire_put_u32(&out, VERSION);
	wire_put_u64(&out, s->sequence);
	wire_put_u64(&out, s->epoch);
	wire_put_u64(&out, s->released);
	wire_put_u32(&out, 0);
	wire_put_u32(&out, crc32c(0, buf_str(&out)));
	memcpy(to, bytes, JOURNAL_STATE_BYTES);
}

int
journal_state_read(struct str bytes, struct journal_state *ret)
{
	struct wire w = {str_cut(bytes, 0, JOURNAL_STATE_BYTES), false};
	uint32_t magic = wire_u32(&w), version = wire_u32(&w);
	struct journal_state s = {.sequence = wire_u64(&w)};
	s.epoch = wire_u64(&w);
	s.released = wire_u64(&w);
	wire_u32(&w);
	uint32_t check = wire_u32(&w);
	if (w.bad || magic != STATE_MAGIC || version != VERSION ||
	    check != crc32c(0, str_cut(bytes, 0, JOURNAL_STATE_BYTES - 4)))
		return E_CORRUPT;
	*ret = s;
	return 0;
}
