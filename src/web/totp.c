/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/totp.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <qrencode.h>
#include <sodium.h>
#include <stdlib.h>

static_assert(TOTP_SECRET_TEXT == TOTP_SECRET * 8 / 5 + 1, "no padding is needed");

void
totp_secret_new(uint8_t ret[TOTP_SECRET])
{
	randombytes_buf(ret, TOTP_SECRET);
}

void
totp_secret_text(const uint8_t secret[TOTP_SECRET], char ret[TOTP_SECRET_TEXT])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	size_t n = 0;
	uint32_t bits = 0;
	unsigned held = 0;
	for (size_t i = 0; i < TOTP_SECRET; i++) {
		bits = bits << 8 | secret[i];
		for (held += 8; held >= 5; held -= 5)
			ret[n++] = letters[bits >> (held - 5) & 31];
	}
	ret[n] = '\0';
}

uint32_t
totp_at(struct str secret, uint64_t step)
{
	unsigned char counter[8], mac[20];
	unsigned n = sizeof mac;
	for (int i = 7; i >= 0; i--, step >>= 8)
		counter[i] = (unsigned char)step;
	const unsigned char *made = HMAC(EVP_sha1(), secret.p, (int)secret.n, counter, sizeof counter, mac, &n);
	assert(made && n == sizeof mac);
	const unsigned char *at = mac + (mac[19] & 15);
	uint32_t number = (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	return number % 1000000;
}

static bool
read_code(struct str code, uint32_t *ret)
{
	uint32_t number = 0;
	unsigned digits = 0;
	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] == ' ')
			continue;
		if (code.p[i] < '0' || code.p[i] > '9' || ++digits > 6)
			return false;
		number = number * 10 + (uint32_t)(code.p[i] - '0');
	}
	*ret = number;
	return digits == 6;
}

int64_t
totp_step_of(struct str secret, struct str code, int64_t now_ms, int64_t last_step)
{
	uint32_t wanted;
	int64_t now = now_ms / (TOTP_STEP_S * 1000), found = -1;
	if (!read_code(code, &wanted))
		return -1;
	for (int64_t step = now - TOTP_WINDOW; step <= now + TOTP_WINDOW; step++) /* all, so that time tells nothing */
		if (step > last_step && step >= 0 && totp_at(secret, (uint64_t)step) == wanted && found < 0)
			found = step;
	return found;
}

static void
add_percent(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
		if (plain && c)
			buf_add_char(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

void
totp_uri(const uint8_t secret[TOTP_SECRET], struct str issuer, struct str login, struct buf *out)
{
	char text[TOTP_SECRET_TEXT];
	totp_secret_text(secret, text);
	buf_add(out, STR("otpauth://totp/"));
	add_percent(issuer, out);
	buf_add_char(out, ':');
	add_percent(login, out);
	buf_addf(out, "?secret=%s&issuer=", text);
	add_percent(issuer, out);
	buf_addf(out, "&algorithm=SHA1&digits=6&period=%d", TOTP_STEP_S);
	sodium_memzero(text, sizeof text);
}

bool
totp_qr_path(struct str text, unsigned *ret_size, struct buf *out)
{
	QRcode *code = QRcode_encodeData((int)text.n, (const unsigned char *)text.p, 0, QR_ECLEVEL_M);
	if (!code)
		return false;
	for (int y = 0; y < code->width; y++)
		for (int x = 0, run; x < code->width; x += run) {
			const unsigned char *row = code->data + (size_t)y * (size_t)code->width;
			for (run = 1; x + run < code->width && ((row[x + run] ^ row[x]) & 1) == 0;)
				run++;
			if (row[x] & 1)
				buf_addf(out, "M%d %dh%dv1h-%dz", x, y, run, run);
		}
	*ret_size = (unsigned)code->width;
	QRcode_free(code);
	return true;
}
