/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/error.h"

#include <errno.h>

const char *
error_name(int error)
{
	switch (error) {
#define X(name, value, text)                                                                                           \
	case name:                                                                                                     \
		return text;
		ERROR_TABLE(X)
#undef X
	default:
		return "unknown";
	}
}

int
error_from_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return E_NOT_FOUND;
	case EEXIST:
		return E_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return E_DENIED;
	case ENOSPC:
	case EDQUOT:
		return E_FULL;
	case EADDRINUSE:
	case EBUSY:
		return E_BUSY;
	case EAGAIN:
	case EINTR:
		return E_AGAIN;
	case EPIPE:
	case ECONNRESET:
		return E_CLOSED;
	default:
		return E_IO;
	}
}

static void
copy_clean(char *to, size_t cap, struct str from)
{
	size_t n = 0;
	for (size_t i = 0; i < from.n && n + 1 < cap; i++)
		to[n++] = (unsigned char)from.p[i] < 0x20 || from.p[i] == 0x7f ? '?' : from.p[i];
	while (n && !str_is_utf8(str_from(to, n)))
		n--; /* do not cut a letter in half; other bad bytes go with it */
	to[n] = '\0';
}

int
fault_set(struct fault *f, int code, const char *what, struct str arg, uint32_t line, uint32_t column)
{
	if (f) {
		f->code = code;
		f->what = what;
		f->line = line;
		f->column = column;
		copy_clean(f->arg, sizeof f->arg, arg);
	}
	return code;
}

void
fault_in_file(struct fault *f, struct str file)
{
	if (f)
		copy_clean(f->file, sizeof f->file, file);
}
