/* SPDX-License-Identifier: EUPL-1.2 */
/* Any text as khien.yaml: it is taken, and then within all bounds, or refused with a code, a sentence and a place. */
#include "host/options.h"

#include <assert.h>

#include "host/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_listen(const struct listen_option *l)
{
	struct sockaddr_storage address;
	socklen_t length;

	assert(l->kind < LISTEN_KIND_COUNT && memchr(l->address, 0, sizeof(l->address)));
	assert(address_parse(str_z(l->address), &address, &length) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct options o;
	struct fault f = {0};

	o = (struct options){.retention_days = 365, .silence_minutes = 30};
	int error = options_read_text(&o, str_from((const char *)data, size), &f);
	assert(error ? f.code == error && f.what : f.code == 0);
	assert(o.listen_count <= OPTIONS_MAX_LISTEN && o.rules_count <= OPTIONS_MAX_RULES);
	assert(o.zone >= -720 && o.zone <= 840 && o.retention_days > 0 && o.silence_minutes > 0);
	for (uint32_t i = 0; i < o.listen_count; i++)
		check_listen(&o.listen[i]);
	for (uint32_t i = 0; i < o.rules_count; i++)
		assert(memchr(o.rules[i], 0, sizeof(o.rules[i])));
	return 0;
}
