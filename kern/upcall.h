// Page faults and other exceptions as upcalls: the frame on the exception stack.

#ifndef FAULTLINE_KERN_UPCALL_H
#define FAULTLINE_KERN_UPCALL_H

#include "inc/types.h"

struct Env;

// self has touched fault_va in user mode, with error code err, and has an upcall: push a
// UTrapframe on its exception stack and let it go on at the upcall.
//	-E_FAULT	there is no room for the frame; *bad is the first address of it that
//			cannot be written, and self is as it was
int upcall_page_fault(struct Env *self, uint32_t fault_va, uint32_t err, uint32_t *bad);

// Whether self handles the exceptions with this vector itself.
bool upcall_wanted(struct Env *self, uint32_t trapno);

// self has raised the exception in tf_trapno of its frame, and handles it: the same at its upcall for
// exceptions.
//	-E_FAULT	as above
int upcall_exception(struct Env *self, uint32_t *bad);

#endif
