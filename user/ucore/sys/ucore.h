// What the files of sys/ share.  It comes after Faultline's headers: from here on the names E_... are
// uCore's numbers, and OUR_... Faultline's.

#ifndef UCORE_SYS_H
#define UCORE_SYS_H

#include "inc/error.h"

enum {
	OUR_BAD_ENV = E_BAD_ENV,
	OUR_INVAL = E_INVAL,
	OUR_NO_MEM = E_NO_MEM,
	OUR_NO_FREE_ENV = E_NO_FREE_ENV,
	OUR_FAULT = E_FAULT,
	OUR_MAX_OPEN = E_MAX_OPEN,
	OUR_NOT_FOUND = E_NOT_FOUND,
	OUR_BAD_PATH = E_BAD_PATH,
	OUR_NOT_EXEC = E_NOT_EXEC,
	OUR_TIMEOUT = E_TIMEOUT,
};

#include "../include/error.h"

// The negative uCore number for a negative error of Faultline's; what is no error stays as it is.
int _ucore_error(int r);

#endif
