/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/note.h"

#include <sodium.h>
#include <stdio.h>

#include "base/hash.h"

#define DASH STR("\xe2\x80\x94 ")
#define SIGNATURE 64u
#define TIMESTAMP 8u

/* ---- base64 ---- */

void
base64_add(struct buf *out, const uint8_t *bytes, size_t n)
{
	size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
	char *to = buf_room(out, room);
	if (!to)
		return;
	sodium_bin2base64(to, room, bytes, n, sodium_base64_VARIANT_ORIGINAL);
	out->n += room - 1;
}

int
base64_read(struct str text, uint8_t *to, size_t max, size_t *ret_n)
{
	const char *end = NULL;
	size_t n = 0;
	if (!text.n || text.n % 4)
		return E_INVALID;
	if (text.n / 4 * 3 > max + 2)
		return E_LIMIT;
	if (sodium_base642bin(to, max, text.p, text.n, NULL, &n, &end, sodium_base64_VARIANT_ORIGINAL) < 0 ||
	    end != text.p + text.n)
		return E_INVALID;
	*ret_n = n;
	return 0;
}

/* ---- keys ---- */

static bool
name_is_good(struct str name)
{
	if (!name.n || name.n > NOTE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = ascii_lower(name.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-_./:", c, 5)))
			return false;
	}
	return true;
}

static uint32_t
read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
put_big(uint8_t *to, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static int
key_fill(struct str name, enum note_type type, const uint8_t public_key[32], struct note_key *ret)
{
	struct note_key k = {.type = type};
	char kind[2] = {'\n', (char)type};
	uint8_t digest[32];
	if (!name_is_good(name))
		return E_INVALID;
	memcpy(k.name, name.p, name.n);
	memcpy(k.public_key, public_key, 32);
	struct str part[3] = {name, str_from(kind, 2), str_from((const char *)public_key, 32)};
	sha256_parts(part, COUNT(part), digest);
	k.id = read_u32(digest);
	*ret = k;
	return 0;
}

int
note_key_new(struct str name, enum note_type type, struct note_key *ret, uint8_t ret_secret[NOTE_SECRET])
{
	uint8_t public_key[32], secret[NOTE_SECRET];
	if (sodium_init() < 0 || crypto_sign_keypair(public_key, secret) < 0)
		return E_IO;
	TRY(key_fill(name, type, public_key, ret));
	memcpy(ret_secret, secret, NOTE_SECRET);
	sodium_memzero(secret, sizeof secret);
	return 0;
}

int
note_key_of(struct str name, enum note_type type, const uint8_t secret[NOTE_SECRET], struct note_key *ret)
{
	uint8_t public_key[32];
	if (crypto_sign_ed25519_sk_to_pk(public_key, secret) < 0)
		return E_INVALID;
	return key_fill(name, type, public_key, ret);
}

void
note_key_text(const struct note_key *key, struct buf *out)
{
	uint8_t material[33] = {(uint8_t)key->type};
	memcpy(material + 1, key->public_key, 32);
	buf_addf(out, "%s+%08x+", key->name, key->id);
	base64_add(out, material, sizeof material);
}

int
note_key_read(struct str text, struct note_key *ret)
{
	struct str rest = str_trim(text), name, id;
	uint8_t material[33];
	char told[9];
	struct note_key k;
	size_t n;
	if (!str_split(&rest, '+', &name) || !str_split(&rest, '+', &id))
		return E_INVALID;
	if (base64_read(rest, material, sizeof material, &n) < 0 || n != sizeof material)
		return E_INVALID;
	if (material[0] != NOTE_ED25519 && material[0] != NOTE_COSIGNATURE)
		return E_INVALID;
	TRY(key_fill(name, material[0], material + 1, &k));
	snprintf(told, sizeof told, "%08x", k.id);
	if (!str_eq(id, str_z(told)))
		return E_INVALID;
	*ret = k;
	return 0;
}

/* ---- signing ---- */

void
checkpoint_body(struct str origin, uint64_t size, const struct merkle_hash *root, struct buf *out)
{
	buf_add(out, origin);
	buf_add_char(out, '\n');
	buf_add_u64(out, size);
	buf_add_char(out, '\n');
	base64_add(out, root->bytes, MERKLE_HASH);
	buf_add_char(out, '\n');
}

/* What a key really signs: the body, or of a cosignature two lines and the body. */
static void
signed_text(struct str body, enum note_type type, uint64_t time_s, struct buf *out)
{
	if (type == NOTE_COSIGNATURE)
		buf_addf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
	buf_add(out, body);
}

void
note_sign(struct str body, const struct note_key *key, const uint8_t secret[NOTE_SECRET], int64_t time_s, struct buf *out)
{
	struct buf text = BUF_INIT;
	uint8_t line[4 + TIMESTAMP + SIGNATURE];
	size_t n = 4;
	put_big(line, key->id, 4);
	if (key->type == NOTE_COSIGNATURE) {
		put_big(line + n, (uint64_t)time_s, TIMESTAMP);
		n += TIMESTAMP;
	}
	signed_text(body, key->type, (uint64_t)time_s, &text);
	crypto_sign_detached(line + n, NULL, (const uint8_t *)text.p, text.n, secret);
	buf_add(out, DASH);
	buf_add(out, str_z(key->name));
	buf_add_char(out, ' ');
	base64_add(out, line, n + SIGNATURE);
	buf_add_char(out, '\n');
	buf_release(&text);
}

/* ---- reading ---- */

static bool
text_is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] < 0x20 && s.p[i] != '\n')
			return false;
	return str_is_utf8(s);
}

