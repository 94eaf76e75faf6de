/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/log.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/lang.h"
#include "base/time.h"
#include "host/clock.h"

#define LINE_MAX_BYTES 8192u

static const char *log_role_name = "khien";
static enum log_level log_limit = LOG_LEVEL_INFO;

static const char *const level_name[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_INFO] = "info"};

void
log_role(const char *role)
{
	log_role_name = role;
}

void
log_threshold(enum log_level level)
{
	log_limit = level;
}

static void
log_add_arg(struct buf *line, const struct log_arg *arg)
{
	buf_addf(line, ",\"%s\":", arg->name);
	if (arg->text.p)
		buf_add_json_string(line, str_cut(arg->text, 0, LOG_TEXT_MAX));
	else
		buf_add_i64(line, arg->number);
}

void
log_write(enum log_level level, const char *event, const struct log_arg *args, size_t nargs)
{
	struct buf line = BUF_INIT_MAX(LINE_MAX_BYTES);

	if (level > log_limit)
		return;
	buf_add(&line, STR("{\"time\":\""));
	time_format(&line, clock_now_ms(), 0);
	buf_addf(&line, "\",\"role\":\"%s\",\"pid\":%d,\"level\":\"%s\",\"event\":\"%s\"", log_role_name, (int)getpid(),
	    level_name[level], event);
	for (size_t i = 0; i < nargs; i++) {
		/* An argument that does not fit is left out whole: the line stays JSON. */
		size_t before = line.n;
		log_add_arg(&line, &args[i]);
		if (line.over || line.n > LINE_MAX_BYTES - 4) {
			line.n = before;
			line.over = false;
		}
	}
	buf_add(&line, STR("}\n"));
	/* One write, so that lines of several processes do not mix. Nobody to tell when it fails. */
	ssize_t n = write(STDERR_FILENO, line.p, line.n);
	(void)n;
	buf_release(&line);
}

void
log_fault(const struct fault *f)
{
	struct buf line = BUF_INIT_MAX(LINE_MAX_BYTES);

	lang_fault(&line, lang_of_user(), f);
	buf_add_char(&line, '\n');
	ssize_t n = write(STDERR_FILENO, line.p, line.n);
	(void)n;
	buf_release(&line);
}
