// Regions: ranges of addresses whose pages the program itself supplies.
//
// A region has a protection, a protection that it may be given at most, and a pager: a few
// functions that say what its memory means.  A page fault goes to the region that it is in; when
// its pager declines, to the region around that one; then to fork's copy-on-write; then to the
// program's own handler (set_pgfault_handler).  When all decline, the program ends with a report.
// doc/handlers.md is the way in, and says what a pager may do.
//
// Addresses and sizes are multiples of PGSIZE.  Functions return 0 or what they say, or a negative
// error, and then they have changed nothing.  Each env has its own regions: after fork() and sfork()
// the child begins with those of its parent.

#ifndef FAULTLINE_INC_REGION_H
#define FAULTLINE_INC_REGION_H

#include "inc/lib.h"

// What may be done with a page: nothing, REGION_READ, or both.
#define REGION_NONE 0
#define REGION_READ 1
#define REGION_WRITE 2
#define REGION_RW (REGION_READ | REGION_WRITE)

struct Region;

// One page fault, in this program or in a client of this one.
struct Fault {
	uint32_t va;      // the address that was touched
	uint32_t offset;  // of its page in the region, in bytes
	uint32_t access;  // REGION_READ or REGION_WRITE
	uint32_t missing; // nothing is mapped there; else the page does not allow the access
	uint32_t eip;     // the instruction that touched it
	uint32_t region;  // where the region starts
	envid_t env;      // whose instruction
};

// What a pager's fault function answers; a negative error declines, too, and the report tells it.
#define REGION_HANDLED 0  // run the instruction again
#define REGION_DECLINED 1 // not ours
#define REGION_DEFAULT 2  // do what is done for pagers without this function
#define REGION_REFUSED 3  // nobody shall have it, but the program's own handler may be told

// What stands behind a region.  Any of the functions may be missing.
struct Pager {
	const char *name;
	bool shared; // fork() lets the child have the pages themselves, not copies

	// A fault in r.  utf has the registers, and may be changed.  Without this function, a missing
	// page is filled if r's protection allows the access, and all else is declined.
	int (*fault)(struct Region *r, const struct Fault *f, struct UTrapframe *utf);
	// Fill the zeroed page at `page', which will be the one at offset: 0 or a negative error.
	// Without it, pages are zero.
	int (*fill)(struct Region *r, uint32_t offset, void *page);
	// The page at offset, which can be read at `page', has been written to and is about to go, or
	// region_sync was called: store it; 0 or a negative error.  Without it, nothing is stored.
	int (*write_back)(struct Region *r, uint32_t offset, const void *page);
	// fork() or sfork() has given child the pages of r as it gives all pages, and child does not run
	// yet: a negative error makes it fail.
	int (*fork)(struct Region *r, envid_t child);
};

struct Region {
	const char *name; // for reports
	uint32_t start;   // its first address
	uint32_t size;    // in bytes
	int prot;         // what its pages get when they come
	int max;          // what they may ever get
	uint32_t alias;   // where the same pages can also be read and written; 0: nowhere
	const struct Pager *pager;
	void *arg;            // the pager's own
	struct Region *outer; // the library's: the region around this one, or NULL
};

// Make a region like *like, whose `outer' is not looked at; *made is it, unless made is NULL.  It may lie
// inside another region, and is then asked before that one.  Pages that are mapped there already
// become its pages, with the rights that they have.
//	-E_INVAL	a range is none, or holds the libc's own memory (UTEMP to UTEXT) or reaches above
//			USTACKTOP; a protection is none, or more than max; it has no pager; or it
//			overlaps a region without lying inside it, or has an alias and touches a
//			region or a page that is mapped
//	-E_NO_MEM	no page is left for the tables
int region_add(struct Region **made, const struct Region *like);

// The innermost region at va, or NULL.
struct Region *region_at(const void *va);

// Write back, as region_sync, unmap all of r's pages, and forget r.
//	-E_INVAL	there are regions inside r
//	what write_back has returned
int region_remove(struct Region *r);

// The primitives of Appel and Li, Virtual Memory Primitives for User Programs, 1991.  Each is for
// the pages from offset on, size bytes; -E_INVAL when they are not all in r.

// Let the pages that are there have the protection prot; if these are all of r, those still to come,
// too.  A write to a page that has been made readable only, and an access to one made REGION_NONE, is
// a fault; so TRAP is r's pager, PROT1, PROTN and UNPROT are this, and MAP2 is `alias'.
//	-E_INVAL	prot is none, or more than r->max, or REGION_NONE and r has no alias
//	-E_NO_MEM	no page is left for the copy of one that is shared since a fork
int region_protect(struct Region *r, uint32_t offset, uint32_t size, int prot);

// DIRTY: set bit i of bits[] for each page i of the range that has been written to since this was
// asked for it last, or else since it came; clear the others.  bits may be NULL.  Writes through
// the alias count.  With a pager that has write_back, it is the pages that are not stored yet, and they
// stay so until region_sync stores them.
// Returns how many they are.
int region_dirty(struct Region *r, uint32_t offset, uint32_t size, uint32_t *bits);

// Pages and what is in them.

