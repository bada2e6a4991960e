// What page faults and other exceptions share: the exception stack, and what fork() must know.

#include "inc/lib.h"

// Set by lib/exception.c, if the program uses that: give child the exceptions that this env handles.
int (*_exceptions_give)(envid_t child);

// Map the exception stack, unless it is there: it may be in use.	-E_NO_MEM
int
_xstack_install(void)
{
	if ((uvpd[PDX(UXSTACKBASE)] & PTE_P) && (uvpt[PGNUM(UXSTACKBASE)] & PTE_P))
		return 0;
	return sys_page_alloc(0, (void *) UXSTACKBASE, PTE_P | PTE_U | PTE_W);
}
