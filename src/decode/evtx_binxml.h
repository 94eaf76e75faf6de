/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DECODE_EVTX_BINXML_H
#define DECODE_EVTX_BINXML_H

/*
 * What the files of the EVTX reader share: evtx.c walks chunks and records and fills events, evtx_template.c
 * compiles BinXml into slots, evtx_cache.c keeps what was compiled, evtx_value.c turns typed values into UTF-8. Nobody
 * else includes this.
 *
 * BinXml is compiled, never interpreted: a template definition becomes a list of slots "field name <- pieces of text",
 * and elements that stand directly in a record become such a list that is used once. A definition is compiled once for
 * each chunk, or once for all of them (evtx_cache.c). Names and fixed texts are borrowed by the events: they live in the
 * arena of these, or as long as the cache.
 *
 * Offsets are those inside the chunk. Each step of work costs from one budget per chunk, so that offsets which point
 * at each other end in a failed record instead of in a long night.
 */

#include <endian.h>

#include "decode/evtx.h"
#include "decode/json_layout.h"

#define EVTX_TEMPLATE_HEADER 24u /* next, GUID, size */
#define EVTX_TEXT_STEP ((size_t)16 << 10)
#define EVTX_BUDGET (1 << 18)    /* steps; an honest chunk of tiny records needs about 50,000 */
#define EVTX_MAX_DEPTH 32u       /* open elements */
#define EVTX_MAX_NESTING 6u      /* BinXml in a value of BinXml ...; Windows itself uses 2 */
#define EVTX_MAX_VALUES 4096u    /* substitutions of one template instance */

/* [MS-EVEN6] 2.2.12, value types. */
enum evtx_type {
	EVTX_NULL = 0x00,
	EVTX_STRING = 0x01,
	EVTX_ANSI = 0x02,
	EVTX_INT8 = 0x03,
	EVTX_UINT8 = 0x04,
	EVTX_INT16 = 0x05,
	EVTX_UINT16 = 0x06,
	EVTX_INT32 = 0x07,
	EVTX_UINT32 = 0x08,
	EVTX_INT64 = 0x09,
	EVTX_UINT64 = 0x0a,
	EVTX_REAL32 = 0x0b,
	EVTX_REAL64 = 0x0c,
	EVTX_BOOL = 0x0d,
	EVTX_BINARY = 0x0e,
	EVTX_GUID = 0x0f,
	EVTX_SIZE = 0x10,
	EVTX_FILETIME = 0x11,
	EVTX_SYSTEMTIME = 0x12,
	EVTX_SID = 0x13,
	EVTX_HEX32 = 0x14,
	EVTX_HEX64 = 0x15,
	EVTX_HANDLE = 0x20,
	EVTX_BINXML = 0x21,
	EVTX_XML = 0x23,
	EVTX_ARRAY = 0x80, /* flag */
};

/* Where finished texts are written: pieces of the arena, one after the other. */
struct evtx_text {
	struct arena *arena;
	char *at, *end;
	char *from;  /* of the texts written since evtx_text_begin(); NULL: they stand in several pieces */
	size_t step; /* bytes of a piece at least */
};

/* A name that a template definition refers to. */
struct evtx_name {
	struct str utf16;
	uint16_t at; /* of the offset, from the front of the definition */
	bool here;   /* it stands behind the offset, not elsewhere in the chunk */
};

struct evtx_names {
	struct evtx_name *name;
	uint32_t count, cap;
	bool odd; /* elements without dependency ids in a definition: told by what else stands in the chunk */
};

/* Where an element stands, which decides what its fields are called. */
enum evtx_section { SECTION_NONE, SECTION_SYSTEM, SECTION_EVENTDATA, SECTION_USERDATA, SECTION_OTHER };

struct evtx_place {
	uint8_t section; /* enum evtx_section */
	uint8_t depth;   /* of the elements that open here: 0 Event, 1 sections, 2 and more fields */
};

enum evtx_piece_kind { PIECE_LITERAL, PIECE_VALUE, PIECE_BREAK };

struct evtx_piece {
	struct evtx_piece *next;
	struct str literal;
	uint16_t index; /* of the substitution */
	uint8_t kind;   /* enum evtx_piece_kind; PIECE_BREAK: a newline, between elements of the same name */
};

enum evtx_role { ROLE_NONE, ROLE_CHANNEL, ROLE_CODE, ROLE_PROVIDER, ROLE_TIME };

/* One field to be. */
struct evtx_slot {
	struct str name;
	struct evtx_piece *name_piece; /* a name that is itself substituted; then `name` is empty */
	struct evtx_piece *first, *last;
	uint32_t id;
	struct evtx_place place; /* for BinXml that arrives as the value */
	uint8_t role;            /* enum evtx_role */
	uint8_t word;            /* windows_word(name) */
	bool keep_empty;         /* a field without a value is still a field */
	bool plain;              /* the one value `first` under a name that is known: nearly all of them */
};

