/* SPDX-License-Identifier: EUPL-1.2 */
/* Random sets asked at random, against a list that is looked through from end to end. */
#include "base/memory.h"
#include "detect/ioc.h"
#include "random.h"
#include "tap.h"

#define ENTRIES 400
#define QUESTIONS 20000

struct known {
	enum ioc_kind kind;
	char value[64];
	struct ioc_entry entry;
};

static void
random_address(char *out, size_t size)
{
	if (pick(3))
		snprintf(out, size, "%u.%u.%u.%u", 10 + pick(3), pick(3), pick(4), pick(8));
	else
		snprintf(out, size, "2001:db8:%x::%x", pick(3), pick(8));
}

static void
random_value(enum ioc_kind kind, char *out, size_t size)
{
	static const char *const word[] = {"a", "bad", "xn--x", "example", "vn", "gov"};
	char address[48];
	random_address(address, sizeof address);
	switch (kind) {
	case IOC_IP:
		snprintf(out, size, "%s", address);
		break;
	case IOC_CIDR:
		snprintf(out, size, "%s/%u", address, strchr(address, ':') ? 16 + pick(113) : 6 + pick(27));
		break;
	case IOC_DOMAIN:
		if (pick(2))
			snprintf(out, size, "%s.%s.%s", word[pick(6)], word[pick(6)], word[pick(6)]);
		else
			snprintf(out, size, "%s.%s", word[pick(6)], word[pick(6)]);
		break;
	case IOC_URL:
		snprintf(out, size, "http://%s.%s/%u", word[pick(6)], word[pick(6)], pick(9));
		break;
	case IOC_HASH:
		snprintf(out, size, "%032x", pick(300));
		break;
	default:
		snprintf(out, size, "u%u@%s.%s", pick(9), word[pick(6)], word[pick(6)]);
	}
}

static bool
prefix_holds(struct str cidr, struct str address)
{
	uint8_t a[16], b[16];
	unsigned bits;
	if (!ioc_prefix(cidr, a, &bits) || !ioc_address(address, b))
		return false;
	for (unsigned i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static unsigned
bits_of(struct str cidr)
{
	uint8_t a[16];
	unsigned bits = 0;
	return ioc_prefix(cidr, a, &bits) ? bits : 0;
}

/* How narrowly entry k says yes to the question; 0 = not at all. */
static size_t
fit(const struct known *k, enum ioc_kind kind, struct str value, int64_t time)
{
	struct str own = str_z(k->value);
	if (time < k->entry.from_ms || time >= k->entry.until_ms)
		return 0;
	if (kind == IOC_IP && k->kind == IOC_CIDR)
		return prefix_holds(own, value) ? 1 + bits_of(own) : 0;
	if (kind != k->kind)
		return 0;
	if (kind == IOC_DOMAIN)
		return ioc_domain_within(value, own) ? own.n : 0;
	return str_eq(own, value) ? 1000 : 0;
}

static void
one_set(uint64_t seed)
{
	static struct known known[ENTRIES];
	struct ioc_builder *b = ioc_builder_new(seed, seed);
	struct buf image = BUF_INIT;
	struct ioc *ioc = NULL;
	uint32_t number = 0, wrong = 0, found = 0;
	random_start(seed);
	uint32_t entries = 1 + pick(ENTRIES);
	for (uint32_t i = 0; i < entries; i++) {
		struct known *k = &known[i];
		char text[64], normal[IOC_VALUE_MAX];
		k->kind = (enum ioc_kind)pick(IOC_KINDS);
		random_value(k->kind, text, sizeof text);
		size_t n = ioc_normalise(k->kind, str_z(text), normal);
		snprintf(k->value, sizeof k->value, "%.*s", (int)n, normal);
		number += 1 + pick(3);
		k->entry = (struct ioc_entry){k->kind, str_z(k->value), number, (uint8_t)pick(3), pick(3) ? INT64_MIN : pick(10),
		    pick(3) ? IOC_FOR_EVER : pick(10)};
		CHECK(ioc_builder_add(b, &k->entry) == 0);
	}
	CHECK_INT(ioc_builder_finish(b, &image), 0);
	CHECK_INT(ioc_open(buf_str(&image), &ioc), 0);
	for (uint32_t q = 0; q < QUESTIONS; q++) {
		enum ioc_kind kind = (enum ioc_kind)pick(IOC_KINDS);
		char text[64], normal[IOC_VALUE_MAX];
		int64_t time = pick(10);
		struct ioc_hit hit = {0};
		if (kind == IOC_CIDR)
			continue;
		random_value(kind, text, sizeof text);
		struct str value = str_from(normal, ioc_normalise(kind, str_z(text), normal));
		bool said = ioc_find(ioc, kind, value, time, &hit);
		size_t best = 0;
		const struct known *answer = NULL;
		for (uint32_t i = 0; i < entries; i++) {
			size_t how = fit(&known[i], kind, value, time);
			best = how > best ? how : best;
			if (known[i].entry.number == hit.number)
				answer = &known[i];
		}
		found += said;
		wrong += said != (best > 0) || (said && (!answer || fit(answer, kind, value, time) != best));
	}
	CHECK_INT(wrong, 0);
	CHECK(found > 0);
	ioc_close(ioc);
	ioc_builder_free(b);
	buf_release(&image);
}

TEST(the_image_answers_as_the_list_does)
{
	for (uint64_t seed = 1; seed <= 25; seed++)
		one_set(seed);
}

/* Nothing that is not in it: a million random names and addresses beside a hundred thousand. */
TEST(no_false_hits)
{
	struct ioc_builder *b = ioc_builder_new(9, 9);
	struct buf image = BUF_INIT;
	struct ioc *ioc = NULL;
	uint32_t wrong = 0, missed = 0;
	char text[64];
	for (uint32_t i = 1; i <= 100000; i++) {
		snprintf(text, sizeof text, "h%u.bad.example", i);
		struct ioc_entry e = {IOC_DOMAIN, str_z(text), i, 50, INT64_MIN, IOC_FOR_EVER};
		CHECK(ioc_builder_add(b, &e) == 0);
	}
	CHECK_INT(ioc_builder_finish(b, &image), 0);
	CHECK(image.n < 100000 * 15 + 4096);
	CHECK_INT(ioc_open(buf_str(&image), &ioc), 0);
	for (uint32_t i = 1; i <= 1000000; i++) {
		struct ioc_hit hit;
		snprintf(text, sizeof text, "g%u.bad.example", i);
		wrong += ioc_find(ioc, IOC_DOMAIN, str_z(text), 1, &hit);
		if (i > 100000)
			continue;
		text[0] = 'h';
		missed += !ioc_find(ioc, IOC_DOMAIN, str_z(text), 1, &hit) || hit.number != i;
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(missed, 0);
	ioc_close(ioc);
	ioc_builder_free(b);
	buf_release(&image);
}
