/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef ADMIN_H
#define ADMIN_H

/* `khien admin api-key --data DIR --role ROLE [--name NAME]`: prints a key for Authorization: Bearer. The desk may run.
 * `khien admin link --data DIR --login NAME [--reset-factors]`: prints the link with which somebody sets his password and, where one is
 * asked, his second step: the way back for the last administrator. The desk may run.
 * `khien check [serve's options]`: names every fault of options, rules and register; exit code 1 when there is one. */
int admin_command(int argc, char **argv);
int check_command(int argc, char **argv);

#endif
