// From the entry point to the program.

#include "lib/pgfault.h"

const char *binaryname = "(unknown)";

void libmain(int argc, char **argv) __attribute__((noreturn));

// Threads share the stack but for its top page: let the program have it from the next one on.
static void __attribute__((noinline)) run_below(int argc, char **argv)
{
	volatile char *skipped = __builtin_alloca(PGSIZE);

	asm volatile("" : : "r"(skipped));
	umain(argc, argv);
	exit();
}

void
libmain(int argc, char **argv)
{
	thisenv = &envs[ENVX(sys_getenvid())];
	if (argc > 0)
		binaryname = argv[0];
	if (_proc_start)
		_proc_start();
	if (_thread_give_memory && _thread_room())
		run_below(argc, argv);
	umain(argc, argv);
	exit();
}

void
exit(void)
{
	for (;;)
		sys_env_destroy(0);
}
