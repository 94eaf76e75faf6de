/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SCAN_H
#define SCAN_H

/* `khien scan [--rules DIR]... [--map FILE] [--placeholders FILE] [--json] PATH...`: rules over files, no server; "-" is the
 * standard input. Exit code: 0 = ran, 1 = the command line or the rules are no good, 2 = something could not be read. */
int scan_command(int argc, char **argv);

#endif
