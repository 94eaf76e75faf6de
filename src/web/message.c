/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/message.h"

void
api_request_put(struct buf *out, const struct api_request *r)
{
	wire_put_u64(out, r->id);
	wire_put_u8(out, (uint8_t)(r->same_origin | r->json << 1 | r->raw << 2));
	wire_put_str(out, r->method);
	wire_put_str(out, r->path);
	wire_put_str(out, r->query);
	wire_put_str(out, r->cookie);
	wire_put_str(out, r->bearer);
	wire_put_str(out, r->if_match);
	wire_put_str(out, r->peer);
	wire_put_str(out, r->agent);
	wire_put_str(out, r->host);
	wire_put_str(out, r->body);
}

int
api_request_take(struct str message, struct api_request *ret)
{
	struct wire w = {message, false};
	struct api_request r = {.id = wire_u64(&w)};
	uint8_t flags = wire_u8(&w);
	r.same_origin = flags & 1;
	r.json = flags & 2;
	r.raw = flags & 4;
	r.method = wire_str(&w);
	r.path = wire_str(&w);
	r.query = wire_str(&w);
	r.cookie = wire_str(&w);
	r.bearer = wire_str(&w);
	r.if_match = wire_str(&w);
	r.peer = wire_str(&w);
	r.agent = wire_str(&w);
	r.host = wire_str(&w);
	r.body = wire_str(&w);
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = r;
	return 0;
}

void
api_response_put(struct buf *out, const struct api_response *r)
{
	wire_put_u64(out, r->id);
	wire_put_u16(out, r->status);
	wire_put_u32(out, r->retry_after);
	wire_put_u32(out, r->rights);
	wire_put_str(out, r->organisation);
	wire_put_str(out, r->type);
	wire_put_str(out, r->etag);
	wire_put_str(out, r->set_cookie);
	wire_put_str(out, r->location);
	wire_put_str(out, r->body);
}

int
api_response_take(struct str message, struct api_response *ret)
{
	struct wire w = {message, false};
	struct api_response r = {.id = wire_u64(&w), .status = wire_u16(&w), .retry_after = wire_u32(&w),
	    .rights = wire_u32(&w)};
	r.organisation = wire_str(&w);
	r.type = wire_str(&w);
	r.etag = wire_str(&w);
	r.set_cookie = wire_str(&w);
	r.location = wire_str(&w);
	r.body = wire_str(&w);
	if (w.bad || w.rest.n)
		return E_CORRUPT;
	*ret = r;
	return 0;
}

void
api_push_put(struct buf *out, const struct api_push *p)
{
	wire_put_u32(out, p->rights);
	wire_put_str(out, p->reach);
	buf_add(out, p->text);
}

int
api_push_take(struct str message, struct api_push *ret)
{
	struct wire w = {message, false};
	struct api_push p = {.rights = wire_u32(&w)};
	p.reach = wire_str(&w);
	p.text = w.rest;
	if (w.bad)
		return E_CORRUPT;
	*ret = p;
	return 0;
}

bool
api_push_is_for(const struct api_push *p, uint32_t rights, struct str organisation)
{
	struct str rest = p->reach, one;
	bool within = !organisation.n;
	while (!within && str_split(&rest, '\n', &one))
		within = str_eq(one, organisation);
	return within && (rights & p->rights) == p->rights;
}
