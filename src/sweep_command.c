/* SPDX-License-Identifier: EUPL-1.2 */
#include "sweep_command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/lang.h"
#include "base/memory.h"
#include "host/clock.h"
#include "inspect/match_json.h"
#include "inspect/sweep_run.h"
#include "yara_role.h"

#define CHILD_LOOK_MS 100
#define CHILD_TRIES 3 /* before it has worked once */

struct sweep {
	enum lang lang;
	bool json;
	struct yara_files files;
	struct loop *loop;
	struct scanner *scanner;
	pid_t child;
	unsigned starts;
	bool told;            /* the faults of the rules */
	struct sweep_run *run;
	bool ended;           /* what is being swept */
	struct sweep_totals totals;
	struct buf out;
	int64_t started_ms;
};

static void
flush(struct sweep *s)
{
	fwrite(s->out.p, 1, s->out.n, stdout);
	fflush(stdout);
	buf_clear(&s->out);
}

static void
say_fault(struct sweep *s, const struct fault *f)
{
	struct buf text = BUF_INIT;
	lang_fault(&text, s->lang, f);
	fprintf(stderr, "%s\n", text.p);
	buf_release(&text);
}

/* --- the child --- */

static void
start_child(struct sweep *s)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	s->child = fork();
	if (s->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (dup2(fds[1], STDERR_FILENO + 1) < 0)
			_exit(1);
		syscall(SYS_close_range, STDERR_FILENO + 2, UINT_MAX, 0);
		_exit(yara_serve(STDERR_FILENO + 1, &s->files));
	}
	s->starts++;
	close(fds[1]);
	scanner_peer(s->scanner, fds[0]);
}

/* Its end is seen twice: the scanner reads it from the channel, here a new one is started. */
static void
on_look(void *user)
{
	struct sweep *s = user;
	const struct scanner_state *state = scanner_state(s->scanner);
	int status;
	if (state->here && !s->told)
		for (uint32_t i = 0; i < state->rules.faults; i++)
			say_fault(s, &state->rules.fault[i]);
	s->told |= state->here;
	if (s->child > 0 && waitpid(s->child, &status, WNOHANG) == s->child)
		start_child(s);
}

/* --- output --- */

static void
put_json(struct sweep *s, struct str path, const struct scan_answer *a)
{
	struct buf *out = &s->out;
	buf_add(out, STR("{\"file\":"));
	buf_add_json_string(out, path);
	buf_addf(out, ",\"outcome\":\"%s\",\"bytes\":%llu,\"partial\":%s", scan_outcome_name(a->outcome),
	    (unsigned long long)a->bytes, a->partial ? "true" : "false");
	if (a->found.matches) {
		buf_add(out, STR(",\"sha256\":\""));
		buf_add_hex(out, a->sha256, sizeof a->sha256);
		buf_add_char(out, '"');
	}
	buf_add(out, STR(",\"matches\":"));
	match_json(out, &a->found);
	buf_addf(out, ",\"more\":%u}\n", a->found.over);
}

/* Names and strings of a hostile file: no control character reaches a terminal. */
static void
put_text(struct sweep *s, struct str path, const struct scan_answer *a)
{
	struct buf *out = &s->out, key = BUF_INIT;
	if (a->outcome != SCAN_DONE) {
		buf_addf(&key, "scan.%s", scan_outcome_name(a->outcome));
		buf_add_json(out, path);
		buf_addf(out, ": %.*s\n", STR_ARG(lang_text(s->lang, buf_str(&key))));
		buf_release(&key);
	}
	for (uint32_t i = 0; i < a->found.matches; i++) {
		const struct yara_match *m = &a->found.match[i];
		struct str title = s->lang == LANG_VI && m->title_vi.n ? m->title_vi : m->title;
		buf_add_json(out, path);
		buf_addf(out, ": %s: ", level_name(m->level));
		buf_add_json(out, m->space);
		buf_add_char(out, '/');
		buf_add_json(out, m->rule);
		buf_add(out, STR(": "));
		buf_add_json(out, title);
		for (uint32_t j = 0; j < m->hits; j++) {
			buf_add(out, j ? STR(", ") : STR(" | "));
			buf_add_json(out, m->hit[j].name);
			buf_addf(out, "@%llu=\"", (unsigned long long)m->hit[j].offset);
			buf_add_json(out, m->hit[j].bytes);
			buf_add_char(out, '"');
		}
		buf_add_char(out, '\n');
	}
}

