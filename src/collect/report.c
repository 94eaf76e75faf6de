/* SPDX-License-Identifier: EUPL-1.2 */
#include "collect/report.h"

#define VERSION 3u
#define PORTS_MAX 64u

static void
put_journal(struct buf *out, const struct journal_stats *s)
{
	wire_put_u64(out, s->first);
	wire_put_u64(out, s->next);
	wire_put_u64(out, s->committed);
	wire_put_u64(out, s->released);
	wire_put_u64(out, s->bytes);
	wire_put_u64(out, s->torn);
	wire_put_u64(out, s->damaged);
	wire_put_u64(out, s->commits);
}

static void
get_journal(struct wire *w, struct journal_stats *s)
{
	s->first = wire_u64(w);
	s->next = wire_u64(w);
	s->committed = wire_u64(w);
	s->released = wire_u64(w);
	s->bytes = wire_u64(w);
	s->torn = wire_u64(w);
	s->damaged = wire_u64(w);
	s->commits = wire_u64(w);
}

static void
put_deliver(struct buf *out, const struct deliver_stats *s)
{
	wire_put_u64(out, s->applied);
	wire_put_u64(out, s->sent);
	wire_put_u64(out, s->unreadable);
	wire_put_u64(out, s->quarantined);
	wire_put_u64(out, s->crashes);
	wire_put_u8(out, s->careful);
}

static void
get_deliver(struct wire *w, struct deliver_stats *s)
{
	s->applied = wire_u64(w);
	s->sent = wire_u64(w);
	s->unreadable = wire_u64(w);
	s->quarantined = wire_u64(w);
	s->crashes = wire_u64(w);
	s->careful = wire_u8(w);
}

static void
put_port(struct buf *out, const struct report_port *p)
{
	wire_put_u8(out, p->kind);
	wire_put_str(out, p->address);
	wire_put_u64(out, p->received);
	wire_put_u64(out, p->bytes);
	wire_put_u64(out, p->kernel_drops);
	wire_put_u64(out, p->connections);
	wire_put_u64(out, p->accepted);
	wire_put_u64(out, p->refused);
	wire_put_u64(out, p->errors);
	wire_put_u64(out, p->acknowledged);
}

static void
get_port(struct wire *w, struct report_port *p)
{
	p->kind = wire_u8(w);
	p->address = wire_str(w);
	p->received = wire_u64(w);
	p->bytes = wire_u64(w);
	p->kernel_drops = wire_u64(w);
	p->connections = wire_u64(w);
	p->accepted = wire_u64(w);
	p->refused = wire_u64(w);
	p->errors = wire_u64(w);
	p->acknowledged = wire_u64(w);
}

static void
put_source(struct buf *out, const struct report_source *s)
{
	wire_put_u32(out, s->number);
	wire_put_u8(out, s->transport);
	buf_add(out, str_from((const char *)s->peer, 16));
	wire_put_varint(out, s->received);
	wire_put_varint(out, s->bytes);
	wire_put_varint(out, s->oversized);
	wire_put_varint(out, s->refused);
	wire_put_varint(out, s->dropped);
	wire_put_varint(out, s->quarantined);
	wire_put_i64(out, s->first_ms);
	wire_put_i64(out, s->last_ms);
	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		wire_put_varint(out, s->per_minute[i]);
}

static void
get_source(struct wire *w, struct report_source *s)
{
	s->number = wire_u32(w);
	s->transport = wire_u8(w);
	struct str peer = wire_bytes(w, 16);
	if (peer.n)
		memcpy(s->peer, peer.p, 16);
	s->received = wire_varint(w);
	s->bytes = wire_varint(w);
	s->oversized = wire_varint(w);
	s->refused = wire_varint(w);
	s->dropped = wire_varint(w);
	s->quarantined = wire_varint(w);
	s->first_ms = wire_i64(w);
	s->last_ms = wire_i64(w);
	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		s->per_minute[i] = (uint32_t)wire_varint(w);
}

void
report_write(const struct report *r, struct buf *out)
{
	wire_put_u32(out, VERSION);
	wire_put_i64(out, r->now_ms);
	wire_put_i64(out, r->stalled);
	put_journal(out, &r->journal);
	wire_put_u8(out, (uint8_t)r->gap);
	put_deliver(out, &r->deliver);
	wire_put_u64(out, r->drop.files);
	wire_put_u64(out, r->drop.failed);
	wire_put_u64(out, r->drop.waiting);
	wire_put_u8(out, r->journald.wanted);
	wire_put_i64(out, r->journald.error);
	wire_put_u64(out, r->journald.entries);
	wire_put_u64(out, r->journald.damaged);
	wire_put_u64(out, r->held);
	wire_put_u64(out, r->source_count);
	wire_put_u64(out, r->source_evicted);
	wire_put_u32(out, r->port_count);
	for (uint32_t i = 0; i < r->port_count; i++)
		put_port(out, &r->port[i]);
	wire_put_u32(out, r->source_rows);
	for (uint32_t i = 0; i < r->source_rows; i++)
		put_source(out, &r->source[i]);
}

static int
read_rows(struct wire *w, struct arena *arena, struct report *r)
{
	r->port_count = wire_u32(w);
	if (r->port_count > PORTS_MAX)
		return E_CORRUPT;
	struct report_port *port = arena_calloc(arena, r->port_count, sizeof *port);
	if (!port)
		return E_LIMIT;
	for (uint32_t i = 0; i < r->port_count; i++)
		get_port(w, &port[i]);
	r->source_rows = wire_u32(w);
	if (w->bad || r->source_rows > REPORT_SOURCES)
		return E_CORRUPT;
	struct report_source *source = arena_calloc(arena, r->source_rows, sizeof *source);
	if (!source)
		return E_LIMIT;
	for (uint32_t i = 0; i < r->source_rows; i++)
		get_source(w, &source[i]);
	r->port = port;
	r->source = source;
	return w->bad || w->rest.n ? E_CORRUPT : 0;
}

int
report_read(struct str message, struct arena *arena, struct report *ret)
{
	struct wire w = {message, false};
	struct report r = {0};
	if (wire_u32(&w) != VERSION)
		return E_CORRUPT;
	r.now_ms = wire_i64(&w);
	r.stalled = (int32_t)wire_i64(&w);
	get_journal(&w, &r.journal);
	r.gap = wire_u8(&w);
	if (r.gap > GAP_OLDER)
		return E_CORRUPT;
	get_deliver(&w, &r.deliver);
	r.drop.files = wire_u64(&w);
	r.drop.failed = wire_u64(&w);
	r.drop.waiting = wire_u64(&w);
	r.journald.wanted = wire_u8(&w);
	r.journald.error = (int32_t)wire_i64(&w);
	r.journald.entries = wire_u64(&w);
	r.journald.damaged = wire_u64(&w);
	r.held = wire_u64(&w);
	r.source_count = wire_u64(&w);
	r.source_evicted = wire_u64(&w);
	TRY(read_rows(&w, arena, &r));
	*ret = r;
	return 0;
}
