/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/directory.h"

#include "tap.h"

TEST(what_was_typed_stays_a_value)
{
	static const struct {
		struct str form, login, want;
	} row[] = {
		{STR_INIT("(uid={login})"), STR_INIT("an"), STR_INIT("(uid=an)")},
		{STR_INIT("(uid={login})"), STR_INIT("*"), STR_INIT("(uid=\\2a)")},
		{STR_INIT("(uid={login})"), STR_INIT("an)(uid=*"), STR_INIT("(uid=an\\29\\28uid\\3d\\2a)")},
		{STR_INIT("(uid={login})"), STR_INIT("\\2a"), STR_INIT("(uid=\\5c2a)")},
		{STR_INIT("(uid={login})"), STR_INIT("a\0b"), STR_INIT("(uid=a\\00b)")},
		{STR_INIT("(uid={login})"), STR_INIT("{login}"), STR_INIT("(uid=\\7blogin\\7d)")},
		{STR_INIT("(|(a={login})(b={login}))"), STR_INIT("x"), STR_INIT("(|(a=x)(b=x))")},
		{STR_INIT("uid={login},dc=example"), STR_INIT("an,dc=other"), STR_INIT("uid=an\\2cdc\\3dother,dc=example")},
		{STR_INIT("uid={login},dc=example"), STR_INIT(" #an+\"<;>\\"), STR_INIT("uid=\\20\\23an\\2b\\22\\3c\\3b\\3e\\5c,dc=example")},
		{STR_INIT("{login}@example.gov.vn"), STR_INIT("tr\xe1\xbb\xb1"), STR_INIT("tr\\e1\\bb\\b1@example.gov.vn")},
		{STR_INIT("none"), STR_INIT("an"), STR_INIT("none")},
		{STR_INIT("{login}"), STR_INIT(""), STR_INIT("")},
	};
	for (size_t i = 0; i < COUNT(row); i++) {
		struct buf out = BUF_INIT_MAX(256);
		directory_fill(row[i].form, row[i].login, &out);
		tap_check(str_eq(buf_str(&out), row[i].want), __FILE__, __LINE__, "row %zu", i);
		buf_release(&out);
	}
}
