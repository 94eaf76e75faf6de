/* SPDX-License-Identifier: EUPL-1.2 */
#include "host/post.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/clock.h"

#define HOST_MAX 254u
#define PREFIX_MAX 256u
#define HEADERS_MAX 16384u
#define CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"

struct post_target {
	char host[HOST_MAX], port[8], prefix[PREFIX_MAX];
	bool bracketed;           /* host is an IPv6 address */
	SSL_CTX *tls;             /* NULL: plain */
	struct addrinfo *address; /* NULL: the name was not found */
	enum post_refusal refusal;
};

struct connection {
	int fd;
	SSL *tls;
	int64_t end_ms;           /* monotonic */
};

/* ---- where ---- */

/* [A-Za-z0-9.-:_], so that nothing of it can end a header. */
static bool
is_plain(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(more, c))))
			return false;
	}
	return true;
}

static bool
split_port(struct post_target *t, struct str rest, bool tls)
{
	uint64_t port = tls ? 443 : 80;
	if (rest.n && (rest.p[0] != ':' || !str_to_u64(str_skip(rest, 1), &port) || !port || port > 65535))
		return false;
	snprintf(t->port, sizeof t->port, "%u", (unsigned)port);
	return true;
}

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT" */
static bool
parse_authority(struct post_target *t, struct str authority, bool tls)
{
	t->bracketed = authority.n && authority.p[0] == '[';
	int64_t end = str_find(authority, t->bracketed ? STR("]") : STR(":"));
	if (t->bracketed && end < 0)
		return false;
	struct str host = str_cut(authority, t->bracketed, end < 0 ? authority.n : (size_t)end);
	struct str port = end < 0 ? STR("") : str_skip(authority, (size_t)end + t->bracketed);
	if (!host.n || host.n >= sizeof t->host || !is_plain(host, t->bracketed ? ":." : ".-_"))
		return false;
	str_to_z(host, t->host, sizeof t->host);
	return split_port(t, port, tls);
}

static bool
parse(struct str url, struct post_target *t, bool *ret_tls)
{
	bool tls = str_starts(url, STR("https://"));
	if (!tls && !str_starts(url, STR("http://")))
		return false;
	struct str rest = str_skip(url, tls ? 8 : 7);
	int64_t slash = str_find(rest, STR("/"));
	struct str prefix = slash < 0 ? STR("") : str_skip(rest, (size_t)slash);
	while (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	if (prefix.n >= sizeof t->prefix || !is_plain(prefix, "/.-_~") ||
	    !parse_authority(t, slash < 0 ? rest : str_cut(rest, 0, (size_t)slash), tls))
		return false;
	str_to_z(prefix, t->prefix, sizeof t->prefix);
	*ret_tls = tls;
	return true;
}

bool
post_url_is_good(struct str url)
{
	struct post_target t = {0};
	bool tls;
	return parse(url, &t, &tls);
}

static SSL_CTX *
tls_new(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	if (!tls)
		return NULL;
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	const char *file = getenv(X509_get_default_cert_file_env());
	tzset(); /* the dates of a certificate are read by mktime(), which wants the file of the time zone once */
	(void)SSL_CTX_load_verify_file(tls, file ? file : CERTIFICATES); /* without it no certificate is good, and that is told */
	return tls;
}

int
post_target_open(struct str url, struct post_target **ret)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	struct post_target *t = MEM_NEW(struct post_target);
	bool tls = false;
	if (!parse(url, t, &tls)) {
		mem_free(t);
		return E_INVALID;
	}
	if (tls)
		t->tls = tls_new();
	if (getaddrinfo(t->host, t->port, &wanted, &t->address) != 0)
		t->address = NULL;
	*ret = t;
	return 0;
}

void
post_target_close(struct post_target *t)
{
	if (!t)
		return;
	if (t->address)
		freeaddrinfo(t->address);
	SSL_CTX_free(t->tls);
	mem_free(t);
}

/* ---- bytes ---- */

