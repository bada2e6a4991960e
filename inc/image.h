// Images of programs: what a loader outside of the kernel must know of an ELF file, and the loader.
//
// What is in the file is believed in nothing.  An image that is no executable for this machine, says
// two things of one page, or wants what a page table cannot give is refused as a whole, before anything
// has been done for it.

#ifndef FAULTLINE_INC_IMAGE_H
#define FAULTLINE_INC_IMAGE_H

#include "inc/env.h"
#include "inc/mmu.h"

// A program stands in these addresses.  The rest is the library's, the heap's and the stacks'.
#define IMAGE_START UTEXT
#define IMAGE_END 0x40000000

// Parts of a program at most: segments that are loaded.
#define IMAGE_PARTS 8

// Pages with the same rights, one after the other, from the page `start' to below the page `end'.  The bytes
// from `from' to below `to' are the file's, and its page `page' is the one at start; the others are zero.
struct ImagePart {
	uint32_t start, end;
	uint32_t from, to;
	uint32_t page;
	bool writable;
	bool shared; // no page needs to differ from the file's
};

struct Image {
	uint32_t entry;
	uint32_t nparts;
	struct ImagePart parts[IMAGE_PARTS]; // by address
};

// Read the headers of a file of `size' bytes, of which the first n are at `file': all, or at least a page.
// Program headers must be among these.
//	-E_NOT_EXEC	it is not a program that can be loaded
int image_check(struct Image *image, const void *file, uint32_t n, uint32_t size);

// What comes of the page at va of a part: the file's own page; a copy of it; zeros; or zeros with bytes of
// the file between.
enum ImageFill { IMAGE_SHARED, IMAGE_COPY, IMAGE_ZERO, IMAGE_MIXED };
enum ImageFill image_fill(const struct ImagePart *part, uint32_t va);

// A child of the caller with the program `name' of the archive, which finds argv (up to a NULL);
// it does not run yet.  lazy: its pages come when they are touched.  Returns its id.
//	-E_NOT_FOUND, -E_NOT_EXEC, -E_NO_MEM, -E_NO_FREE_ENV
//	-E_INVAL	argv, with its strings, takes more than 3/4 of a page
envid_t _image_load(const char *name, char *const argv[], int lazy);

#endif
