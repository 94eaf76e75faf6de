/* SPDX-License-Identifier: EUPL-1.2 */
/* Indicators: seconds to build, bytes an indicator, nanoseconds a question, of thread time. bench_ioc [millions]. */
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "base/memory.h"
#include "detect/ioc.h"

#define QUESTIONS 2000000u

static double
seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Value i of a stream: a third addresses, a third names, a fifth hashes, the rest networks, URLs, mail. */
static enum ioc_kind
make(uint64_t stream, uint32_t i, char *out, size_t size)
{
	uint64_t h = hash64_mix(stream, i);
	unsigned a = (unsigned)(h >> 56), b = h >> 48 & 255, c = h >> 40 & 255, d = h >> 32 & 255;
	unsigned what = i % 30;
	if (what < 10) {
		snprintf(out, size, "%u.%u.%u.%u", a, b, c, d);
		return IOC_IP;
	}
	if (what < 20) {
		snprintf(out, size, "w%x.host%x.example", a, (unsigned)(h & 0xffffff));
		return IOC_DOMAIN;
	}
	if (what < 26) {
		snprintf(out, size, "%016llx%016llx", (unsigned long long)h, (unsigned long long)(h * 3));
		return IOC_HASH;
	}
	if (what == 26) {
		snprintf(out, size, "%u.%u.%u.0/24", a, b, c);
		return IOC_CIDR;
	}
	if (what == 27) {
		snprintf(out, size, "u%x@h%x.example", a, (unsigned)(h & 0xffffff));
		return IOC_MAIL;
	}
	snprintf(out, size, "http://h%x.example/p/%x", (unsigned)(h & 0xffffff), a);
	return IOC_URL;
}

static struct ioc *
build(uint32_t count, struct buf *image)
{
	struct ioc_builder *b = ioc_builder_new(12345, 1);
	struct ioc *ioc = NULL;
	char text[64];
	double begin = seconds();
	for (uint32_t i = 0; i < count; i++) {
		struct ioc_entry e = {make(1, i, text, sizeof text), STR(""), i + 1, 50, INT64_MIN, IOC_FOR_EVER};
		e.value = str_z(text);
		if (ioc_builder_add(b, &e) < 0)
			abort();
	}
	if (ioc_builder_finish(b, image) < 0)
		abort();
	double built = seconds();
	if (ioc_open(buf_str(image), &ioc) < 0)
		abort();
	printf("%u indicators: built in %.2f s (values made in that time too), opened in %.3f s, %.1f MB, %.1f bytes each\n",
	    count, built - begin, seconds() - built, (double)image->n / 1e6, (double)image->n / count);
	ioc_builder_free(b);
	return ioc;
}

/* What the matcher does with a value: normal form, then the question. */
static void
ask(const struct ioc *ioc, uint64_t stream, enum ioc_kind kind, uint32_t count, const char *what)
{
	char (*text)[48] = mem_alloc((size_t)QUESTIONS / 20 * sizeof *text);
	uint32_t n = 0, hits = 0;
	for (uint32_t i = 0; n < QUESTIONS / 20; i = (i + 1) % count)
		if (make(stream, i, text[n], sizeof text[n]) == kind)
			n++;
	double begin = seconds();
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		char normal[IOC_VALUE_MAX];
		struct ioc_hit hit;
		uint8_t address[16];
		struct str value = str_z(text[i % n]);
		if (kind == IOC_IP) {
			hits += ioc_address(value, address) && ioc_find_address(ioc, address, 1, &hit);
			continue;
		}
		size_t length = ioc_normalise(kind, value, normal);
		hits += ioc_find(ioc, kind, str_from(normal, length), 1, &hit);
	}
	printf("  %-6s %s: %.0f ns, %.1f %% in the set\n", ioc_kind_name(kind), what,
	    (seconds() - begin) * 1e9 / QUESTIONS, 100.0 * hits / QUESTIONS);
	mem_free(text);
}

int
main(int argc, char **argv)
{
	static const enum ioc_kind kinds[] = {IOC_IP, IOC_DOMAIN, IOC_URL, IOC_HASH, IOC_MAIL};
	double millions = argc > 1 ? strtod(argv[1], NULL) : 1;
	uint32_t count = (uint32_t)(millions * 1e6);
	struct buf image = BUF_INIT;
	struct ioc *ioc = build(count, &image);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		ask(ioc, 2, kinds[k], count, "miss");
		ask(ioc, 1, kinds[k], count, "hit ");
	}
	ioc_close(ioc);
	buf_release(&image);
	return 0;
}
