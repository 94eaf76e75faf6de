/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef COLLECT_LISTEN_PRIVATE_H
#define COLLECT_LISTEN_PRIVATE_H

/* Shared by listen.c (ports) and stream.c (connections), nobody else. */

#include "collect/frame.h"
#include "collect/listen.h"
#include "collect/relp.h"

#define READ_MAX (256u << 10)
#define KEEP_BUFFER (16u << 10) /* a rest this short is copied before what is read next; idle connections keep no more */

struct port {
	struct doors *doors;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *timer; /* UDP: the next look; TCP: when descriptors ran out */
	char address[64];
	struct report_port count;
	uint32_t drops_before;    /* the socket's count when we looked last; it goes round */
};

struct stream {
	struct stream *next, *before;
	struct doors *doors;
	struct port *port;
	int fd;
	struct loop_fd *watch;
	struct framer framer;
	struct relp relp;
	struct buf rest;          /* read and not yet taken: the start of a message */
	struct buf out;           /* answers not yet written */
	uint8_t peer[16];
	uint16_t peer_port;
	int64_t seen_ms;          /* monotonic, of the last bytes */
	bool blocked;             /* RELP: too much waits for an acknowledgement */
	bool leaving;             /* our last word is out; what comes now is not read */
};

struct doors {
	struct loop *loop;
	struct gather *gather;
	struct sources *sources;
	struct port port[DOORS_MAX];
	uint32_t ports;
	struct stream *streams;
	uint32_t stream_count;
	size_t held;
	bool paused, finished;
	char *scratch;            /* KEEP_BUFFER + READ_MAX bytes, for whatever stream is read */
	struct udp *udp;
};

struct sockaddr_storage;
/* Address as in struct raw; the port on the side. */
void peer_from(const struct sockaddr_storage *a, uint8_t ret_peer[16], uint16_t *ret_port);
/* One message, or a piece of one, from source *s: counted and put. Returns its ticket. */
uint64_t doors_take(struct doors *d, struct port *p, struct source *s, const struct raw *r, bool waited);

void stream_new(struct doors *d, struct port *p, int fd, const struct sockaddr_storage *peer);
void stream_close(struct stream *s);
void stream_watch(struct stream *s);
/* We leave: what the kernel holds of a plain stream is read, its last line is a message, and it is closed. */
void stream_finish(struct stream *s);
/* The acknowledgements of this ticket. The stream may be gone afterwards. */
void stream_committed(struct stream *s, uint64_t ticket);

#endif
