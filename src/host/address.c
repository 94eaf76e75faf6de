/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

int
address_parse(struct str text, struct sockaddr_storage *ret, socklen_t *ret_length)
{
	struct sockaddr_storage a = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
	char host[INET6_ADDRSTRLEN];
	size_t colon = text.n;
	uint64_t port;

	while (colon && text.p[colon - 1] != ':')
		colon--;
	if (!colon || !str_to_u64(str_skip(text, colon), &port) || port > UINT16_MAX)
		return E_INVALID;
	struct str name = str_cut(text, 0, colon - 1);
	bool bracket = name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
	if (bracket)
		name = str_cut(name, 1, name.n - 1);
	if (name.n >= sizeof(host) || memchr(name.p, 0, name.n))
		return E_INVALID;
	memcpy(host, name.p, name.n);
	host[name.n] = 0;
	if (bracket && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_length = sizeof(*v6);
	} else if (!bracket && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_length = sizeof(*v4);
	} else {
		return E_INVALID;
	}
	*ret = a;
	return 0;
}

void
address_format(struct buf *out, const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN] = "";

	if (address->ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)))
		buf_addf(out, "%s:%u", host, ntohs(v4->sin_port));
	else if (address->ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)))
		buf_addf(out, "[%s]:%u", host, ntohs(v6->sin6_port));
	else
		buf_add(out, STR("unknown"));
}
