// init's descriptors and pipes.
//
// Data passes through the windows of those who ask: a writer's chunk is copied to the pipe's pages, or at
// once to a reader that waits, and from there to a reader's window.  A chunk is at most a window, and is
// written as a whole: what waits to be written waits in the writer's window.

#include "lib/proc.h"

// A process's descriptor: closed, the console, or an end of a pipe.
#define FD_CLOSED 0
#define FD_CONSOLE 1
#define FD_END(pipe, write) (2 + 2 * (pipe) + (write))
#define READ 0
#define WRITE 1

static struct Pipe *
pipe_of(uint16_t fd)
{
	return fd < FD_END(0, READ) ? NULL : &INIT->pipe[(fd - 2) / 2];
}

static int
end_of(uint16_t fd)
{
	return fd & 1;
}

static uint32_t
used(const struct Pipe *pipe)
{
	return pipe->written - pipe->read;
}

static char *
pipe_pages(const struct Pipe *pipe)
{
	return (char *) (PIPE_PAGES + (pipe - INIT->pipe) * PIPE_SIZE);
}

static struct Task *
first(struct Link *queue)
{
	return link_alone(queue) ? NULL : LINKED(queue->next, struct Task, queue);
}

// The ring.

// Have the pages for n more bytes.	-E_NO_MEM
static int
make_room(struct Pipe *pipe, uint32_t n)
{
	int r;

	if (used(pipe) == 0)
		pipe->read = pipe->written = 0;
	while (pipe->pages <
	       MIN(ROUNDUP(pipe->written + n, PGSIZE), (uint32_t) PIPE_SIZE) / PGSIZE) {
		if ((r = sys_page_alloc(0, pipe_pages(pipe) + pipe->pages * PGSIZE, RW)) < 0)
			return r;
		pipe->pages++;
	}
	return 0;
}

static void
put(struct Pipe *pipe, const char *from, uint32_t n)
{
	const uint32_t at = pipe->written % PIPE_SIZE, whole = MIN(n, PIPE_SIZE - at);

	memcpy(pipe_pages(pipe) + at, from, whole);
	memcpy(pipe_pages(pipe), from + whole, n - whole);
	pipe->written += n;
}

static void
look(const struct Pipe *pipe, char *to, uint32_t n)
{
	const uint32_t at = pipe->read % PIPE_SIZE, whole = MIN(n, PIPE_SIZE - at);

	memcpy(to, pipe_pages(pipe) + at, whole);
	memcpy(to + whole, pipe_pages(pipe), n - whole);
}

// Those that wait.

// Give a reader what there is.  What it does not take is there for the next.
static void
serve_reader(struct Pipe *pipe, struct Task *reader)
{
	const uint32_t n = MIN(used(pipe), reader->what);

	look(pipe, window(reader), n);
	if (_init_answer(reader, n))
		pipe->read += n;
}

// Take a writer's chunk, the first part of it for a reader that waits.
static void
serve_writer(struct Pipe *pipe, struct Task *writer)
{
	const uint32_t n = writer->what;
	struct Task *reader = used(pipe) == 0 ? first(&pipe->users[READ]) : NULL;
	uint32_t direct = reader ? MIN(n, reader->what) : 0;

	if (make_room(pipe, n) < 0) {
		_init_answer(writer, -E_NO_MEM);
		return;
	}
	if (reader) {
		memcpy(window(reader), window(writer), direct);
		if (!_init_answer(reader, direct))
			direct = 0;
	}
	put(pipe, window(writer) + direct, n - direct);
	_init_answer(writer, n);
}

// Let everyone go on who can.
static void
pump(struct Pipe *pipe)
{
	struct Task *reader, *writer;

	for (;;) {
		reader = first(&pipe->users[READ]);
		writer = first(&pipe->users[WRITE]);
		if (reader && pipe->ends[READ] == 0)
			_init_answer(reader, -E_INVAL); // another thread has closed it
		else if (writer && pipe->ends[WRITE] == 0)
			_init_answer(writer, -E_INVAL);
		else if (reader && used(pipe) > 0)
			serve_reader(pipe, reader);
		else if (writer && pipe->ends[READ] == 0)
			_init_answer(writer, -E_EOF);
		else if (writer && writer->what <= PIPE_SIZE - used(pipe))
			serve_writer(pipe, writer);
		else if (reader && pipe->ends[WRITE] == 0)
			_init_answer(reader, 0);
		else
			return;
	}
}

