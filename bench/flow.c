/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * bench_flow RULES.yml [HOSTS]: flow and DNS events a second on one core through all detectors of src/detect/flow.h, as events stand
 * in core: a Suricata flow of 24 native and 12 core fields. HOSTS of ours (2,000) talk for a day to services outside, each
 * to 40 that it likes and, one time in ten, to any of 20,000; then the worst: always to any. One in twelve flows fails, one
 * event in four is a question. Rules as shipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "detect/flow.h"

#define EVENTS 200000u /* different ones */
#define ROUNDS 10u

static double
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t seed = 1;

static uint32_t
pick(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % n);
}

/* What differs from event to event, written beforehand; the event itself lies in the cache, as one that was just read. */
struct text {
	char source[16], destination[20], source_port[8], destination_port[8], bytes[12], packets[8], more_bytes[12], name[60];
	bool question, failed;
};

static const uint32_t flow_fields[] = {F_EVENT_TYPE, F_EVENT_START, F_SOURCE_IP, F_SOURCE_PORT, F_SOURCE_BYTES, F_SOURCE_PACKETS,
	F_DESTINATION_IP, F_DESTINATION_PORT, F_DESTINATION_BYTES, F_DESTINATION_PACKETS, F_NETWORK_TRANSPORT, F_FLOW_STATE};
static const uint32_t question_fields[] = {F_EVENT_TYPE, F_SOURCE_IP, F_SOURCE_PORT, F_DESTINATION_IP, F_DESTINATION_PORT,
	F_NETWORK_TRANSPORT, F_DNS_QUESTION, F_DNS_TYPE};

#define NATIVE 24u

static void
make_event(struct event *e, struct arena *arena, const struct names *names, const uint32_t *core, size_t n)
{
	static char name[NATIVE][16];
	event_begin(e, arena, NULL);
	for (uint32_t i = 0; i < NATIVE; i++) {
		snprintf(name[i], sizeof name[i], "native.%u", i);
		event_put(e, names, str_z(name[i]), STR("some value"), FIELD_TEXT, false);
	}
	for (size_t i = 0; i < n; i++)
		event_put_core(e, core[i], STR("-"));
}

static void
write_text(struct text *t, uint32_t hosts, uint32_t any, bool question)
{
	static const unsigned ports[] = {443, 443, 443, 80, 22, 25, 993, 8443};
	uint32_t host = pick(hosts), to = pick(100) < any ? pick(20000) : (host * 97 + pick(40)) % 20000;
	*t = (struct text){.question = question, .failed = pick(12) == 0};
	snprintf(t->source, sizeof t->source, "10.%u.%u.%u", host >> 16 & 255, host >> 8 & 255, host & 255);
	snprintf(t->source_port, sizeof t->source_port, "%u", 1024 + pick(60000));
	snprintf(t->destination, sizeof t->destination, "198.18.%u.%u", to >> 8 & 255, to & 255);
	snprintf(t->destination_port, sizeof t->destination_port, "%u", ports[to % 8]);
	snprintf(t->bytes, sizeof t->bytes, "%u", 60 + pick(100000));
	snprintf(t->more_bytes, sizeof t->more_bytes, "%u", t->failed ? 0 : 60 + pick(1000000));
	snprintf(t->packets, sizeof t->packets, "%u", 1 + pick(100));
	snprintf(t->name, sizeof t->name, "%s%u.service%u.example%u.%s", pick(3) ? "www" : "edge-node", pick(50), pick(40),
	    pick(3000), pick(2) ? "com" : "gov.vn");
}

static void
fill(struct event *flow, struct event *question, const struct text *t)
{
	const struct str flow_value[] = {STR("connection"), STR("2026-11-22T09:13:41.123456+0700"), str_z(t->source),
		str_z(t->source_port), str_z(t->bytes), str_z(t->packets), str_z(t->destination), str_z(t->destination_port),
		str_z(t->more_bytes), t->failed ? STR("0") : str_z(t->packets), STR("TCP"),
		t->failed ? STR("unanswered") : STR("answered")};
	const struct str question_value[] = {STR("query"), str_z(t->source), str_z(t->source_port), STR("10.0.0.53"), STR("53"),
		STR("UDP"), str_z(t->name), STR("A")};
	for (size_t i = 0; i < (t->question ? COUNT(question_value) : COUNT(flow_value)); i++)
		(t->question ? question : flow)->field[NATIVE + i].value = t->question ? question_value[i] : flow_value[i];
}

