/* SPDX-License-Identifier: EUPL-1.2 */
#include "decode/raw.h"

#include <arpa/inet.h>
#include <assert.h>

void
batch_put(struct buf *batch, const struct raw *r)
{
	assert(r->bytes.n <= RAW_MAX);
	wire_put_u32(batch, (uint32_t)r->bytes.n);
	wire_put_u8(batch, r->form);
	wire_put_u8(batch, r->transport);
	wire_put_u16(batch, r->flags);
	wire_put_u32(batch, r->source);
	wire_put_i64(batch, r->received_ms);
	buf_add(batch, str_from((const char *)r->peer, sizeof r->peer));
	wire_put_u16(batch, r->port);
	wire_put_u16(batch, 0);
	buf_add(batch, r->bytes);
}

bool
batch_take(struct wire *w, struct raw *ret)
{
	if (!w->rest.n || w->bad)
		return false;
	struct raw r = {0};
	uint32_t n = wire_u32(w);
	r.form = wire_u8(w);
	r.transport = wire_u8(w);
	r.flags = wire_u16(w);
	r.source = wire_u32(w);
	r.received_ms = wire_i64(w);
	struct str peer = wire_bytes(w, sizeof r.peer);
	if (peer.n)
		memcpy(r.peer, peer.p, sizeof r.peer);
	r.port = wire_u16(w);
	wire_u16(w);
	r.bytes = wire_bytes(w, n);
	if (n > RAW_MAX)
		w->bad = true;
	if (w->bad)
		return false;
	*ret = r;
	return true;
}

void
raw_peer_text(const struct raw *r, struct buf *out)
{
	static const uint8_t none[16], mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char text[INET6_ADDRSTRLEN];
	if (memcmp(r->peer, none, 16) == 0)
		return;
	bool v4 = memcmp(r->peer, mapped, 12) == 0;
	if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? r->peer + 12 : r->peer, text, sizeof text))
		buf_add(out, str_z(text));
}

static bool
is_loopback(const uint8_t peer[16])
{
	static const uint8_t v6[16] = {[15] = 1}, v4[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
	return memcmp(peer, v6, sizeof v6) == 0 || memcmp(peer, v4, sizeof v4) == 0;
}

bool
raw_says_demo(const struct raw *r)
{
	struct str rest = str_cut(r->bytes, 0, 512), field;
	if (!is_loopback(r->peer) || !str_starts(rest, STR("<")))
		return false;
	for (int i = 0; i < 6; i++) /* PRI and VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID */
		if (!str_split(&rest, ' ', &field))
			return false;
	return str_starts(rest, STR(RAW_DEMO_MARK));
}
