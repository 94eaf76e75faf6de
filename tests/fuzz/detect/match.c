/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "decode/decode.h"
#include "detect/sigma.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "title: a\nlogsource: {product: windows}\ndetection:\n  k: [mimikatz, 'se*ret', \"q\\\"q\"]\n  condition: k\n---\n"
    "title: b\nlogsource: {product: windows, category: process_creation}\ndetection:\n"
    "  s:\n    Image|endswith: ['\\cmd.exe', '\\a?c.exe']\n    CommandLine|contains|all: [' /c ', who]\n"
    "  r: {CommandLine|re: '\\s-e[a-z]*\\s+[A-Za-z0-9+/=]{15,}'}\n  n: {ParentImage: null}\n"
    "  condition: (s or r) and not n\n---\n"
    "title: c\nlogsource: {product: linux}\ndetection:\n  k: ['failed password', \xc4\x90\xe1\xba\xafk]\n"
    "  f: {source.ip|cidr: 203.0.113.0/24}\n  condition: k or f\n---\n"
    "title: d\nlogsource: {category: webserver}\ndetection:\n  s: {cs-uri-query|contains: ['../', select], sc-status|gte: 400}\n"
    "  g: {cs-method|fieldref: cs-uri-stem}\n  condition: 1 of them\n";

static const char map[] =
    "sources:\n- {product: windows, when: {product: windows}}\n"
    "- {product: windows, category: process_creation, when: {channel: Security, EventID: 4688}, rename: {Image: NewProcessName}}\n"
    "- {product: linux, when: {product: linux}}\n"
    "- {category: webserver, when: {category: webserver}, rename: {cs-uri-query: [cs-uri-query, cs-uri]}}\n";

/* Any line: the findings of a warm matcher are those of a fresh one. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules *r;
	static struct matcher *warm;
	static struct decoder *d;
	struct arena arena;
	struct raw raw = {.form = RAW_LINE, .bytes = str_from((const char *)data, size)};
	struct decode_result got = {0};
	if (!r) {
		struct fault fault;
		r = rules_new();
		int error = rules_add_map(r, STR(map), STR("map"), &fault);
		rules_add(r, STR(text), STR("r.yml"), NULL, NULL);
		error = error ? error : rules_finish(r, NULL, NULL);
		assert(!error && rules_count(r) == 4);
		warm = matcher_new(r);
		d = decoder_new(rules_names(r));
	}
	arena_init(&arena, 4096, 64 << 20);
	struct matcher *fresh = matcher_new(r);
	if (decode(d, &raw, &arena, &got) == 0 && got.count) {
		struct finding *a = NULL, *b = NULL;
		uint32_t n = matcher_match(warm, got.event, &arena, &a), k = matcher_match(fresh, got.event, &arena, &b);
		assert(n == k);
		for (uint32_t i = 0; i < n; i++)
			assert(a[i].rule == b[i].rule && a[i].matched_count == b[i].matched_count);
	}
	matcher_free(fresh);
	arena_release(&arena);
	return 0;
}
