/* SPDX-License-Identifier: EUPL-1.2 */
#include "demo.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/time.h"
#include "demo_script.h"
#include "host/address.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/role.h"

#define TICK_MS 20
#define RETRY_MS 500       /* between two attempts to connect */
#define PATIENCE_SECONDS 2 /* for a write or an acknowledgement */
#define RELP_WINDOW 128    /* frames on their way without acknowledgement */
#define RELP_LAST 999999999u

/* One way into the collector. */
struct door {
	enum demo_via via;
	char address[64];    /* "" : none */
	int fd;              /* -1: not connected */
	int64_t retry_ms;    /* monotonic: not before */
	uint32_t number;     /* RELP: of the last frame */
	uint32_t waiting;    /* RELP: frames not acknowledged */
	uint32_t matched;    /* RELP: bytes of an acknowledgement seen so far */
	struct buf out;
	uint64_t sent, lost;
};

struct player {
	struct door door[DEMO_VIA_COUNT];
	struct demo_script *script;
	char scenario[512];
	uint64_t speed, seed, until;
};

/* ---- doors ---- */

static void
door_close(struct door *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->lost += d->waiting;
	d->waiting = 0;
	d->retry_ms = clock_monotonic_ms() + RETRY_MS;
}

static bool
door_write(struct door *d, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = send(d->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

/* RELP frames: "number command length data<LF>". */
static void
relp_frame(struct door *d, struct str command, struct str data)
{
	d->number = d->number == RELP_LAST ? 1 : d->number + 1;
	buf_clear(&d->out);
	buf_addf(&d->out, "%u %.*s %zu", d->number, STR_ARG(command), data.n);
	if (data.n)
		buf_add_char(&d->out, ' ');
	buf_add(&d->out, data);
	buf_add_char(&d->out, '\n');
}

/* " 200 OK" may come in pieces. */
static void
relp_count(struct door *d, struct str bytes)
{
	static const struct str ok = STR_INIT(" 200 OK");
	for (size_t i = 0; i < bytes.n; i++) {
		d->matched = bytes.p[i] == ok.p[d->matched] ? d->matched + 1 : bytes.p[i] == ok.p[0];
		if (d->matched == ok.n) {
			d->matched = 0;
			d->waiting -= d->waiting > 0;
		}
	}
}

/* Read what has come, or wait for something. */
static bool
relp_read(struct door *d, bool wait)
{
	char part[4096];
	ssize_t n = recv(d->fd, part, sizeof part, wait ? 0 : MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || (!wait && errno == EAGAIN)))
		return true;
	if (n <= 0)
		return false;
	relp_count(d, str_from(part, (size_t)n));
	return true;
}

static bool
relp_open(struct door *d)
{
	d->number = d->matched = 0;
	relp_frame(d, STR("open"), STR("relp_version=0\nrelp_software=khien-demo\ncommands=syslog"));
	if (!door_write(d, buf_str(&d->out)))
		return false;
	d->waiting = 1;
	while (d->waiting)
		if (!relp_read(d, true))
			return false;
	return true;
}

static bool
door_open(struct door *d)
{
	struct sockaddr_storage to;
	socklen_t length;
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	if (d->fd >= 0)
		return true;
	if (clock_monotonic_ms() < d->retry_ms || address_parse(str_z(d->address), &to, &length) < 0)
		return false;
	d->fd = socket(to.ss_family, (d->via == DEMO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return false;
	bool ok = setsockopt(d->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
	    connect(d->fd, (const struct sockaddr *)&to, length) == 0 && (d->via != DEMO_RELP || relp_open(d));
	if (!ok)
		door_close(d);
	return ok;
}

static bool
door_send(struct door *d, struct str frame)
{
	if (d->via == DEMO_UDP)
		return send(d->fd, frame.p, frame.n, MSG_NOSIGNAL) == (ssize_t)frame.n;
	if (d->via == DEMO_TCP) { /* octet counting, RFC 6587, 3.4.1 */
		buf_clear(&d->out);
		buf_addf(&d->out, "%zu ", frame.n);
		buf_add(&d->out, frame);
		return door_write(d, buf_str(&d->out));
	}
	relp_frame(d, STR("syslog"), frame);
	if (!door_write(d, buf_str(&d->out)) || !relp_read(d, false))
		return false;
	d->waiting++;
	while (d->waiting >= RELP_WINDOW)
		if (!relp_read(d, true))
			return false;
	return true;
}

/* Waits for what is on its way to be acknowledged. */
static void
door_free(struct door *d)
{
	while (d->fd >= 0 && d->waiting && relp_read(d, true))
		;
	if (d->fd >= 0)
		close(d->fd);
	buf_release(&d->out);
}

static struct door *
player_door(struct player *p, enum demo_via via)
{
	for (int i = 0; i < DEMO_VIA_COUNT && !p->door[via].address[0]; i++)
		via = (enum demo_via)((via + 1) % DEMO_VIA_COUNT);
	return &p->door[via];
}

/* ---- play ---- */

static void
player_send(struct player *p, const struct demo_frame *frame)
{
	struct door *d = player_door(p, frame->via);
	if (!door_open(d)) {
		d->lost++;
	} else if (door_send(d, frame->bytes)) {
		d->sent++;
	} else {
		d->lost++;
		door_close(d);
	}
}

static uint64_t
player_total(const struct player *p, bool lost)
{
	uint64_t total = 0;
	for (int i = 0; i < DEMO_VIA_COUNT; i++)
		total += lost ? p->door[i].lost : p->door[i].sent;
	return total;
}

static void
player_report(const struct player *p, const char *event)
{
	log_say(LOG_LEVEL_INFO, event, LOG_NUMBER("sent", (int64_t)player_total(p, false)),
	    LOG_NUMBER("lost", (int64_t)player_total(p, true)));
}

/* The collector must be there before the story begins: a lost opening would spoil it. */
static void
player_wait(struct player *p)
{
	for (int i = 0; i < DEMO_VIA_COUNT; i++) {
		struct door *d = &p->door[i];
		for (int tries = 0; d->address[0] && !door_open(d) && tries < 60; tries++)
			poll(NULL, 0, RETRY_MS);
	}
}

/* The story is told as if it ended now: its hour lies behind us and its last moment is the present one. Until the story
 * ends its clock runs `speed` times as fast as ours, then as fast. */
static void
player_run(struct player *p)
{
	const int64_t length = demo_script_length_ms(p->script), start = clock_monotonic_ms();
	const int64_t told = length / (int64_t)p->speed; /* how long the telling takes */
	const int64_t begin = clock_now_ms() + told - length;
	struct demo_frame frame;
	bool over = false;
	for (;;) {
		int64_t passed = clock_monotonic_ms() - start;
		int64_t until = passed < told ? passed * (int64_t)p->speed : length + (passed - told);
		while (demo_script_next(p->script, until, begin, &frame))
			player_send(p, &frame);
		if (p->until && passed >= (int64_t)p->until * TIME_SECOND)
			return;
		if (!over && passed >= told) {
			over = true;
			player_report(p, "demo.story_told");
		}
		poll(NULL, 0, TICK_MS);
	}
}

/* ---- options ---- */

static void
scenario_default(struct player *p)
{
	static const char *const after[] = {"/content", "/../content", "/../share/khien"};
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < COUNT(after); i++) {
		snprintf(p->scenario, sizeof p->scenario, "%s%s/demo/scenario.yaml", self, after[i]);
		if (access(p->scenario, R_OK) == 0)
			return;
	}
	snprintf(p->scenario, sizeof p->scenario, "%s", "/usr/share/khien/demo/scenario.yaml");
}

/* Where the supervisor listens: the first port of each kind. */
static int
from_supervisor(struct player *p)
{
	static const enum listen_kind kind[DEMO_VIA_COUNT] = {LISTEN_SYSLOG_UDP, LISTEN_SYSLOG_TCP, LISTEN_RELP};
	static struct options o;
	TRY(role_options(&o));
	for (uint32_t i = 0; i < o.listen_count; i++)
		for (int via = 0; via < DEMO_VIA_COUNT; via++)
			if (o.listen[i].kind == kind[via] && !p->door[via].address[0])
				memcpy(p->door[via].address, o.listen[i].address, sizeof p->door[via].address);
	return 0;
}

static bool
set_option(struct player *p, struct str name, struct str value)
{
	static const struct str via[DEMO_VIA_COUNT] = {STR_INIT("--udp"), STR_INIT("--tcp"), STR_INIT("--relp")};
	const struct {
		struct str name;
		uint64_t *to;
	} number[] = {{STR("--speed"), &p->speed}, {STR("--seed"), &p->seed}, {STR("--until"), &p->until}};
	for (int i = 0; i < DEMO_VIA_COUNT; i++)
		if (str_eq(via[i], name)) {
			str_to_z(value, p->door[i].address, sizeof p->door[i].address);
			return true;
		}
	for (size_t i = 0; i < COUNT(number); i++)
		if (str_eq(number[i].name, name))
			return str_to_u64(value, number[i].to);
	if (!str_eq(name, STR("--scenario")))
		return false;
	str_to_z(value, p->scenario, sizeof p->scenario);
	return true;
}

static int
read_options(struct player *p, int argc, char **argv, struct fault *f)
{
	if (argc < 2)
		return from_supervisor(p);
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return fault_set(f, E_INVALID, "option_value_missing", str_z(argv[i]), 0, 0);
		if (!set_option(p, str_z(argv[i]), str_z(argv[i + 1])))
			return fault_set(f, E_INVALID, "option_unknown", str_z(argv[i]), 0, 0);
	}
	return 0;
}

static bool
read_file(const char *path, struct buf *out)
{
	char part[16384];
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
		buf_add(out, str_from(part, n));
	bool ok = !ferror(file) && !out->over;
	fclose(file);
	return ok;
}

static int
read_script(struct player *p, struct fault *f)
{
	struct buf text = BUF_INIT_MAX(4u << 20);
	int error = read_file(p->scenario, &text) ? demo_script_read(buf_str(&text), p->seed, &p->script, f)
						  : fault_set(f, E_IO, "option_file", str_z(p->scenario), 0, 0);
	fault_in_file(f, str_z(p->scenario));
	buf_release(&text);
	return error;
}

int
demo_player(int argc, char **argv)
{
	struct player p = {.speed = 60, .seed = 1};
	struct fault f = {0};
	for (int i = 0; i < DEMO_VIA_COUNT; i++)
		p.door[i] = (struct door){.via = (enum demo_via)i, .fd = -1};
	log_role("demo");
	scenario_default(&p);
	int error = read_options(&p, argc, argv, &f);
	if (!error && (p.speed < 1 || p.speed > 10000 || !player_door(&p, DEMO_UDP)->address[0]))
		error = fault_set(&f, E_INVALID, "demo_doors", STR(""), 0, 0);
	if (!error)
		error = read_script(&p, &f);
	if (error) {
		log_fault(&f);
		return 1;
	}
	player_wait(&p);
	player_run(&p);
	player_report(&p, "demo.ended");
	for (int i = 0; i < DEMO_VIA_COUNT; i++)
		door_free(&p.door[i]);
	demo_script_free(p.script);
	return 0;
}