// Whether there is a page at offset now, for whatever access.
bool region_present(const struct Region *r, uint32_t offset);
// Let the pager fill the page at offset, if none is there.	-E_NO_MEM, or what fill has returned
int region_fill(struct Region *r, uint32_t offset);
// Let the page at offset be a copy of that at `from', in one step: nobody sees it half filled.
//	-E_NO_MEM
int region_put(struct Region *r, uint32_t offset, const void *from);
// The same, but it is the page at `from' itself, which is then no longer mapped there.
//	-E_INVAL	nothing is mapped at from, or less than PTE_W and r->max is REGION_RW, or it is a
//			page that has an alias
//	-E_NO_MEM
int region_move(struct Region *r, uint32_t offset, void *from);
// Write back the pages of the range that have been written to since they came or were written back;
// they stay.  Each of them is clean then.	what write_back has returned
int region_sync(struct Region *r, uint32_t offset, uint32_t size);
// Write back and unmap them.	what write_back has returned: those before it have gone
int region_evict(struct Region *r, uint32_t offset, uint32_t size);
// Read (or, with REGION_WRITE, write without a change) each page of a range of memory of any kind,
// so that a system call finds it there.  Kills the program where nobody supplies it.
void region_touch(const void *va, size_t size, int access);

// Set n frames aside, at most REGION_RESERVE_MAX, for faults that find no memory: fills and
// copies-on-write take them before they fail with -E_NO_MEM.  Call it again to fill up what was taken.
// A child has none.
// Returns how many are there now.	-E_NO_MEM, and those that there are stay; -E_INVAL
#define REGION_RESERVE_MAX 32
int region_reserve(unsigned n);

// Stock pagers: see each for what its region's `arg' is.

// Zero on demand.  arg: nothing.
extern const struct Pager region_zero;

// An inaccessible range: every access is refused, also where another region lies around it.
// arg: nothing.
extern const struct Pager region_guard;

// Let the normal stack grow to `size' bytes, with a guard of one page below.
//	as region_add
int region_grow_stack(uint32_t size);

// What is in a file, wherever that is.  With REGION_RW the pages are private: changes are stored
// only if `write' is there, by region_sync, region_evict and region_remove.  arg: struct File.
struct File {
	// Read or write n bytes at offset: 0 or a negative error.  n is at most PGSIZE.
	int (*read)(struct File *file, uint32_t offset, void *to, uint32_t n);
	int (*write)(struct File *file, uint32_t offset, const void *from, uint32_t n);
	uint32_t offset; // where the region's first byte is in the file
	uint32_t size;   // of the file: what is behind it is zero, and is not written
	void *arg;
};
extern const struct Pager region_file;
// A read function for a file that stands in memory from arg on.
int file_in_memory(struct File *file, uint32_t offset, void *to, uint32_t n);

// Write watch: written(r, offset) is told of the first write to each page since region_watch.
// New pages are zero.  arg: struct Watch.
struct Watch {
	void (*written)(struct Region *r, uint32_t offset);
	void *arg;
};
extern const struct Pager region_watched;
// Watch the pages of r from now on.
int region_watch(struct Region *r);

// Snapshots, by copy-on-write.  Let the pages at `at' be what those of r are now, read-only, and stay
// so; r's next write to each copies it.  At `at', r->size bytes must be nobody's region.
//	-E_INVAL	that is no such range; or r has an alias, a pager with write_back, or is shared
//	-E_NO_MEM
int region_snapshot(struct Region *r, void *at);
// Let r be what the snapshot at `at' is, which stays; and drop a snapshot.  For region_dirty, this is no
// writing.
int region_restore(struct Region *r, const void *at);
int region_snapshot_drop(struct Region *r, void *at);

// Memory that a family of programs shares: children of fork() have the same frames, instead of
// copies.  Each page that is missing is filled when a fork comes.  arg: nothing; pages start zero.
extern const struct Pager region_shared;

// Another program is the pager: each fault is a message to it, and the page that comes back is
// shared with it.  See region_serve.  arg: struct Remote.
// A fault that it cannot answer is declined, and the report says why: -E_BAD_ENV, the pager has ended;
// -E_TIMEOUT, it has not answered in time; -E_FAULT, it has sent no page, or one that does not allow
// the access; else the error that it has sent.
struct Remote {
	envid_t pager;  // whom to ask
	uint32_t key;   // which of its objects: the pager's number, less than 1024
	uint32_t limit; // how long to wait for it, in ms, below 65,536; 0: for ever
};
extern const struct Pager region_remote;

// The other side.  What a client wants.
enum RequestKind {
	REQUEST_FAULT,      // a page
	REQUEST_WRITE_BACK, // that a page is stored
	REQUEST_FORK,       // to have a child, which will be a client, too
};
struct Request {
	enum RequestKind kind;
	envid_t client;
	uint32_t key;
	uint32_t offset;
	struct Fault fault; // REQUEST_FAULT; what the client says of itself
	const void *page;   // REQUEST_WRITE_BACK: what is to be stored, there until the answer
	envid_t child;      // REQUEST_FORK
};

// What answer() says to a request: 0 and, for a fault, a page of its own to share at `page' with the
// rights `perm'; or 0 and no page, when the client may have the access it wants to the page that
// it has.  A negative error is sent to the client.
struct Answer {
	void *page;
	int perm; // PTE_P | PTE_U, perhaps PTE_W
};

// Wait for a request, as `how' says (0, IPC_NOWAIT or IPC_TIMEOUT of inc/ipc.h), and answer it.
// A client that does not wait for its answer does not get it.  `answer' returns 0, or an
// error for the client; a page that cannot be sent is an error for the client, too.  It may touch regions
// of this program, also those whose pager is another.
// Returns 0, or -E_TIMEOUT when no request came.
int region_serve(int (*answer)(const struct Request *q, struct Answer *a), uint32_t how);

#endif