/* What a slot became in the record before. */
struct evtx_last {
	struct str bytes, text;
	uint8_t type;
};

struct evtx_template {
	struct evtx_template *next; /* in its bucket */
	uint32_t key;               /* offset and place */
	int error;                  /* it does not compile: neither do the records that use it */
	struct evtx_slot *slot;
	uint32_t count, cap;
	struct evtx_last *last;     /* one a slot, in this chunk; NULL: used once */
	struct evtx_text *text;     /* while it is compiled: what it is made of goes into this arena */
	struct evtx_names *names;   /* likewise: what it refers to; NULL when nobody asks */
};

/* A value of a template instance. */
struct evtx_value {
	uint32_t at;
	uint16_t size;
	uint8_t type;
};

struct evtx_reader {
	struct decode_context *c;
	struct str chunk;
	bool cut; /* something lies behind the end of a chunk that may be longer */
	struct evtx_text text;
	int64_t budget;
	struct evtx_template *bucket[64];
	struct evtx_value *frame[EVTX_MAX_NESTING]; /* values of the instances that are open */
	uint32_t frame_cap[EVTX_MAX_NESTING];
};

static inline uint16_t
evtx_u16(const char *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return le16toh(v);
}

static inline uint32_t
evtx_u32(const char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static inline uint64_t
evtx_u64(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* Are bytes up to that offset here? A chunk that lacks them is noted as cut. */
static inline bool
evtx_reaches(struct evtx_reader *r, size_t end)
{
	r->cut |= end > r->chunk.n && end <= EVTX_CHUNK;
	return end <= r->chunk.n;
}

/* The name whose entry in the chunk's table of strings is at that offset; false: none can stand there. */
static inline bool
evtx_name_at(struct evtx_reader *r, size_t at, struct str *ret_utf16)
{
	if (at < EVTX_CHUNK_HEADER || !evtx_reaches(r, at + 10))
		return false;
	size_t n = (size_t)evtx_u16(r->chunk.p + at + 6) * 2;
	*ret_utf16 = str_from(r->chunk.p + at + 8, n);
	return n && evtx_reaches(r, at + 10 + n) && evtx_u16(r->chunk.p + at + 8 + n) == 0;
}

[[nodiscard]] char *evtx_text_block(struct evtx_text *t, size_t n);
/* n writable bytes at t->at, or NULL when the arena is full. */
[[nodiscard]] static inline char *
evtx_text_room(struct evtx_text *t, size_t n)
{
	return t->at && (size_t)(t->end - t->at) >= n ? t->at : evtx_text_block(t, n);
}
/* Texts that follow are to stand in one piece, which holds if there are about n bytes of them. */
void evtx_text_begin(struct evtx_text *t, size_t n);
/* They, or nothing. */
struct str evtx_text_since_begin(const struct evtx_text *t);
[[nodiscard]] static inline bool
evtx_text_copy(struct evtx_text *t, struct str s, struct str *ret)
{
	char *out = evtx_text_room(t, s.n);
	if (!out)
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	t->at += s.n;
	*ret = str_from(out, s.n);
	return true;
}
/* UTF-16LE as UTF-8; unpaired surrogates become U+FFFD, NULs at the end are dropped. False: arena full. */
[[nodiscard]] bool evtx_text_utf16(struct evtx_text *t, struct str utf16, struct str *ret);
/* A value of any type but BinXml as text; arrays one element a line. Borrowed from t's arena. False: arena full. */
[[nodiscard]] bool evtx_value_text(struct evtx_text *t, uint8_t type, struct str bytes, struct str *ret);
/* "Threat Name" is the field ThreatName. In place: s must be a text that was made here. */
struct str evtx_without_spaces(struct str s);
/* Bytes of a value of that type that stands by itself in BinXml, or SIZE_MAX when its type does not tell. */
size_t evtx_value_size(uint8_t type, struct str rest);

/* The elements in [at, end) as slots of t, whose text is set. Outside of templates elements carry no dependency id. E_INVALID, E_LIMIT. */
[[nodiscard]] int evtx_compile(struct evtx_reader *r, size_t at, size_t end, struct evtx_place place,
    bool definition, struct evtx_template *t);
/* The definition of `size` bytes at `at`, behind its header, compiled: here or in an earlier chunk, which is all the same
 * to the events and to r->budget. NULL: it is none to keep. Lives as long as the cache. */
const struct evtx_template *evtx_cache_find(struct evtx_cache *cache, struct evtx_reader *r, size_t at, size_t size,
    struct evtx_place place);

#endif
