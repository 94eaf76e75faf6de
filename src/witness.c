/* SPDX-License-Identifier: EUPL-1.2 */
#include "witness.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lang.h"
#include "base/memory.h"
#include "base/time.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/port.h"
#include "store/tlog.h"
#include "store/whole.h"
#include "web/witness_http.h"

struct asked {
	const char *data, *http, *file, *name;
	struct note_key *log;
	uint32_t logs, log_cap;
};

static void
say(const char *key, struct str arg, struct str more)
{
	struct buf out = BUF_INIT;
	struct str args[2] = {arg, more};
	lang_format(&out, lang_of_user(), str_z(key), args, COUNT(args));
	printf("%.*s\n", STR_ARG(buf_str(&out)));
	buf_release(&out);
	fflush(stdout);
}

/* NAME=KEY, or the key alone. A key has a plus before it can have an equals sign. */
static bool
take_log(struct asked *a, const char *text)
{
	struct str key = str_z(text);
	int64_t equals = str_find(key, STR("=")), plus = str_find(key, STR("+"));
	if (equals >= 0 && (plus < 0 || equals < plus))
		key = str_skip(key, (size_t)equals + 1);
	MEM_GROW(a->log, a->logs, a->log_cap);
	return note_key_read(key, &a->log[a->logs]) == 0 && a->log[a->logs++].type == NOTE_ED25519;
}

static bool
take_arguments(struct asked *a, int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		struct str option = str_z(argv[i]);
		const char *value = argv[i + 1];
		if (str_eq(option, STR("--data")))
			a->data = value;
		else if (str_eq(option, STR("--http")))
			a->http = value;
		else if (str_eq(option, STR("--file")))
			a->file = value;
		else if (str_eq(option, STR("--name")))
			a->name = value;
		else if (!str_eq(option, STR("--log")) || !take_log(a, value))
			return false;
	}
	return argc % 2 && a->data && a->logs && a->logs <= WITNESS_LOGS_MAX && !a->http != !a->file;
}

/* ---- over the network ---- */

static int
serve(struct asked *a, struct witness *w)
{
	struct listen_option listen = {.kind = LISTEN_HTTP};
	struct buf address = BUF_INIT, key = BUF_INIT;
	struct fault f = {0};
	int fd;
	if (strlen(a->http) >= sizeof listen.address)
		return 2;
	snprintf(listen.address, sizeof listen.address, "%s", a->http);
	if (port_open(&listen, &fd, &address, &f) < 0) {
		log_fault(&f);
		return 2;
	}
	note_key_text(witness_key(w), &key);
	printf("%.*s\nhttp://%.*s/\n", STR_ARG(buf_str(&key)), STR_ARG(buf_str(&address)));
	fflush(stdout);
	int error = witness_http(w, a->log, a->logs, a->data, fd);
	buf_release(&key);
	buf_release(&address);
	return error ? 2 : 0;
}

/* ---- on a stick ---- */

static struct str
folder_of(const char *file, char room[PATH_MAX])
{
	struct stat st;
	snprintf(room, PATH_MAX, "%s", file);
	char *slash = strrchr(room, '/');
	if (stat(file, &st) == 0 && S_ISDIR(st.st_mode))
		return str_z(room);
	if (!slash)
		return STR(".");
	*slash = 0;
	return str_z(room);
}

static int
no_node(void *user, unsigned level, uint64_t index, struct merkle_hash *ret)
{
	return E_NOT_FOUND;
}

static const struct note_key *
key_of(const struct asked *a, struct str note)
{
	struct checkpoint c;
	if (checkpoint_read(note, &c) < 0)
		return NULL;
	for (uint32_t i = 0; i < a->logs; i++)
		if (str_eq(str_z(a->log[i].name), c.origin))
			return &a->log[i];
	return NULL;
}

static int
tell(struct witness *w, enum witness_answer answer, bool fork, const char *file, const struct buf *line)
{
	if (answer == WITNESS_COSIGNED) {
		printf("%.*s", STR_ARG(buf_str(line)));
		say("witness.cosigned", str_z(file), str_z(witness_key(w)->name));
		return 0;
	}
	say(fork ? "witness.fork" : answer == WITNESS_CONFLICT ? "witness.older" : answer == WITNESS_FAILED ? "witness.no_tiles"
	                                                                                        : "witness.refused",
	    str_z(file), str_cut(buf_str(line), 0, line->n ? line->n - 1 : 0));
	return fork || answer == WITNESS_CONFLICT ? 1 : 2;
}

static int
look(struct asked *a, struct witness *w)
{
	char room[PATH_MAX], path[PATH_MAX + 16];
	struct buf note = BUF_INIT_MAX(NOTE_MAX), line = BUF_INIT_MAX(4096);
	struct merkle_nodes nodes = {NULL, no_node};
	struct tlog *log = NULL;
	struct str folder = folder_of(a->file, room);
	bool fork = false;
	snprintf(path, sizeof path, "%.*s/checkpoint", STR_ARG(folder));
	bool whole = str_eq(str_z(a->file), folder) || str_eq(str_z(a->file), str_z(path));
	enum witness_answer answer = WITNESS_MALFORMED;
	if (whole_read(&store_io_disk, whole ? path : a->file, NOTE_MAX, &note) == 0) {
		const struct note_key *key = key_of(a, buf_str(&note));
		/* A log that is not what its own checkpoint says has no nodes to show. */
		if (whole && key && tlog_open(&store_io_disk, folder, key, &log, NULL) == 0)
			nodes = tlog_nodes(log);
		answer = witness_look(w, buf_str(&note), &nodes, clock_now_ms() / TIME_SECOND, &line, &fork);
	}
	if (answer == WITNESS_COSIGNED && log &&
	    tlog_cosign(log, buf_str(&note), buf_str(&line), witness_key(w)) < 0)
		say("witness.not_written", folder, STR(""));
	int result = tell(w, answer, fork, a->file, &line);
	tlog_close(log);
	buf_release(&note);
	buf_release(&line);
	return result;
}

int
witness_command(int argc, char **argv)
{
	struct asked a = {0};
	struct witness *w;
	struct fault f = {0};
	if (!take_arguments(&a, argc, argv)) {
		say("cli.witness_usage", STR(""), STR(""));
		mem_free(a.log);
		return 2;
	}
	log_role("witness");
	if (mkdir(a.data, 0700) < 0 && errno != EEXIST)
		fault_set(&f, error_from_errno(errno), "witness_state", str_z(a.data), 0, 0);
	int result = 2;
	if (f.code || witness_open(&store_io_disk, str_z(a.data), a.name ? str_z(a.name) : STR(""), a.log, a.logs, &w, &f) < 0) {
		log_fault(&f);
	} else {
		result = a.file ? look(&a, w) : serve(&a, w);
		witness_close(w);
	}
	mem_free(a.log);
	return result;
}
