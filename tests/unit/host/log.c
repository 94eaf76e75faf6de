/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "tap.h"

/* What log_write() prints for one argument. */
static void
log_line(struct buf *ret, struct str text, size_t times)
{
	struct log_arg args[40];
	int fds[2], saved = dup(STDERR_FILENO);
	char room[16384];

	for (size_t i = 0; i < times; i++)
		args[i] = (struct log_arg){"text", text, 0};
	CHECK_INT(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_role("core");
	log_write(LOG_LEVEL_WARN, "test.event", args, times);
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	close(saved);
	ssize_t n = read(fds[0], room, sizeof(room));
	close(fds[0]);
	buf_clear(ret);
	buf_add(ret, str_from(room, n > 0 ? (size_t)n : 0));
}

TEST(text_from_outside_stays_inside_its_string)
{
	static const struct str hostile[] = {STR_INIT("\n{\"event\":\"forged\"}\n"), STR_INIT("\x1b[31mred\x1b[0m"),
	    STR_INIT("\"},{\""), STR_INIT("\0\x7f\xff\xfe"), STR_INIT("")};
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < COUNT(hostile); i++) {
		log_line(&line, hostile[i], 1);
		CHECK_INT(str_find_char(buf_str(&line), '\n'), line.n - 1);
		CHECK_INT(str_find_char(buf_str(&line), '\x1b'), -1);
		CHECK_INT(str_find_char(buf_str(&line), 0), -1);
		CHECK(str_find(buf_str(&line), STR("\"role\":\"core\"")) > 0);
		CHECK(str_find(buf_str(&line), STR(",\"level\":\"warn\",\"event\":\"test.event\",\"text\":\"")) > 0);
		CHECK(str_ends(buf_str(&line), STR("\"}\n")));
	}
	buf_release(&line);
}

TEST(a_line_is_bounded_and_stays_whole)
{
	struct buf line = BUF_INIT, text = BUF_INIT;

	for (int i = 0; i < 5000; i++)
		buf_add_char(&text, '\x01');
	log_line(&line, buf_str(&text), 40);
	CHECK(line.n <= 8192);
	CHECK(str_ends(buf_str(&line), STR("\\u0001\"}\n")));
	buf_release(&line);
	buf_release(&text);
}

TEST(numbers_and_thresholds)
{
	struct buf line = BUF_INIT;

	log_threshold(LOG_LEVEL_ERROR);
	int saved = dup(STDERR_FILENO), nowhere = open("/dev/full", O_WRONLY);
	log_threshold(LOG_LEVEL_INFO);
	dup2(nowhere, STDERR_FILENO); /* a log that cannot be written is no reason to fail */
	log_say(LOG_LEVEL_INFO, "role.ready", LOG_NUMBER("starts", -3), LOG_TEXT("peer", STR("core")));
	dup2(saved, STDERR_FILENO);
	close(nowhere);
	close(saved);
	log_line(&line, STR("x"), 0);
	CHECK(str_ends(buf_str(&line), STR("\"event\":\"test.event\"}\n")));
	buf_release(&line);
}
