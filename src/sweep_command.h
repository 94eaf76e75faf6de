/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef SWEEP_COMMAND_H
#define SWEEP_COMMAND_H

/* `khien sweep [--rules DIR]... [--json] PATH...`: YARA over folders and files, no server. This process opens files and
 * prints; a child that can open nothing looks at them (yara_role.h), and is replaced when a file kills it.
 * Exit code: 0 = ran, 1 = the command line or the rules are no good, 2 = something could not be looked at. */
int sweep_command(int argc, char **argv);

#endif
