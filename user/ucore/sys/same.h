// Functions that are the same here and there: uCore's name leads to Faultline's, with the arguments as
// they stand.

#ifndef UCORE_SYS_SAME_H
#define UCORE_SYS_SAME_H

#define SAME(name)                                                                                 \
	asm(".text\n"                                                                              \
	    ".globl ucore_" #name "\n"                                                             \
	    ".type ucore_" #name ", @function\n"                                                   \
	    "ucore_" #name ": jmp " #name "\n");

#endif
