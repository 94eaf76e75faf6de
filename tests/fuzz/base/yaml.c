/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/yaml.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
count(const struct yaml *node, uint32_t depth)
{
	assert(depth <= YAML_MAX_DEPTH);
	uint32_t n = 1;
	YAML_EACH(child, node)
		n += count(child, depth + 1);
	return n;
}

/* Whatever the bytes: a tree within its limits, or a fault that has a sentence. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct yaml **document;
	struct fault fault = {0};
	uint32_t documents, nodes = 0;
	arena_init(&arena, 16 << 10, 8 << 20);
	int error = yaml_parse(str_from((const char *)data, size), &arena, &document, &documents, &fault);
	assert((error < 0) == (fault.code != 0) && (!fault.code || fault.what));
	for (uint32_t i = 0; !error && i < documents; i++)
		nodes += count(document[i], 0);
	assert(nodes <= YAML_MAX_NODES);
	arena_release(&arena);
	return 0;
}
