// From the entry point to the program.

#include "lib/pgfault.h"

const char *binaryname = "(unknown)";

void libmain(int argc, char **argv) __attribute__((noreturn));

void
libmain(int argc, char **argv)
{
	size_t skip = 0;

	thisenv = &envs[ENVX(sys_getenvid())];
	if (argc > 0)
		binaryname = argv[0];
	if (_proc_start)
		_proc_start();
	// Threads share the stack but for its top page: let the program have it from the next one on.
	if (_thread_room && _thread_room())
		skip = PGSIZE;
	volatile char *skipped = __builtin_alloca(skip);
	asm volatile("" : : "r"(skipped));
	umain(argc, argv);
	exit();
}

void
exit(void)
{
	for (;;)
		sys_env_destroy(0);
}