/* Where the last empty line stands: the position behind the text's last line break, or -1. */
static ptrdiff_t
last_empty_line(struct str s)
{
	for (size_t i = s.n; i >= 2; i--)
		if (s.p[i - 1] == '\n' && s.p[i - 2] == '\n')
			return (ptrdiff_t)i - 1;
	return -1;
}

static int
read_size(struct str line, uint64_t *ret)
{
	if (!str_to_u64(line, ret) || (line.n > 1 && line.p[0] == '0') || line.p[0] == '+')
		return E_INVALID;
	return *ret >> 63 ? E_LIMIT : 0;
}

int
checkpoint_read(struct str note, struct checkpoint *ret)
{
	struct checkpoint c = {0};
	struct str rest, size, root;
	size_t n;
	if (note.n > NOTE_MAX)
		return E_LIMIT;
	ptrdiff_t at = text_is_clean(note) ? last_empty_line(note) : -1;
	if (at <= 0)
		return E_INVALID;
	rest = c.body = str_cut(note, 0, (size_t)at);
	c.signatures = str_skip(note, (size_t)at + 1);
	if (!str_split(&rest, '\n', &c.origin) || !str_split(&rest, '\n', &size) || !str_split(&rest, '\n', &root))
		return E_INVALID;
	if (!c.origin.n || !size.n)
		return E_INVALID;
	TRY(read_size(size, &c.size));
	if (base64_read(root, c.root.bytes, MERKLE_HASH, &n) < 0 || n != MERKLE_HASH)
		return E_INVALID;
	*ret = c;
	return 0;
}

static bool
line_is_of(struct str line, const struct note_key *key, uint8_t *to, size_t max, size_t *ret_n)
{
	struct str name;
	if (!str_starts(line, DASH))
		return false;
	line = str_skip(line, DASH.n);
	if (!str_split(&line, ' ', &name) || !str_eq(name, str_z(key->name)))
		return false;
	return base64_read(line, to, max, ret_n) == 0 && *ret_n >= 4 && read_u32(to) == key->id;
}

static int
check_line(const struct checkpoint *c, const struct note_key *key, const uint8_t *bytes, size_t n, int64_t *ret_time_s)
{
	size_t before = key->type == NOTE_COSIGNATURE ? TIMESTAMP : 0;
	struct buf text = BUF_INIT;
	uint64_t time_s = 0;
	if (n != 4 + before + SIGNATURE)
		return E_CORRUPT;
	for (size_t i = 0; i < before; i++)
		time_s = time_s << 8 | bytes[4 + i];
	if (time_s >> 63)
		return E_CORRUPT;
	signed_text(c->body, key->type, time_s, &text);
	int wrong = crypto_sign_verify_detached(bytes + 4 + before, (const uint8_t *)text.p, text.n, key->public_key);
	buf_release(&text);
	if (wrong)
		return E_CORRUPT;
	if (ret_time_s)
		*ret_time_s = (int64_t)time_s;
	return 0;
}

int
checkpoint_signed_by(const struct checkpoint *c, const struct note_key *key, int64_t *ret_time_s)
{
	struct str rest = c->signatures, line;
	uint8_t bytes[4 + TIMESTAMP + SIGNATURE];
	size_t n;
	for (uint32_t i = 0; i < NOTE_SIGNATURES_MAX && str_split(&rest, '\n', &line); i++)
		if (line_is_of(line, key, bytes, sizeof bytes, &n))
			return check_line(c, key, bytes, n, ret_time_s);
	return E_NOT_FOUND;
}