static int
wait_for(const struct connection *c, short events)
{
	struct pollfd p = {c->fd, events, 0};
	int64_t left = c->end_ms - clock_monotonic_ms();
	if (left <= 0)
		return E_AGAIN;
	int n = poll(&p, 1, (int)left);
	return n > 0 || (n < 0 && errno == EINTR) ? 0 : n ? E_CLOSED : E_AGAIN;
}

/* What stands in the way of an SSL call: 0 = try again. */
static int
tls_wait(const struct connection *c, int result)
{
	switch (SSL_get_error(c->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(c, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(c, POLLOUT);
	default:
		return SSL_get_verify_result(c->tls) == X509_V_OK ? E_CLOSED : E_DENIED;
	}
}

static int
write_all(const struct connection *c, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = c->tls ? SSL_write(c->tls, bytes.p, (int)bytes.n) : send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n > 0)
			bytes = str_skip(bytes, (size_t)n);
		else if (c->tls)
			TRY(tls_wait(c, (int)n));
		else if (errno == EAGAIN || errno == EINTR)
			TRY(wait_for(c, POLLOUT));
		else
			return E_CLOSED;
	}
	return 0;
}

/* Up to the end of the connection: we ask for it to be closed. */
static int
read_all(const struct connection *c, struct buf *ret)
{
	for (;;) {
		char *room = buf_room(ret, 4096);
		if (!room)
			return E_LIMIT;
		ssize_t n = c->tls ? SSL_read(c->tls, room, 4096) : recv(c->fd, room, 4096, 0);
		if (n > 0)
			ret->n += (size_t)n;
		else if (n == 0 || (c->tls && SSL_get_error(c->tls, (int)n) == SSL_ERROR_ZERO_RETURN))
			return 0;
		else if (c->tls)
			TRY(tls_wait(c, (int)n));
		else if (errno == EAGAIN || errno == EINTR)
			TRY(wait_for(c, POLLIN));
		else
			return E_CLOSED;
	}
}

/* ---- one request ---- */

static enum post_refusal
refusal_of(const struct connection *c)
{
	if (!c->tls)
		return POST_REFUSED_NOT;
	switch (SSL_get_verify_result(c->tls)) {
	case X509_V_OK:
		return POST_REFUSED_NOT;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return POST_REFUSED_NAME;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return POST_REFUSED_TIME;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return POST_REFUSED_AUTHORITY;
	default:
		return POST_REFUSED_OTHER;
	}
}

struct str
post_refusal_name(uint32_t refusal)
{
	static const struct str name[POST_REFUSALS] = {
		[POST_REFUSED_NAME] = STR_INIT("certificate_name"), [POST_REFUSED_TIME] = STR_INIT("certificate_time"),
		[POST_REFUSED_AUTHORITY] = STR_INIT("certificate_authority"), [POST_REFUSED_OTHER] = STR_INIT("certificate"),
	};
	return refusal < POST_REFUSALS ? name[refusal] : STR("");
}

enum post_refusal
post_refusal(const struct post_target *t)
{
	return t->refusal;
}

