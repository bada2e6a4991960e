// Error numbers, from error.def.

#ifndef FAULTLINE_INC_ERROR_H
#define FAULTLINE_INC_ERROR_H

#ifdef __ASSEMBLER__

.set MAXERROR, 1
#define ERROR(name, text)                                                                          \
	.set name, MAXERROR;                                                                       \
	.set MAXERROR, MAXERROR + 1;
#include "inc/error.def"
#undef ERROR

#else

enum {
	E_NONE,
#define ERROR(name, text) name,
#include "inc/error.def"
#undef ERROR
	MAXERROR
};

#endif
#endif
