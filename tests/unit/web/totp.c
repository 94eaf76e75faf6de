/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/totp.h"

#include "tap.h"

/* RFC 6238, appendix B, SHA-1; six digits are the last of its eight. */
static const struct {
	int64_t time_s;
	struct str code;
} vector[] = {
	{59, STR_INIT("287082")}, {1111111109, STR_INIT("081804")}, {1111111111, STR_INIT("050471")}, {1234567890, STR_INIT("005924")}, {2000000000, STR_INIT("279037")},
	{20000000000, STR_INIT("353130")},
};
#define RFC_SECRET STR("12345678901234567890")

TEST(vectors_of_the_rfc)
{
	for (size_t i = 0; i < COUNT(vector); i++) {
		char text[8];
		snprintf(text, sizeof text, "%06u", totp_at(RFC_SECRET, (uint64_t)vector[i].time_s / 30));
		CHECK_STR(str_z(text), vector[i].code);
		CHECK_INT(totp_step_of(RFC_SECRET, vector[i].code, vector[i].time_s * 1000, -1), vector[i].time_s / 30);
	}
}

TEST(one_step_early_or_late_and_no_further)
{
	const int64_t at = 1234567890000, step = at / 30000;
	static const struct {
		int64_t off, found;
	} row[] = {{-2, 0}, {-1, 1}, {0, 1}, {1, 1}, {2, 0}};
	for (size_t i = 0; i < COUNT(row); i++) {
		char text[8];
		snprintf(text, sizeof text, "%06u", totp_at(RFC_SECRET, (uint64_t)(step + row[i].off)));
		CHECK_INT(totp_step_of(RFC_SECRET, str_z(text), at, -1), row[i].found ? step + row[i].off : -1);
		CHECK_INT(totp_step_of(RFC_SECRET, str_z(text), at, step + row[i].off), -1); /* used */
	}
}

TEST(what_is_no_code)
{
	static const char *const text[] = {"", "28708", "2870820", "28708a", "-87082", "287082\n", "287.082", " ", "000000"};
	for (size_t i = 0; i < COUNT(text); i++)
		CHECK_INT(totp_step_of(RFC_SECRET, str_z(text[i]), 59000, -1), -1);
	CHECK_INT(totp_step_of(RFC_SECRET, STR("287 082"), 59000, -1), 1); /* as apps show it */
}

TEST(secret_link_and_picture)
{
	uint8_t secret[TOTP_SECRET];
	char text[TOTP_SECRET_TEXT];
	struct buf uri = BUF_INIT, path = BUF_INIT;
	unsigned size = 0;
	memcpy(secret, "12345678901234567890", sizeof secret);
	totp_secret_text(secret, text);
	CHECK_STR(str_z(text), STR("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
	totp_uri(secret, STR("Khi\xc3\xaan B/&"), STR("an"), &uri);
	CHECK_STR(buf_str(&uri), STR("otpauth://totp/Khi%C3%AAn%20B%2F%26:an?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
				     "&issuer=Khi%C3%AAn%20B%2F%26&algorithm=SHA1&digits=6&period=30"));
	CHECK(totp_qr_path(buf_str(&uri), &size, &path));
	CHECK(size >= 37 && size <= 57);
	CHECK(str_starts(buf_str(&path), STR("M0 0h7v1h-7z"))); /* the upper edge of the first finder pattern */
	buf_release(&uri);
	buf_release(&path);
}
