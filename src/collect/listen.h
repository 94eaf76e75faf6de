/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_LISTEN_H
#define COLLECT_LISTEN_H

/*
 * The doors: sockets the supervisor bound, the connections they bring, and what goes in and out of them. In collect, one
 * thread. Memory is bounded: so many connections, so many bytes; when they are used up long messages come in smaller
 * pieces. While the journal takes nothing nobody is read: TCP pushes back, UDP is dropped and counted by the kernel.
 */

#include "collect/gather.h"
#include "collect/report.h"
#include "collect/source.h"

#define DOORS_MAX OPTIONS_MAX_LISTEN
#define DOORS_CONNECTIONS 4096u

struct doors;

struct doors *doors_new(struct loop *loop, struct gather *gather, struct sources *sources);
/* Closes everything at once. */
void doors_free(struct doors *d);
/* Takes over fd, also on failure. E_UNSUPPORTED for kinds not built, E_LIMIT. */
[[nodiscard]] int doors_add(struct doors *d, enum listen_kind kind, struct str address, int fd);
/* Stop reading, or go on. */
void doors_pause(struct doors *d, bool pause);
/* Everything up to this ticket is durable: answer those who wait. */
void doors_committed(struct doors *d, uint64_t ticket);
/* Once a second: counters of the kernel, connections that should be gone. */
void doors_tick(struct doors *d);
/* Read what the kernel still holds of UDP and plain TCP, then no more from anybody. Answers can still leave. */
void doors_finish(struct doors *d);
/* Connections with answers not yet written. */
uint32_t doors_unanswered(const struct doors *d);
/* Fills ret[DOORS_MAX]; addresses are valid as long as d. Returns how many. */
uint32_t doors_ports(struct doors *d, struct report_port *ret);
size_t doors_held(const struct doors *d); /* bytes of buffers */

#endif
