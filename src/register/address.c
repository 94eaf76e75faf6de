/* SPDX-License-Identifier: EUPL-1.2 */
#include <arpa/inet.h>
#include <assert.h>

#include "register/internal.h"

bool
registry_read_address(struct str text, uint8_t ret[16])
{
	char z[INET6_ADDRSTRLEN];
	if (text.n == 0 || text.n >= sizeof z)
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (memchr(z, ':', text.n))
		return inet_pton(AF_INET6, z, ret) == 1;
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
	if (inet_pton(AF_INET, z, mapped + 12) != 1)
		return false;
	memcpy(ret, mapped, 16);
	return true;
}

bool
prefix_parse(struct str text, struct prefix *ret)
{
	struct prefix p;
	uint64_t bits = 128;
	ptrdiff_t slash = str_find_char(text, '/');
	struct str address = slash < 0 ? text : str_cut(text, 0, (size_t)slash);
	bool v4 = str_find_char(address, ':') < 0;
	if (!registry_read_address(address, p.address))
		return false;
	if (slash >= 0) {
		if (!str_to_u64(str_skip(text, (size_t)slash + 1), &bits) || bits > (v4 ? 32 : 128))
			return false;
		bits += v4 ? 96 : 0;
	}
	p.bits = (uint8_t)bits;
	for (unsigned i = p.bits; i < 128; i++)
		if (p.address[i / 8] & (0x80 >> (i % 8)))
			return false;
	*ret = p;
	return true;
}

static_assert(sizeof(struct prefix) == 17, "all of it is told by its bytes");

struct str
prefix_name(const struct prefix *p)
{
	return str_from((const char *)p, sizeof *p);
}

void
prefix_cut(const uint8_t address[16], uint8_t bits, struct prefix *ret)
{
	unsigned whole = bits / 8, rest = bits % 8;
	memset(ret, 0, sizeof *ret);
	memcpy(ret->address, address, whole);
	if (rest)
		ret->address[whole] = (uint8_t)(address[whole] & (0xff00 >> rest));
	ret->bits = bits;
}
