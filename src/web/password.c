/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/password.h"

#include <sodium.h>

#include "base/hash.h"
#include "store/db.h"

#define WORD_MIN 3u
#define WORD_MAX 24u
#define PIECE_MIN 4u /* what the set holds at least, beside whole passwords */
#define RUN_MIN 3u

/* web/password_set.S; made by tools/common_passwords. */
extern const unsigned char password_set[], password_set_end[];

static uint32_t
mark_at(size_t i)
{
	const unsigned char *p = password_set + 4 * i;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool
password_is_common(struct str lower_case)
{
	uint8_t digest[32];
	sha256(lower_case, digest);
	uint32_t mark = (uint32_t)digest[0] | (uint32_t)digest[1] << 8 | (uint32_t)digest[2] << 16 | (uint32_t)digest[3] << 24;
	size_t low = 0, high = (size_t)(password_set_end - password_set) / 4;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (mark_at(middle) < mark)
			low = middle + 1;
		else
			high = middle;
	}
	return low < (size_t)(password_set_end - password_set) / 4 && mark_at(low) == mark;
}

/* --- words of who and where --- */

static bool
is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static void
keep_word(struct password_words *w, struct str word)
{
	if (word.n < WORD_MIN || word.n >= sizeof w->text[0] || w->count == PASSWORD_WORDS)
		return;
	memcpy(w->text[w->count], word.p, word.n);
	w->text[w->count++][word.n] = '\0';
}

void
password_words_add(struct password_words *w, struct str text)
{
	struct buf plain = BUF_INIT_MAX(1024), whole = BUF_INIT_MAX(1024);
	db_fold(text, &plain);
	struct str s = buf_str(&plain);
	for (size_t i = 0, n; i < s.n; i += n ? n : 1) {
		for (n = 0; i + n < s.n && is_word_byte(s.p[i + n]);)
			n++;
		keep_word(w, str_cut(s, i, i + n));
		buf_add(&whole, str_cut(s, i, i + n));
	}
	keep_word(w, buf_str(&whole));
	buf_release(&plain);
	buf_release(&whole);
}

/* --- ideas --- */

/* p4ssw0rd -> password */
static char
letter_meant(char c)
{
	static const char digits[] = "013457@$!", letters[] = "oleastasi";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? letters[at - digits] : c;
}

static size_t
run_along(const char *row, struct str s)
{
	const char *at = strchr(row, s.p[0]);
	size_t up = 0, down = 0;
	if (!at || !s.p[0])
		return 0;
	while (up < s.n && at[up] && at[up] == s.p[up])
		up++;
	while (down < s.n && at >= row + down && at[-(ptrdiff_t)down] == s.p[down])
		down++;
	return up > down ? up : down;
}

/* How many bytes at the front of s go along something that every hand knows. */
static size_t
run_of(struct str s)
{
	static const char *const rows[] = {"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm",
	    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "!@#$%^&*()", "aqswdefrgthyjukilo"};
	size_t longest = 1;
	while (longest < s.n && s.p[longest] == s.p[0])
		longest++;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = run_along(rows[i], s);
		longest = n > longest ? n : longest;
	}
	return longest;
}

static bool
is_year(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n == 4 && (str_starts(s, STR("19")) || str_starts(s, STR("20")));
}

static bool
is_known(const struct password_words *w, struct str piece)
{
	for (unsigned i = 0; w && i < w->count; i++)
		if (str_eq(str_z(w->text[i]), piece))
			return true;
	return false;
}

struct text {
	struct str plain, meant; /* as written, and with letters for digits; equally long */
};

/* What the piece [from, to) is worth as one idea; 0: it is none. */
static unsigned
worth(const struct text *t, const struct password_words *words, size_t from, size_t to)
{
	struct str plain = str_cut(t->plain, from, to), meant = str_cut(t->meant, from, to);
	size_t n = to - from;
	if (is_known(words, plain) || is_known(words, meant))
		return 1;
	if (n > 1 && from >= n && memcmp(t->plain.p + from - n, plain.p, n) == 0)
		return 1;
	if (n < PIECE_MIN || n > WORD_MAX)
		return 0;
	return is_year(plain) || password_is_common(plain) || password_is_common(meant) ? 2 : 0;
}

/* The fewest ideas that the text can be told with; counting ends where there are enough. */
static unsigned
ideas(const struct text *t, const struct password_words *words)
{
	uint16_t least[PASSWORD_MAX + 1];
	size_t n = t->plain.n < PASSWORD_MAX ? t->plain.n : PASSWORD_MAX;
	for (size_t i = 0; i <= n; i++)
		least[i] = (uint16_t)i;
	for (size_t i = 0; i < n; i++) {
		size_t run = run_of(str_cut(t->plain, i, n)), longest = n - i < 64 ? n - i : 64;
		if (least[i] + 1 < least[i + 1])
			least[i + 1] = (uint16_t)(least[i] + 1);
		for (size_t k = 2; k <= longest && least[i] < PASSWORD_IDEAS; k++) {
			unsigned cost = worth(t, words, i, i + k);
			if (cost && least[i] + cost < least[i + k])
				least[i + k] = (uint16_t)(least[i] + cost);
		}
		for (size_t k = RUN_MIN; k <= run; k++)
			if (least[i] + 2 < least[i + k])
				least[i + k] = (uint16_t)(least[i] + 2);
	}
	return least[n];
}

static size_t
characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

const char *
password_fault(struct str password, const struct password_words *words)
{
	struct buf plain = BUF_INIT_MAX(4 * PASSWORD_MAX), meant = BUF_INIT_MAX(4 * PASSWORD_MAX);
	const char *fault = NULL;
	if (characters(password) < PASSWORD_MIN)
		return "password_short";
	if (password.n > PASSWORD_MAX)
		return "password_long";
	db_fold(password, &plain);
	for (size_t i = 0; i < plain.n; i++)
		buf_add_char(&meant, letter_meant(plain.p[i]));
	const struct text t = {buf_str(&plain), buf_str(&meant)};
	if (password_is_common(t.plain) || ideas(&t, NULL) < PASSWORD_IDEAS)
		fault = "password_common";
	else if (ideas(&t, words) < PASSWORD_IDEAS)
		fault = "password_words";
	sodium_memzero(plain.p, plain.n);
	sodium_memzero(meant.p, meant.n);
	buf_release(&plain);
	buf_release(&meant);
	return fault;
}