static struct rules *
load(char **paths)
{
	static const struct str amplifiers[] = {STR_INIT("53/udp"), STR_INIT("123/udp"), STR_INIT("389/udp")};
	static const struct str regular[] = {STR_INIT("123/udp"), STR_INIT("53/udp")}, suffixes[] = {STR_INIT("gov.vn")};
	struct rules *r = rules_new();
	for (; *paths; paths++) {
		char *text = mem_calloc(1, 1 << 20);
		FILE *file = fopen(*paths, "rbe");
		size_t n = file ? fread(text, 1, 1 << 20, file) : 0;
		if (file)
			(void)fclose(file);
		rules_add(r, str_from(text, n), str_z(*paths), NULL, NULL);
		mem_free(text);
	}
	rules_add_placeholder(r, STR("flow_amplifier_ports"), amplifiers, COUNT(amplifiers));
	rules_add_placeholder(r, STR("flow_regular_services"), regular, COUNT(regular));
	rules_add_placeholder(r, STR("flow_public_suffixes"), suffixes, COUNT(suffixes));
	if (rules_finish(r, NULL, NULL) < 0 || !rules_engine(r, STR("flow.beacon")))
		return NULL;
	return r;
}

static void
run(const struct rules *r, const struct text *text)
{
	const struct flow_options o = {.zone = TIME_ZONE_VIETNAM};
	struct flow *f = flow_new(r, &o);
	struct arena arena, kept;
	struct finding *found;
	struct event flow, question;
	struct buf saved = BUF_INIT;
	arena_init(&arena, 1 << 16, 1 << 20);
	arena_init(&kept, 1 << 16, 1 << 20);
	make_event(&flow, &kept, rules_names(r), flow_fields, COUNT(flow_fields));
	make_event(&question, &kept, rules_names(r), question_fields, COUNT(question_fields));
	double spent = -now();
	for (uint32_t i = 0; i < EVENTS * ROUNDS; i++) {
		const struct text *t = &text[i % EVENTS];
		struct event *e = t->question ? &question : &flow;
		fill(&flow, &question, t);
		e->time_ms = INT64_C(1795313621123) + (int64_t)((uint64_t)i * TIME_DAY / (EVENTS * ROUNDS));
		if (flow_feed(f, e, &arena, &found))
			arena_clear(&arena);
	}
	spent += now();
	struct flow_stats s = flow_stats(f);
	printf("  %-32s %6.2f M/s\n", "through all detectors", EVENTS * ROUNDS / spent / 1e6);
	printf("  %-32s %u keys, %.1f MB, %llu evicted, %llu findings, %llu late\n", "state", s.keys, (double)s.bytes / 1e6,
	    (unsigned long long)s.evicted, (unsigned long long)s.fired, (unsigned long long)s.late);
	spent = -now();
	flow_save(f, &saved);
	spent += now();
	printf("  %-32s %.1f MB in %.0f ms\n", "saved", (double)saved.n / 1e6, spent * 1e3);
	spent = -now();
	int error = flow_load(f, buf_str(&saved));
	spent += now();
	printf("  %-32s %s in %.0f ms\n", "loaded", error ? error_name(error) : "whole", spent * 1e3);
	buf_release(&saved);
	flow_free(f);
	arena_release(&arena);
	arena_release(&kept);
}

int
main(int argc, char **argv)
{
	char *paths[] = {argc > 1 ? argv[1] : NULL, NULL};
	uint64_t hosts = 2000;
	struct rules *r = load(paths);
	if (!r || (argc > 2 && (!str_to_u64(str_z(argv[2]), &hosts) || !hosts || hosts > 1 << 20)))
		return 2;
	for (uint32_t any = 10; any <= 100; any += 90) {
		struct text *text = mem_calloc(EVENTS, sizeof *text);
		for (uint32_t i = 0; i < EVENTS; i++)
			write_text(&text[i], (uint32_t)hosts, any, i % 4 == 3);
		printf("%u%% of flows to anywhere\n", any);
		run(r, text);
		mem_free(text);
	}
	rules_free(r);
	return 0;
}
