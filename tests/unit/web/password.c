/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/password.h"

#include "tap.h"

static struct password_words
somebody(void)
{
	struct password_words w = {0};
	const struct str known[] = {STR("khien"), STR("truc.ban"), STR("Tr\xe1\xba\xa7n Th\xe1\xbb\x8b Nguy\xe1\xbb\x87t"),
	    STR("S\xe1\xbb\x9f Y t\xe1\xba\xbf"), STR("so-y-te-tinh")};
	for (size_t i = 0; i < COUNT(known); i++)
		password_words_add(&w, known[i]);
	return w;
}

static void
all_are(const char *const *password, size_t n, const char *fault)
{
	const struct password_words w = somebody();
	for (size_t i = 0; i < n; i++) {
		const char *got = password_fault(str_z(password[i]), &w);
		if (strcmp(got ? got : "good", fault) != 0)
			printf("# %s\n", password[i]);
		CHECK_STR(str_z(got ? got : "good"), str_z(fault));
	}
}

/* Every 60th of the first 3,000 of twelve characters and more, as the list has them (content/passwords). */
TEST(the_three_thousand_commonest_are_refused)
{
	static const char *const listed[] = {"123qweasdzxc", "dkflbvbhjdbx", "1234567890qwe", "Paraklast1974", "LockingServi",
	    "sdicmt7seytn", "qwertyuiopasdfg", "sonnenschein", "125712571257d", "dzxtckfdjdyf", "SetupDiCallC", "dnepropetrovsk",
	    "102030102030", "qwegta13091990", "gnthjlfrnbkm", "665544qwerty", "y6t5r4e3w2q1", "qwerty123qwerty", "ltqcndbntkmyj",
	    "gjhjkmgjhjkm", "cfirfrfrfirf", "557788loveaoi", "0p9o8i7u6y5t", "v3XdMta9hCSm", "seniseviyoru", "Purerf545454",
	    "moEDzkhhyFOnQ", "jenniferjennifer", "ghjotghjcnjuj", "dumspirospero", "chiyeuminhem", "654321123456", "123qweasdzxcv",
	    "znfrfzrfrfztcnm", "www9356527575195", "vfhbyf19981902", "spongebob12345", "sentinel2000", "rfgyuji8il0oksdfzx",
	    "QrD2GvmdFLtQ", "plasticfloor", "ololotrololo", "mozillafirefox", "marlboro2202", "ktyf13021998", "JL15iOomN84Z",
	    "ihopaskavesi", "greedisgood10987", "fyutkbyf2005"};
	all_are(listed, COUNT(listed), "password_common");
}

TEST(few_ideas_are_refused_however_long)
{
	static const char *const poor[] = {"password12345", "P@ssw0rd2026!", "aaaaaaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnop",
	    "123456789012", "qwertyuiop123456", "1qaz2wsx3edc4rfv", "matkhau123456", "M\xe1\xba\xadtKh\xe1\xba\xa9u@123456", "anhyeuem2026!!",
	    "quantrimang123", "hanoi@20262026", "abcxyzabcxyzabcxyz", "letmeinletmeinletmein", "vietnamvietnam1", "Admin@123456",
	    "zxcvbnm,zxcvbnm", "admin-admin-admin-admin", "welcome20252026", "iloveyou12345678"};
	all_are(poor, COUNT(poor), "password_common");
}

TEST(words_of_who_and_where_are_refused)
{
	static const char *const near[] = {"khienkhienkhien-k", "truc.ban-trucban", "soyte@tran#2026", "SoYTe.Khien.2026",
	    "tran.thi.nguyet.", "KHIEN_soyte_nguyet"};
	const struct password_words w = somebody();
	for (size_t i = 0; i < COUNT(near); i++)
		CHECK(password_fault(str_z(near[i]), &w) != NULL);
	all_are((const char *const[]){"nguyet*soyte*tran7"}, 1, "password_words");
	CHECK(!password_fault(STR("nguyet*soyte*tran7"), NULL));
}

TEST(what_is_long_and_ones_own_is_taken)
{
	static const char *const good[] = {"correct horse battery", "another long sentence", "m\xe1\xbb\x99t c\xc3\xa2u d\xc3\xa0i d\xe1\xbb\x85 nh\xe1\xbb\x9b",
	    "gH7!kq02Lmz9", "            a b c d e f", "\xe1\xbb\x87\xe1\xbb\x83\xe1\xbb\x85\xe1\xba\xbf\xe1\xbb\x81-x9k2m!", "vwqkzrtmplxj",
	    "64 characters and more are welcome, and so is every sign: <>&\"'%\\ \t"};
	all_are(good, COUNT(good), "good");
}

TEST(characters_are_counted_and_not_bytes)
{
	char longest[PASSWORD_MAX + 2];
	for (size_t i = 0; i < sizeof longest; i++)
		longest[i] = (char)('!' + i * 37 % 90);
	CHECK_STR(str_z(password_fault(STR("gH7!kq02Lmz"), NULL)), STR("password_short")); /* eleven */
	CHECK_STR(str_z(password_fault(STR("\xe1\xbb\x87\xe1\xbb\x83\xe1\xbb\x85\xe1\xba\xbf"), NULL)), STR("password_short")); /* four of three bytes */
	CHECK(!password_fault(str_from(longest, PASSWORD_MAX), NULL));
	CHECK_STR(str_z(password_fault(str_from(longest, PASSWORD_MAX + 1), NULL)), STR("password_long"));
	CHECK_STR(str_z(password_fault(STR(""), NULL)), STR("password_short"));
}
