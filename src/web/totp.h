/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef WEB_TOTP_H
#define WEB_TOTP_H

/*
 * One-time passwords by the clock, as every authenticator app makes them (RFC 6238 over RFC 4226): HMAC-SHA-1, 30 seconds,
 * six digits. Core. Pure.
 */

#include "base/bytes.h"

#define TOTP_SECRET 20      /* bytes: 160 bits, what RFC 4226, section 4 recommends */
#define TOTP_SECRET_TEXT 33 /* the same in base32 (RFC 4648, section 6), and NUL */
#define TOTP_STEP_S 30
#define TOTP_WINDOW 1       /* steps that a clock may be off, either way */

void totp_secret_new(uint8_t ret[TOTP_SECRET]);
void totp_secret_text(const uint8_t secret[TOTP_SECRET], char ret[TOTP_SECRET_TEXT]);
/* The six digits of a step, as a number. */
uint32_t totp_at(struct str secret, uint64_t step);
/* The step whose password this is, among those around now and behind `last_step`, or -1. Six digits, spaces allowed. */
int64_t totp_step_of(struct str secret, struct str code, int64_t now_ms, int64_t last_step);
/* "otpauth://totp/Khien:an?secret=..." as apps read it from a QR code. `issuer` and `login` are percent-encoded. */
void totp_uri(const uint8_t secret[TOTP_SECRET], struct str issuer, struct str login, struct buf *out);
/* The dark squares of the text's QR code as an SVG path in a grid of *ret_size squares. False: too long. */
bool totp_qr_path(struct str text, unsigned *ret_size, struct buf *out);

#endif
