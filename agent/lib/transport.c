// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening a stream by its URI. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bytes.h"
#include "number.h"
#include "stream.h"
#include "transport.h"

#define RETRY_MS	50

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

static int unix_address(const char *path, struct address *a,
			struct vfm_error *e)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->sa;

	memset(a, 0, sizeof(*a));
	if (!*path || strlen(path) >= sizeof(un->sun_path))
		return vfm_fail(e, EINVAL, "a socket path has 1 to %zu bytes",
				sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	a->len = sizeof(*un);
	return 0;
}

/* HOST:PORT or [HOST]:PORT; HOST may be empty. */
static int tcp_address(const char *text, struct address *a, bool listening,
		       struct vfm_error *e)
{
	struct addrinfo want = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = listening ? AI_PASSIVE : 0,
	};
	struct addrinfo *found;
	const char *port = strrchr(text, ':');
	char host[256], *name = host;
	int ret;

	if (!port || !port[1] || port - text >= (int)sizeof(host))
		return vfm_fail(e, EINVAL, "HOST:PORT expected");
	snprintf(host, sizeof(host), "%.*s", (int)(port - text), text);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = 0;
		name++;
	}
	ret = getaddrinfo(*name ? name : NULL, port + 1, &want, &found);
	if (ret)
		return vfm_fail(e, EINVAL, "%s", gai_strerror(ret));
	memset(a, 0, sizeof(*a));
	memcpy(&a->sa, found->ai_addr, found->ai_addrlen);
	a->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int new_socket(const struct address *a, struct vfm_error *e)
{
	int one = 1;
	int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return vfm_fail_errno(e, "cannot make a socket");
	if (a->sa.ss_family != AF_UNIX) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	return fd;
}

/* Sleep a little, or until cancelled; fails when the time is over. */
static int try_again(const struct vfm_patience *p, uint64_t start, int code,
		     struct vfm_error *e)
{
	struct pollfd cancel = { .fd = p->cancel_fd, .events = POLLIN };
	uint64_t gone = (vfm_now_ns() - start) / 1000000;

	if (p->timeout_ms >= 0 && gone >= (uint64_t)p->timeout_ms) {
		errno = code;
		vfm_fail_errno(e, "cannot connect for %d seconds",
			       p->timeout_ms / 1000);
		return vfm_error_hint(e, "start the receiving side, or wait longer with --connect-timeout");
	}
	if (poll(&cancel, 1, RETRY_MS) > 0)
		return vfm_fail(e, ECANCELED, "cancelled");
	return 0;
}

static bool may_appear(int code)
{
	return code == ECONNREFUSED || code == ENOENT || code == EAGAIN ||
		code == EINTR || code == ETIMEDOUT || code == EINPROGRESS;
}

/* Without blocking: the connection is there, fails or takes its time. */
static int connect_once(int fd, const struct address *a,
			const struct vfm_patience *p, struct vfm_error *e)
{
	struct vfm_io io = { fd, p->cancel_fd, p->timeout_ms, 0 };
	socklen_t len = sizeof(int);
	int code;

	if (!connect(fd, (const struct sockaddr *)&a->sa, a->len))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	code = vfm_io_wait(&io, POLLOUT, e);
	if (code)
		return code;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len))
		return -errno;
	return -code;
}

static int connect_address(const struct address *a,
			   const struct vfm_patience *p, struct vfm_error *e)
{
	uint64_t start = vfm_now_ns();
	int fd, code;

	for (;;) {
		fd = new_socket(a, e);
		if (fd < 0)
			return fd;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		code = connect_once(fd, a, p, e);
		if (!code)
			return fd;
		close(fd);
		if (code == -ECANCELED)
			return vfm_fail(e, ECANCELED, "cancelled");
		if (!may_appear(-code)) {
			errno = -code;
			return vfm_fail_errno(e, "cannot connect");
		}
		code = try_again(p, start, -code, e);
		if (code)
			return code;
	}
}

static int accept_one(int listener, const struct vfm_patience *p,
		      struct vfm_error *e)
{
	struct vfm_io io = { listener, p->cancel_fd, p->timeout_ms, 0 };
	int fd, ret;

	if (listen(listener, 1))
		return vfm_fail_errno(e, "cannot listen");
	ret = vfm_io_wait(&io, POLLIN, e);
	if (ret == -ETIMEDOUT) {
		vfm_fail(e, ETIMEDOUT, "nobody connected for %d seconds",
			 p->timeout_ms / 1000);
		vfm_error_hint(e, "start the sending side, or wait longer with --connect-timeout");
	}
	if (ret)
		return ret;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return fd < 0 ? vfm_fail_errno(e, "cannot accept") : fd;
}

static int accept_address(const struct address *a,
			  const struct vfm_patience *p, struct vfm_error *e)
{
	int listener = new_socket(a, e);
	int fd;

	if (listener < 0)
		return listener;
	if (bind(listener, (const struct sockaddr *)&a->sa, a->len))
		fd = vfm_fail_errno(e, "cannot bind");
	else
		fd = accept_one(listener, p, e);
	close(listener);
	return fd;
}

/* A socket that nobody listens at is a left-over of a killed process. */
static void remove_stale(const char *path, const struct address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return;
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)&a->sa, a->len) &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

