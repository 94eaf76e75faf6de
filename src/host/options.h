/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

/*
 * Options of `khien serve`: one row each in host/options.def, from which come the command line, DIR/khien.yaml, its
 * checks and the help text. The supervisor reads them; roles inherit them in shared memory. The command line beats the
 * file: of a list it gives (the listeners of one kind, the rules) nothing of the file's remains.
 */

#include "base/error.h"
#include "base/lang.h"

enum listen_kind { LISTEN_SYSLOG_UDP, LISTEN_SYSLOG_TCP, LISTEN_SYSLOG_TLS, LISTEN_RELP, LISTEN_BEATS, LISTEN_NETFLOW,
	LISTEN_HTTP, LISTEN_KIND_COUNT };

#define OPTIONS_MAX_LISTEN 16
#define OPTIONS_MAX_TEXTS 8 /* of each list: --rules, --sweep, --witness */
#define OPTION_TEXT_BYTES 256
#define OPTIONS_MAX_LDAP_ROLES 256 /* a line for each agency, and some */
#define OPTIONS_MAX_RULES OPTIONS_MAX_TEXTS

struct listen_option {
	enum listen_kind kind;
	char address[64]; /* "127.0.0.1:5514", "[::]:601" */
};

/* "ROLE GROUP" or "ROLE@ORGANISATION GROUP": who is in GROUP of the directory has ROLE, in the whole province or there. */
struct ldap_role_option {
	char role[32], organisation[65]; /* organisation: "" = of the desk */
	char group[OPTION_TEXT_BYTES];   /* its name in the directory; "*" = everybody in it */
	uint32_t line, column;           /* in khien.yaml; 0 = of the command line */
};

struct options {
	char data[256];            /* --data: everything we write lives below it; default "data" */
	char database[480];        /* --database: postgresql://..., never with a password in it; "" = DATA/khien.db */
	struct listen_option listen[OPTIONS_MAX_LISTEN];
	uint32_t listen_count;
	char rules[OPTIONS_MAX_TEXTS][OPTION_TEXT_BYTES]; /* --rules, default: content/rules beside the binary or /usr/share/khien/rules */
	uint32_t rules_count;
	char sweep[OPTIONS_MAX_TEXTS][OPTION_TEXT_BYTES]; /* --sweep: folders that may be swept with YARA */
	uint32_t sweep_count;
	char witness[OPTIONS_MAX_TEXTS][OPTION_TEXT_BYTES]; /* --witness: "URL KEY" of those who cosign the record, "file KEY" by stick */
	uint32_t witness_count;
	uint32_t upload_max_mb;    /* one file handed in; default 64 */
	uint32_t upload_quota_mb;  /* all that are kept; default 2048 */
	uint32_t upload_days;      /* files in which nothing was found are kept so long; default 30 */
	char register_file[256];   /* --register: organisations and systems, YAML or CSV; "" = none */
	char drop[256];            /* --drop: folder watched for files; "" = none */
	char journald;             /* --journald: read this machine's own journal */
	char demo;                 /* --demo: start the demonstration player */
	uint32_t retention_days;   /* default 365 */
	uint32_t keep_days;        /* --keep-days: rows that have done their work; default 365 */
	uint32_t silence_minutes;  /* a source quieter than this is shown as silent; default 30 */
	uint32_t flow_memory;      /* MB that flow analytics may remember; default 64 */
	int32_t zone;              /* minutes east of UTC for sources that do not say; default 420 */
	char backup_to[256];       /* --backup-to: where a backup is kept every night; "" = none is made */
	uint32_t backup_keep;      /* that many stay; default 30 */
	char province[256];        /* --province: name that stands beside ours on every screen */
	char ldap_uri[256];        /* --ldap-uri: the organisation's directory; "" = none */
	char ldap_starttls, ldap_insecure;
	char ldap_bind_dn[256];    /* a person's name there, {login} in it; or, searched for by a service account: */
	char ldap_base[256], ldap_filter[256], ldap_service_dn[256], ldap_password_file[256];
	char ldap_ca_file[256];    /* "" = those of the system */
	struct ldap_role_option ldap_role[OPTIONS_MAX_LDAP_ROLES]; /* --ldap-role: the first that fits */
	uint32_t ldap_role_count;
	uint32_t ldap_timeout;     /* seconds; default 5 */
	char origin[256];          /* --origin: where browsers reach us, "https://khien.example.gov.vn"; "" = not said */
	char proxy[OPTIONS_MAX_TEXTS][OPTION_TEXT_BYTES]; /* --proxy: whose X-Forwarded-For is believed */
	uint32_t proxy_count;
	char user[64];             /* --user: started by root, the roles run as this user; "" = stay */
};

/* Defaults, then DIR/khien.yaml, then the command line: argv[0] is the command word and not looked at. *f names the
 * option, its place and the remedy. Without any --http, 127.0.0.1:8080. */
[[nodiscard]] int options_read(struct options *ret, int argc, char **argv, struct fault *f);
/* Defaults, then DATA/khien.yaml: for the commands that are not `serve`. */
[[nodiscard]] int options_read_folder(struct options *ret, const char *data, struct fault *f);
/* An address of a database server, without a password in it (which would stand in the list of processes). */
[[nodiscard]] int options_check_database(struct str address, struct fault *f);
/* The text of a khien.yaml over what *o holds (which is half changed after a failure). */
[[nodiscard]] int options_read_text(struct options *o, struct str text, struct fault *f);
/* One line for each row, for `khien help`. */
void options_help(struct buf *out, enum lang lang);
/* "syslog-udp", ... */
const char *listen_kind_name(enum listen_kind kind);

#endif
