// The archive: the files that came with the kernel, which are the programs in its image.  Programs
// read it page by page with sys_archive_page.  It begins with the directory, a head and then an
// entry for each file; each file begins a page of its own, and the rest of its last page is zero.

#ifndef FAULTLINE_INC_ARCHIVE_H
#define FAULTLINE_INC_ARCHIVE_H

#include "inc/types.h"

#define ARCHIVE_MAGIC "faultline archive 1"

struct ArchiveHead {
	char magic[56];
	uint32_t nfiles; // how many entries follow
	uint32_t npages; // of the archive, with the directory
};

struct ArchiveFile {
	char name[56];  // may have slashes; the rest is 0
	uint32_t first; // its first page
	uint32_t size;  // in bytes
};

static_assert(sizeof(struct ArchiveFile) == sizeof(struct ArchiveHead), "entry 0 is the head");

#endif