void
_pipe_io(struct Task *t, uint32_t arg, bool write)
{
	const uint32_t fd = IO_FD(arg), n = IO_N(arg);
	const uint16_t what = fd < PROC_FDS ? t->process->fd[fd] : FD_CLOSED;
	struct Pipe *pipe = pipe_of(what);

	if (what == FD_CLOSED || n > PGSIZE || (pipe && (end_of(what) != write || !t->window))) {
		_init_answer(t, -E_INVAL);
	} else if (!pipe) {
		_init_answer(t, IO_CONSOLE);
	} else if (n == 0) {
		_init_answer(t, 0);
	} else {
		_init_wait(t, write ? WAIT_WRITE : WAIT_READ, n, &pipe->users[write]);
		pump(pipe);
	}
}

// Descriptors.

static int
free_fd(const struct Process *p)
{
	for (int fd = 0; fd < PROC_FDS; fd++)
		if (p->fd[fd] == FD_CLOSED)
			return fd;
	return -E_MAX_OPEN;
}

static void
open_end(uint16_t what)
{
	if (pipe_of(what))
		pipe_of(what)->ends[end_of(what)]++;
}

static void
close_end(uint16_t what)
{
	struct Pipe *pipe = pipe_of(what);

	if (!pipe || --pipe->ends[end_of(what)] > 0)
		return;
	pump(pipe);
	if (pipe->ends[READ] + pipe->ends[WRITE] > 0)
		return;
	if (pipe->pages > 0)
		sys_pages_unmap(0, pipe_pages(pipe), pipe->pages);
	pipe->pages = pipe->read = pipe->written = 0;
}

int32_t
_pipe_new(struct Process *p)
{
	const int from = free_fd(p);
	int pipe = 0, to;

	while (pipe < PIPES && INIT->pipe[pipe].ends[READ] + INIT->pipe[pipe].ends[WRITE] > 0)
		pipe++;
	if (from < 0 || pipe == PIPES)
		return -E_MAX_OPEN;
	p->fd[from] = FD_END(pipe, READ);
	if ((to = free_fd(p)) < 0) {
		p->fd[from] = FD_CLOSED;
		return to;
	}
	p->fd[to] = FD_END(pipe, WRITE);
	open_end(p->fd[from]);
	open_end(p->fd[to]);
	return from | to << 8;
}

int32_t
_pipe_close(struct Process *p, uint32_t fd)
{
	const uint16_t what = fd < PROC_FDS ? p->fd[fd] : FD_CLOSED;

	if (what == FD_CLOSED)
		return -E_INVAL;
	p->fd[fd] = FD_CLOSED;
	close_end(what);
	return 0;
}

int32_t
_pipe_dup(struct Process *p, uint32_t fd)
{
	const int copy = free_fd(p);

	if (fd >= PROC_FDS || p->fd[fd] == FD_CLOSED)
		return -E_INVAL;
	if (copy < 0)
		return copy;
	p->fd[copy] = p->fd[fd];
	open_end(p->fd[copy]);
	return copy;
}

void
_pipe_console(struct Process *p)
{
	p->fd[0] = p->fd[1] = p->fd[2] = FD_CONSOLE;
}

void
_pipe_inherit(struct Process *child, const struct Process *parent)
{
	memcpy(child->fd, parent->fd, sizeof child->fd);
	for (int fd = 0; fd < PROC_FDS; fd++)
		open_end(child->fd[fd]);
}

void
_pipe_close_all(struct Process *p)
{
	for (int fd = 0; fd < PROC_FDS; fd++)
		_pipe_close(p, fd);
}

void
_pipe_init(void)
{
	for (int i = 0; i < PIPES; i++) {
		link_init(&INIT->pipe[i].users[READ]);
		link_init(&INIT->pipe[i].users[WRITE]);
	}
}

bool
_pipe_any(void)
{
	for (int i = 0; i < PIPES; i++)
		if (INIT->pipe[i].ends[READ] + INIT->pipe[i].ends[WRITE] + INIT->pipe[i].pages > 0)
			return true;
	return false;
}
