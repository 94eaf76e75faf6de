/* SPDX-License-Identifier: EUPL-1.2 */
/* The hall: the command word opens the rooms it needs. */
#include <stdlib.h>
#include <unistd.h>

#include "admin.h"
#include "backup.h"
#include "base/lang.h"
#include "collect/collect.h"
#include "core.h"
#include "demo.h"
#include "host/log.h"
#include "host/role.h"
#include "import.h"
#include "lookback_role.h"
#include "push_role.h"
#include "scan.h"
#include "sweep_command.h"
#include "verify.h"
#include "ldap_role.h"
#include "web/http.h"
#include "witness.h"
#include "worker_role.h"
#include "yara_role.h"

/* Who does what in which process. */
static const struct role_entry *const roles[ROLE_COUNT] = {
	[ROLE_COLLECT] = &collect_role,
	[ROLE_WORKER] = &worker_role,
	[ROLE_CORE] = &core_role,
	[ROLE_WEB] = &web_role,
	[ROLE_LOOKBACK] = &lookback_role,
	[ROLE_YARA] = &yara_role,
	[ROLE_PUSH] = &push_role,
	[ROLE_LDAP] = &ldap_role,
};

static int
command_serve(int argc, char **argv)
{
	static struct options o;
	struct fault f = {0};

	if (options_read(&o, argc, argv, &f) < 0) {
		log_fault(&f);
		return 1;
	}
	return supervise(&o, "/proc/self/exe");
}

static int
command_role(int argc, char **argv)
{
	enum role role = argc == 2 ? role_from_name(str_z(argv[1])) : ROLE_COUNT;

	return role == ROLE_COUNT ? 2 : !roles[role] ? 2 : role_run(role, roles[role]);
}

static int
command_version(int argc, char **argv)
{
	puts("khien " KHIEN_VERSION);
	return 0;
}

static int
command_help(int argc, char **argv)
{
	struct buf out = BUF_INIT;

	buf_add(&out, lang_text(lang_of_user(), STR("help.head")));
	buf_add_char(&out, '\n');
	options_help(&out, lang_of_user());
	fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
	return 0;
}

static const struct command {
	const char *word;
	int (*run)(int argc, char **argv); /* argv[0] is the word */
} commands[] = {
	{"serve", command_serve},
	{"scan", scan_command},
	{"sweep", sweep_command},
	{"check", check_command},
	{"import", import_command},
	{"verify", verify_command},
	{"backup", backup_command},
	{"restore", restore_command},
	{"rollback", rollback_command},
	{"witness", witness_command},
	{"admin", admin_command},
	{"version", command_version},
	{"help", command_help},
	{"role", command_role},        /* the supervisor's, not for people */
	{"demo-player", demo_player},  /* the supervisor's; by hand with the options in demo.h */
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COUNT(commands); i++)
		if (str_eq(str_z(argv[1]), str_z(commands[i].word)))
			return commands[i].run(argc - 1, argv + 1);
	command_help(argc, argv);
	return 2;
}