static int open_unix(const char *path, bool listening,
		     const struct vfm_patience *p, struct vfm_error *e)
{
	struct address a;
	int fd = unix_address(path, &a, e);

	if (fd)
		return fd;
	if (!listening)
		return connect_address(&a, p, e);
	remove_stale(path, &a);
	fd = accept_address(&a, p, e);
	/* Not if the path is somebody else's. */
	if (fd >= 0 || e->code != EADDRINUSE)
		unlink(path);
	return fd;
}

static int open_tcp(const char *text, bool listening,
		    const struct vfm_patience *p, struct vfm_error *e)
{
	struct address a;
	int ret = tcp_address(text, &a, listening, e);

	if (ret)
		return ret;
	return listening ? accept_address(&a, p, e) : connect_address(&a, p, e);
}

static int open_number(const char *text, bool reading,
		       const struct vfm_patience *p, struct vfm_error *e)
{
	char *end;
	long fd = strtol(text, &end, 10);
	int flags, mode;

	(void)p;
	flags = *text && !*end && fd >= 0 && fd <= INT_MAX ?
		fcntl(fd, F_GETFL) : -1;
	if (flags < 0)
		return vfm_fail(e, EBADF, "no open descriptor");
	mode = flags & O_ACCMODE;
	if (mode == (reading ? O_WRONLY : O_RDONLY))
		return vfm_fail(e, EBADF, "descriptor not open for %s",
				reading ? "reading" : "writing");
	return fd;
}

static int parse_offset(const char *text, off_t *v)
{
	uint64_t n;

	if (vfm_parse_size(text, strlen(text), &n) || n > 1ULL << 62)
		return -EINVAL;
	*v = n;
	return 0;
}

static int open_file(const char *text, bool reading,
		     const struct vfm_patience *p, struct vfm_error *e)
{
	const char *comma = strstr(text, ",offset=");
	char path[PATH_MAX];
	off_t offset = 0;
	int fd;

	(void)p;
	if (comma && parse_offset(comma + 8, &offset))
		return vfm_fail(e, EINVAL, "bad offset \"%s\"", comma + 8);
	snprintf(path, sizeof(path), "%.*s",
		 comma ? (int)(comma - text) : PATH_MAX - 1, text);
	fd = open(path, reading ? O_RDONLY | O_CLOEXEC :
		  O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return vfm_fail_errno(e, "cannot open the file");
	if ((reading || !ftruncate(fd, offset)) &&
	    lseek(fd, offset, SEEK_SET) == offset)
		return fd;
	/* A device or pipe by name has no positions, and needs none. */
	if (!offset && (errno == ESPIPE || errno == EINVAL))
		return fd;
	vfm_fail_errno(e, "cannot go to offset %lld", (long long)offset);
	close(fd);
	return -e->code;
}

static int open_standard(const char *text, bool reading,
			 const struct vfm_patience *p, struct vfm_error *e)
{
	int fd = reading ? STDIN_FILENO : STDOUT_FILENO;

	(void)text;
	(void)p;
	if (!isatty(fd))
		return fd;
	vfm_fail(e, ENOTTY, "a stream is not for a terminal");
	return vfm_error_hint(e, "redirect it, or give a URI");
}

static const struct scheme {
	const char *prefix;
	int (*open)(const char *rest, bool reading,
		    const struct vfm_patience *p, struct vfm_error *e);
	bool owned;
} schemes[] = {
	{ "unix:", open_unix, true },
	{ "tcp:", open_tcp, true },
	{ "fd:", open_number, false },
	{ "file:", open_file, true },
};

static const struct scheme standard = { "", open_standard, false };

static const struct scheme *find_scheme(const char *uri)
{
	size_t i;

	if (!strcmp(uri, "-"))
		return &standard;
	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (!strncmp(uri, schemes[i].prefix,
			     strlen(schemes[i].prefix)))
			return &schemes[i];
	return NULL;
}

static int open_channel(struct vfm_channel *c, const char *uri, bool reading,
			const struct vfm_patience *p, struct vfm_error *e)
{
	const struct scheme *s = find_scheme(uri);
	struct stat st;

	memset(c, 0, sizeof(*c));
	c->fd = s ? s->open(uri + strlen(s->prefix), reading, p, e) :
		vfm_fail(e, EINVAL, "unix:PATH, tcp:HOST:PORT, fd:N, file:PATH or - expected");
	if (c->fd >= 0 && fstat(c->fd, &st)) {
		vfm_fail_errno(e, "cannot use it");
		if (s->owned)
			close(c->fd);
		c->fd = -1;
	}
	if (c->fd < 0)
		return vfm_error_where(e, "%s", uri);
	c->owned = s->owned;
	c->duplex = S_ISSOCK(st.st_mode);
	c->file = S_ISREG(st.st_mode);
	return 0;
}

int vfm_connect(struct vfm_channel *c, const char *uri,
		const struct vfm_patience *p, struct vfm_error *e)
{
	return open_channel(c, uri, false, p, e);
}

int vfm_accept(struct vfm_channel *c, const char *uri,
	       const struct vfm_patience *p, struct vfm_error *e)
{
	return open_channel(c, uri, true, p, e);
}

int vfm_channel_sync(struct vfm_channel *c, struct vfm_error *e)
{
	if (!c->file || !fsync(c->fd))
		return 0;
	return vfm_fail_errno(e, "cannot sync the file");
}

void vfm_channel_close(struct vfm_channel *c)
{
	if (c->owned && c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
