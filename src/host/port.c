/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/address.h"

#define PORT_BACKLOG 4096
#define PORT_UDP_BUFFER (64 << 20) /* what a burst may fill while collect waits for the disk */

static bool
port_is_datagram(enum listen_kind kind)
{
	return kind == LISTEN_SYSLOG_UDP || kind == LISTEN_NETFLOW;
}

static void
port_tune(int fd, bool datagram, int family)
{
	int on = 1, size = PORT_UDP_BUFFER;

	if (family == AF_INET6) /* "[::]" means what it says; "0.0.0.0" may be given beside it */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (!datagram) /* on datagrams it would let two programs share the port unnoticed */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	else if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

#define PORT_TRIES 20
#define PORT_PAUSE_US 50000

static int
port_fault(struct fault *f, const struct listen_option *listen, int errnum)
{
	struct buf arg = BUF_INIT;
	const char *what = "port_failed";
	int code = E_IO;

	if (errnum == EADDRINUSE) {
		what = "port_in_use";
		code = E_BUSY;
	} else if (errnum == EACCES || errnum == EPERM) {
		what = "port_denied";
		code = E_DENIED;
	} else if (errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT) {
		what = "port_absent";
		code = E_NOT_FOUND;
	}
	buf_addf(&arg, "%s: %s", listen_kind_name(listen->kind), listen->address);
	fault_set(f, code, what, buf_str(&arg), 0, 0);
	buf_release(&arg);
	return code;
}

/* After kill -9 of the whole house the kernel may need a moment to take the port from the dead. */
static int
port_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	for (int tries = 0; tries < PORT_TRIES; tries++) {
		if (bind(fd, address, length) == 0)
			return 0;
		if (errno != EADDRINUSE)
			break;
		usleep(PORT_PAUSE_US);
	}
	return -1;
}

int
port_open(const struct listen_option *listen_option, int *ret_fd, struct buf *ret_address, struct fault *f)
{
	bool datagram = port_is_datagram(listen_option->kind);
	struct sockaddr_storage address;
	socklen_t length;

	if (address_parse(str_z(listen_option->address), &address, &length) < 0)
		return fault_set(f, E_INVALID, "option_address", str_z(listen_option->address), 0, 0);
	int fd = socket(address.ss_family, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return port_fault(f, listen_option, errno);
	port_tune(fd, datagram, address.ss_family);
	if (port_bind(fd, (struct sockaddr *)&address, length) < 0 || (!datagram && listen(fd, PORT_BACKLOG) < 0) ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
		int errnum = errno;
		close(fd);
		return port_fault(f, listen_option, errnum);
	}
	address_format(ret_address, &address);
	*ret_fd = fd;
	return 0;
}