/* RFC 6066: the name that is asked for is never an address. */
static bool
is_address(const char *host)
{
	struct in6_addr a;
	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static int
open_tls(const struct post_target *t, struct connection *c)
{
	int result;
	c->tls = SSL_new(t->tls);
	if (!c->tls || !SSL_set_fd(c->tls, c->fd) || !SSL_set1_host(c->tls, t->host))
		return E_LIMIT;
	if (!is_address(t->host))
		SSL_set_tlsext_host_name(c->tls, t->host);
	while ((result = SSL_connect(c->tls)) != 1)
		TRY(tls_wait(c, result));
	return 0;
}

static int
open_socket(const struct addrinfo *a, struct connection *c)
{
	int error = 0;
	socklen_t n = sizeof error;
	c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return E_CLOSED;
	int result = connect(c->fd, a->ai_addr, a->ai_addrlen);
	if (result < 0 && errno != EINPROGRESS)
		result = E_CLOSED;
	else
		result = wait_for(c, POLLOUT);
	if (!result && (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error))
		result = E_CLOSED;
	if (result) {
		close(c->fd);
		c->fd = -1;
	}
	return result;
}

static int
connect_any(const struct post_target *t, struct connection *c)
{
	int error = E_NOT_FOUND;
	for (const struct addrinfo *a = t->address; a; a = a->ai_next) {
		error = open_socket(a, c);
		if (!error)
			return t->tls ? open_tls(t, c) : 0;
	}
	return error;
}

static int
ask(const struct post_target *t, const struct connection *c, struct str path, struct str body, struct buf *ret)
{
	struct buf head = BUF_INIT;
	buf_addf(&head, "POST %s%.*s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"User-Agent: khien\r\nContent-Length: %zu\r\n\r\n",
	    t->prefix, STR_ARG(path), t->bracketed ? "[" : "", t->host, t->bracketed ? "]" : "", t->port, body.n);
	int error = write_all(c, buf_str(&head));
	if (!error)
		error = write_all(c, body);
	if (!error)
		error = read_all(c, ret);
	buf_release(&head);
	return error;
}

/* "HTTP/1.1 200 OK", headers, an empty line, the body: as it is, or in chunks. */
static int
take_chunks(struct str rest, struct buf *ret)
{
	struct str line;
	while (str_split(&rest, '\n', &line)) {
		uint64_t n = 0;
		size_t digits = 0;
		for (; digits < line.n && digits < 6; digits++) {
			const char *hex = "0123456789abcdef", *at = strchr(hex, line.p[digits] | 0x20);
			if (!line.p[digits] || !at || line.p[digits] < '0')
				break;
			n = n << 4 | (uint64_t)(at - hex);
		}
		if (!digits || n > rest.n)
			return E_INVALID;
		if (!n)
			return 0;
		buf_add(ret, str_cut(rest, 0, (size_t)n));
		rest = str_skip(rest, (size_t)n);
		if (!str_starts(rest, STR("\r\n")))
			return E_INVALID;
		rest = str_skip(rest, 2);
	}
	return E_INVALID;
}

int
post_answer_read(struct str all, uint16_t *ret_status, struct buf *ret)
{
	int64_t end = str_find(str_cut(all, 0, HEADERS_MAX), STR("\r\n\r\n"));
	uint64_t status, length = 0;
	if (end < 0 || !str_starts(all, STR("HTTP/1.")) || all.n < 12 || !str_to_u64(str_cut(all, 9, 12), &status) ||
	    status < 100 || status > 599)
		return E_INVALID;
	struct str head = str_cut(all, 0, (size_t)end), body = str_skip(all, (size_t)end + 4);
	*ret_status = (uint16_t)status;
	if (str_find_nocase(head, STR("\r\ntransfer-encoding: chunked")) >= 0)
		return take_chunks(body, ret);
	int64_t at = str_find_nocase(head, STR("\r\ncontent-length: "));
	if (at >= 0) {
		struct str rest = str_skip(head, (size_t)at + 18), number;
		str_split(&rest, '\r', &number);
		if (!str_to_u64(number, &length) || length > body.n)
			return E_CLOSED;
		body = str_cut(body, 0, (size_t)length);
	}
	buf_add(ret, body);
	return ret->over ? E_LIMIT : 0;
}

int
post_send(struct post_target *t, struct str path, struct str body, int64_t timeout_ms, uint16_t *ret_status, struct buf *ret)
{
	struct connection c = {.fd = -1, .end_ms = clock_monotonic_ms() + timeout_ms};
	struct buf all = BUF_INIT_MAX(POST_ANSWER_MAX + 4096);
	int error = connect_any(t, &c);
	if (!error)
		error = ask(t, &c, path, body, &all);
	if (!error)
		error = post_answer_read(buf_str(&all), ret_status, ret);
	t->refusal = error == E_DENIED ? refusal_of(&c) : POST_REFUSED_NOT;
	SSL_free(c.tls);
	if (c.fd >= 0)
		close(c.fd);
	buf_release(&all);
	return error;
}
