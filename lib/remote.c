// External pagers.  A fault, a page to be written back and a fork are each a call: one message to
// the pager, and one from it.
//
// The message is one word, as below, with a page: a record of the fault, or the page to be stored.
// The answer is 0 or an error, and perhaps a page.  Neither side trusts the other: the pager copies
// the record before it looks at it, and the client looks at the rights of what has come.

#include "inc/ipc.h"
#include "lib/region.h"

// The word: the offset, the key, and what is wanted.
#define WORD(offset, key, kind) ((offset) | (key) << 2 | (kind))
#define WORD_OFFSET(word) ROUNDDOWN(word, PGSIZE)
#define WORD_KEY(word) ((word) >> 2 & 1023)
#define WORD_KIND(word) ((word) &3)

struct Message {
	struct Fault fault;
	envid_t child;
};

// The client's; and what has come with a request, apart from these, since a pager may be a client.
#define RECORD ((struct Message *) REMOTE)
#define ARRIVED ((void *) (REMOTE + PGSIZE))
#define ASKED ((void *) (REMOTE + 2 * PGSIZE))
#define NOTHING ((void *) UTOP)
#define RIGHTS (PTE_P | PTE_U | PTE_W)

// Call the pager of r, and take a page with its answer at dst.
static int
call(struct Region *r, enum RequestKind kind, uint32_t offset, const void *page, void *dst)
{
	const struct Remote *remote = r->arg;
	const uint32_t word = WORD(offset, remote->key % 1024, kind);
	int err = sys_ipc_call(remote->pager, word, (void *) page,
			       PTE_P | PTE_U | IPC_ONLY | IPC_TIMEOUT(remote->limit), dst);

	if (err == 0 && (err = (int) thisenv->env_ipc_value) > 0)
		err = -E_FAULT;
	if (err < 0)
		sys_page_unmap(0, ARRIVED);
	return err;
}

static int
make_record(void)
{
	return region_pte((uint32_t) RECORD) & PTE_P ? 0 : region_alloc((uint32_t) RECORD);
}

// The pager has sent a page: it is the one at offset, if it is good for the access.
static int
take(struct Region *r, const struct Fault *f, int perm)
{
	const int rights = PTE_P | PTE_U | (perm & r->prot & REGION_WRITE ? PTE_W : PTE_TRAP);
	int err = -E_FAULT;

	static_assert(PTE_W == REGION_WRITE, "perm and prot are compared");
	if (!(f->access & REGION_WRITE) || (perm & PTE_W))
		err = sys_page_move(0, ARRIVED, region_page(r, f->offset), rights);
	if (err < 0)
		sys_page_unmap(0, ARRIVED);
	return err;
}

// The pager lets us have the access to what we have, be it since it was asked.
static int
open(struct Region *r, const struct Fault *f)
{
	if (!region_present(r, f->offset))
		return -E_FAULT;
	return f->access & REGION_WRITE ? region_protect(r, f->offset, PGSIZE, REGION_RW) : 0;
}

static int
remote_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	int err;

	(void) utf;
	if (f->access & ~r->prot)
		return REGION_DECLINED;
	if (!f->missing && !(region_pte(f->va) & PTE_TRAP))
		return REGION_DECLINED; // it is copy-on-write's
	if ((err = make_record()) < 0)
		return err;
	RECORD->fault = *f;
	if ((err = call(r, REQUEST_FAULT, f->offset, RECORD, ARRIVED)) < 0)
		return err;
	const int perm = thisenv->env_ipc_perm;
	return perm ? take(r, f, perm) : open(r, f);
}

static int
remote_write_back(struct Region *r, uint32_t offset, const void *page)
{
	return call(r, REQUEST_WRITE_BACK, offset, page, NOTHING);
}

static int
remote_fork(struct Region *r, envid_t child)
{
	int err;

	if ((err = make_record()) < 0)
		return err;
	RECORD->child = child;
	return call(r, REQUEST_FORK, 0, RECORD, NOTHING);
}

const struct Pager region_remote = {
	.name = "remote",
	.fault = remote_fault,
	.write_back = remote_write_back,
	.fork = remote_fork,
};

// Whatever has become of the client is no trouble of ours; but if it waits, it is told that the page
// could not be sent.
static void
reply(envid_t client, int r, const struct Answer *a)
{
	if (r == 0 && a->page) {
		r = sys_ipc_send(client, 0, a->page, a->perm | IPC_NOWAIT);
		if (r == 0)
			return;
	}
	sys_ipc_send(client, r, NOTHING, IPC_NOWAIT);
}

int
region_serve(int (*answer)(const struct Request *q, struct Answer *a), uint32_t how)
{
	struct Request q = {0};
	struct Answer a = {0};
	int r = sys_ipc_wait(0, ASKED, how);

	if (r < 0)
		return r;
	const uint32_t word = thisenv->env_ipc_value;
	q.client = thisenv->env_ipc_from;
	q.kind = WORD_KIND(word);
	q.key = WORD_KEY(word);
	q.offset = WORD_OFFSET(word);
	q.page = ASKED;
	if (!thisenv->env_ipc_perm || q.kind > REQUEST_FORK) {
		r = -E_INVAL;
	} else {
		if (q.kind != REQUEST_WRITE_BACK) {
			const struct Message m = *(const volatile struct Message *) ASKED;

			q.fault = m.fault;
			q.child = m.child;
		}
		r = answer(&q, &a);
	}
	reply(q.client, r, &a);
	sys_page_unmap(0, ASKED);
	return 0;
}