static void
on_answer(void *user, struct str path, const struct scan_answer *a)
{
	struct sweep *s = user;
	if (s->json && (a->outcome != SCAN_DONE || a->found.matches))
		put_json(s, path, a);
	else if (!s->json)
		put_text(s, path, a);
	if (s->out.n)
		flush(s);
}

static void
on_problem(void *user, struct str path, int error)
{
	struct fault f = {.code = error};
	fault_in_file(&f, path);
	say_fault(user, &f);
}

static void
put_summary(struct sweep *s)
{
	const struct scan_rules *rules = &scanner_state(s->scanner)->rules;
	const struct sweep_totals *t = &s->totals;
	double seconds = (double)(clock_monotonic_ms() - s->started_ms) / 1000;
	if (s->json) {
		buf_addf(&s->out,
		    "{\"summary\":{\"files\":%llu,\"bytes\":%llu,\"matches\":%llu,\"partial\":%llu,\"problems\":%llu,"
		    "\"crashed\":%llu,\"links\":%llu,\"special\":%llu,\"elsewhere\":%llu,\"rules\":%u,\"refused\":%u,"
		    "\"compile_ms\":%u,\"seconds\":%.3f}}\n",
		    (unsigned long long)t->files_done, (unsigned long long)t->bytes, (unsigned long long)t->matches,
		    (unsigned long long)t->partial, (unsigned long long)t->problems, (unsigned long long)t->crashed,
		    (unsigned long long)t->walk.links, (unsigned long long)t->walk.special,
		    (unsigned long long)t->walk.elsewhere, rules->stats.rules, rules->stats.refused, rules->ms, seconds);
	} else {
		char number[7][24];
		struct str args[7];
		const unsigned long long value[6] = {t->files_done, t->bytes >> 20, t->matches, t->problems, t->partial,
			rules->stats.rules};
		for (int i = 0; i < 6; i++)
			snprintf(number[i], sizeof number[i], "%llu", value[i]);
		snprintf(number[6], sizeof number[6], "%.2f", seconds);
		for (int i = 0; i < 7; i++)
			args[i] = str_z(number[i]);
		lang_format(&s->out, s->lang, STR("cli.sweep_summary"), args, 7);
		buf_add_char(&s->out, '\n');
	}
	flush(s);
}

/* --- going --- */

static void
on_turn(struct sweep *s)
{
	if (!sweep_run_begin(s->run))
		return;
	sweep_run_fill(s->run);
	sweep_run_submit(s->run);
}

static void
add_totals(struct sweep_totals *to, const struct sweep_totals *from)
{
	to->files_done += from->files_done;
	to->bytes += from->bytes;
	to->matches += from->matches;
	to->partial += from->partial;
	to->problems += from->problems;
	to->crashed += from->crashed;
	to->walk.links += from->walk.links;
	to->walk.special += from->walk.special;
	to->walk.elsewhere += from->walk.elsewhere;
}

static void
on_end(void *user)
{
	struct sweep *s = user;
	s->ended = true;
}

static const struct sweep_events sweep_events = {on_answer, on_problem, on_end};

static void
sweep_folder(struct sweep *s, const char *path, int fd)
{
	struct walk *walk;
	int error = walk_open(fd, str_z(path), STR(""), &walk);
	if (error) {
		on_problem(s, str_z(path), error);
		s->totals.problems++;
		return;
	}
	s->run = sweep_run_new(walk, s->scanner, &sweep_events, s);
	s->ended = false;
	while (!s->ended) {
		on_turn(s);
		if (!s->ended)
			loop_turn(s->loop, CHILD_LOOK_MS);
	}
	struct sweep_totals totals = sweep_run_totals(s->run);
	add_totals(&s->totals, &totals);
	sweep_run_free(s->run);
}

