/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/reports.h"

#include "base/memory.h"

#define SLOTS 32768u /* senders are at most SOURCE_MAX; numbers are hashed by their low bits */

struct sender {
	struct report_source row;
	uint64_t unparsed, fields;
};

struct report_book {
	struct arena arena[2]; /* the last message's texts; the one before is cleared */
	struct buf message[2];
	unsigned now;
	struct report head;
	struct sender *sender;
	uint32_t count, cap;
	uint32_t slot[SLOTS];  /* index + 1 */
};

struct report_book *
report_book_new(void)
{
	struct report_book *b = MEM_NEW(struct report_book);
	for (int i = 0; i < 2; i++)
		arena_init(&b->arena[i], 16 << 10, 16 << 20);
	return b;
}

void
report_book_free(struct report_book *b)
{
	if (!b)
		return;
	for (int i = 0; i < 2; i++) {
		arena_release(&b->arena[i]);
		buf_release(&b->message[i]);
	}
	mem_free(b->sender);
	mem_free(b);
}

static uint32_t *
slot_of(const struct report_book *b, uint32_t number)
{
	uint32_t at = number % SLOTS;
	while (b->slot[at] && b->sender[b->slot[at] - 1].row.number != number)
		at = (at + 1) % SLOTS;
	return (uint32_t *)(uintptr_t)&b->slot[at];
}

/* The sender's row; NULL when the table is full of others (collect forgets the stalest, we keep what we heard). */
static struct sender *
sender_of(struct report_book *b, uint32_t number)
{
	uint32_t *slot = slot_of(b, number);
	if (*slot)
		return &b->sender[*slot - 1];
	if (b->count >= SLOTS / 2)
		return NULL;
	MEM_GROW(b->sender, b->count, b->cap);
	b->sender[b->count] = (struct sender){.row.number = number};
	*slot = ++b->count;
	return &b->sender[b->count - 1];
}

int
report_book_take(struct report_book *b, struct str message)
{
	unsigned next = !b->now;
	struct report head;
	arena_clear(&b->arena[next]);
	buf_clear(&b->message[next]);
	buf_add(&b->message[next], message);
	TRY(report_read(buf_str(&b->message[next]), &b->arena[next], &head));
	for (uint32_t i = 0; i < head.source_rows; i++) {
		struct sender *s = sender_of(b, head.source[i].number);
		if (s)
			s->row = head.source[i];
	}
	b->head = head;
	b->now = next;
	return 0;
}

const struct report *
report_book_head(const struct report_book *b)
{
	return &b->head;
}

const struct report_source *
report_book_next(const struct report_book *b, uint32_t *place)
{
	return *place < b->count ? &b->sender[(*place)++].row : NULL;
}

void
report_book_unparsed(struct report_book *b, uint32_t number)
{
	struct sender *s = sender_of(b, number);
	if (s)
		s->unparsed++;
}

void
report_book_fields(struct report_book *b, uint32_t number, uint32_t fields)
{
	struct sender *s = fields ? sender_of(b, number) : NULL;
	if (s)
		s->fields += fields;
}

uint64_t
report_book_fields_of(const struct report_book *b, uint32_t number)
{
	uint32_t slot = *slot_of(b, number);
	return slot ? b->sender[slot - 1].fields : 0;
}

uint64_t
report_book_unparsed_of(const struct report_book *b, uint32_t number)
{
	uint32_t slot = *slot_of(b, number);
	return slot ? b->sender[slot - 1].unparsed : 0;
}
