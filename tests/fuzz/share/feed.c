/* SPDX-License-Identifier: EUPL-1.2 */
#include <assert.h>

#include "base/lang.h"
#include "share/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t items, refused;
};

/* What is given is in its normal form; its texts are UTF-8. */
static int
on_item(void *user, const struct feed_item *i)
{
	struct seen *s = user;
	char again[IOC_VALUE_MAX];
	size_t n = ioc_normalise(i->kind, i->value, again);
	assert(n && str_eq(i->value, str_from(again, n)));
	assert(i->note.n <= FEED_NOTE_MAX && str_is_utf8(i->note) && str_is_utf8(i->reference));
	assert(i->line >= 1 && i->column >= 1 && i->confidence <= 100 && i->tlp < TLP_COUNT);
	s->items++;
	return 0;
}

/* Every refusal has a sentence and a place. */
static void
on_refused(void *user, const struct fault *f)
{
	struct seen *s = user;
	struct buf key = BUF_INIT;
	buf_addf(&key, "fault.%s", f->what);
	assert(!str_eq(lang_text(LANG_VI, buf_str(&key)), buf_str(&key)) && f->line >= 1 && f->column >= 1);
	buf_release(&key);
	s->refused++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int format = FEED_AUTO; format <= FEED_MISP; format++) {
		struct seen seen = {0};
		struct feed_counts counts;
		const struct feed_events events = {on_item, on_refused, &seen};
		int error = feed_read(str_from((const char *)data, size), (enum feed_format)format, &events, &counts);
		assert(error == 0 || error == E_INVALID);
		assert(counts.read == seen.items && counts.refused == seen.refused && (!error || seen.refused));
	}
	return 0;
}