struct single {
	struct sweep *sweep;
	const char *path;
};

static void
on_single(void *user, const struct scan_answer *a)
{
	struct single *one = user;
	struct sweep_totals t = {.files_done = 1, .bytes = a->bytes, .matches = a->found.matches > 0, .partial = a->partial,
	    .problems = a->outcome != SCAN_DONE, .crashed = a->outcome == SCAN_CRASHED};
	add_totals(&one->sweep->totals, &t);
	on_answer(one->sweep, str_z(one->path), a);
	one->sweep->ended = true;
}

static void
sweep_file(struct sweep *s, const char *path, int fd)
{
	struct single one = {s, path};
	struct scan_job job = {.name = str_z(path), .fd = fd, .done = on_single, .user = &one};
	s->ended = false;
	if (scanner_submit(s->scanner, &job) < 0)
		return;
	while (!s->ended)
		loop_turn(s->loop, CHILD_LOOK_MS);
}

/* What a person names is followed through links; what lies below is not. */
static void
sweep_path(struct sweep *s, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))) {
		on_problem(s, str_z(path), fd < 0 ? error_from_errno(errno) : E_INVALID);
		s->totals.problems++;
		if (fd >= 0)
			close(fd);
	} else if (S_ISREG(st.st_mode)) {
		sweep_file(s, path, fd);
	} else {
		sweep_folder(s, path, fd);
		close(fd);
	}
}

static bool
read_arguments(struct sweep *s, char **argv, char ***ret_paths)
{
	for (argv++; *argv && argv[0][0] == '-' && argv[0][1]; argv++) {
		struct str option = str_z(*argv);
		if (str_eq(option, STR("--json"))) {
			s->json = true;
		} else if (str_eq(option, STR("--"))) {
			argv++;
			break;
		} else if (str_eq(option, STR("--rules")) && argv[1] && s->files.count < YARA_FOLDERS_MAX) {
			snprintf(s->files.directory[s->files.count++], sizeof s->files.directory[0], "%s", *++argv);
		} else {
			return false;
		}
	}
	*ret_paths = argv;
	return *argv;
}

static int
say(const struct sweep *s, struct str key)
{
	struct str text = lang_text(s->lang, key);
	fprintf(stderr, "%.*s\n", STR_ARG(text));
	return 1;
}

int
sweep_command(int argc, char **argv)
{
	const char *lang = getenv("LANG");
	struct sweep s = {.lang = lang_from_tag(str_z(lang ? lang : "")), .started_ms = clock_monotonic_ms()};
	char **paths;
	if (!read_arguments(&s, argv, &paths))
		return say(&s, STR("cli.sweep_usage"));
	if (!s.files.count)
		yara_files_usual(&s.files);
	signal(SIGPIPE, SIG_DFL);
	s.loop = loop_new();
	s.scanner = scanner_new(s.loop);
	start_child(&s);
	loop_add_timer(s.loop, 0, CHILD_LOOK_MS, on_look, &s);
	while (!scanner_state(s.scanner)->here && s.starts <= CHILD_TRIES)
		loop_turn(s.loop, CHILD_LOOK_MS);
	on_look(&s);
	bool rules = scanner_state(s.scanner)->rules.stats.rules > 0;
	for (; *paths && rules; paths++)
		sweep_path(&s, *paths);
	if (rules)
		put_summary(&s);
	scanner_free(s.scanner); /* which ends the child */
	waitpid(s.child, NULL, 0);
	loop_free(s.loop);
	buf_release(&s.out);
	return !rules ? say(&s, STR("cli.sweep_no_rules")) : s.totals.problems ? 2 : 0;
}
