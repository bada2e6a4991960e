// Error numbers, from error.def.

#ifndef FAULTLINE_INC_ERROR_H
#define FAULTLINE_INC_ERROR_H

enum {
	E_NONE,
#define ERROR(name, text) name,
#include "inc/error.def"
#undef ERROR
	MAXERROR
};

#endif
