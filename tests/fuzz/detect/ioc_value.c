/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "detect/ioc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text as any kind: a normal form is ASCII, is its own normal form, and what is guessed is a value of that kind. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[IOC_VALUE_MAX], again[IOC_VALUE_MAX], plain[IOC_VALUE_MAX];
	struct str text = str_from((const char *)data, size);
	enum ioc_kind kind;
	uint8_t address[16];
	unsigned bits;
	for (int k = 0; k < IOC_KINDS; k++) {
		size_t n = ioc_normalise((enum ioc_kind)k, text, out);
		size_t m = n ? ioc_normalise((enum ioc_kind)k, str_from(out, n), again) : 0;
		assert(n <= IOC_VALUE_MAX && str_eq(str_from(out, n), str_from(again, m)));
		for (size_t i = 0; i < n; i++)
			assert(out[i] >= ' ' && out[i] < 127);
		if (n && k == IOC_URL)
			assert(ioc_url_host(str_from(out, n)).n > 0);
		if (n && k == IOC_IP)
			assert(ioc_address(str_from(out, n), address));
		if (n && k == IOC_CIDR)
			assert(ioc_prefix(str_from(out, n), address, &bits));
	}
	if (ioc_guess(text, &kind))
		assert(ioc_normalise(kind, text, out));
	size_t n = ioc_refang(text, plain);
	assert(n <= IOC_VALUE_MAX && n <= size + 4);
	return 0;
}
