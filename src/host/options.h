/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

/*
 * Options of `khien serve`: one row each in host/options.def, from which come the command line, DIR/khien.yaml, its
 * checks and the help text. Supervisor reads them; roles get them by environment. Command line beats file.
 */

#include "base/error.h"

enum listen_kind { LISTEN_SYSLOG_UDP, LISTEN_SYSLOG_TCP, LISTEN_SYSLOG_TLS, LISTEN_RELP, LISTEN_BEATS, LISTEN_NETFLOW,
	LISTEN_HTTP, LISTEN_KIND_COUNT };

#define OPTIONS_MAX_LISTEN 16
#define OPTIONS_MAX_RULES 8

struct listen_option {
	enum listen_kind kind;
	char address[64]; /* "127.0.0.1:5514", "[::]:601" */
};

struct options {
	char data[256];            /* --data: everything we write lives below it */
	struct listen_option listen[OPTIONS_MAX_LISTEN];
	uint32_t listen_count;
	char rules[OPTIONS_MAX_RULES][256]; /* --rules, default: content/rules beside the binary or /usr/share/khien/rules */
	uint32_t rules_count;
	char register_file[256];   /* --register: organisations and systems, YAML or CSV */
	char drop[256];            /* --drop: folder watched for files */
	char journald;             /* --journald: read this machine's own journal */
	char demo;                 /* --demo: start the demonstration player */
	uint32_t retention_days;   /* default 365 */
	int32_t zone;              /* minutes east of UTC for sources that do not say; default 420 */
	char ui[256];              /* --ui DIR: serve the interface from disk while developing */
	uint32_t silence_minutes;  /* a source quieter than this is shown as silent; default 30 */
};

/* Defaults, then DIR/khien.yaml, then the command line. *f names the option, its place and the remedy. */
[[nodiscard]] int options_read(struct options *o, int argc, char **argv, struct fault *f);

#endif
