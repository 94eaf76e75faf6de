/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef DEMO_H
#define DEMO_H

/*
 * The demonstration player, a client like any other: it plays content/demo/scenario.yaml to the collector's real ports,
 * the story's hour within a minute, then ordinary lines at the pace of the clock until it is told to end. It reads one
 * file, connects to the addresses it is given and has no other power. Started by the supervisor (--demo) or by hand:
 *
 *	khien demo-player --udp 127.0.0.1:5514 --tcp 127.0.0.1:5514 --relp 127.0.0.1:2514 [--speed 60] [--seed 1]
 *	                  [--scenario FILE] [--until SECONDS]
 *
 * A transport that has no port is replaced by one that has. What the collector does not take is lost and counted.
 */

/* argv[0] is the command word. Without arguments the options are those of the supervisor (host/role.h). Returns the
 * exit code. */
int demo_player(int argc, char **argv);

#endif
