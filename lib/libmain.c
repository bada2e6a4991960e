// From the entry point to the program.

#include "lib/pgfault.h"

const char *binaryname = "(unknown)";

void libmain(int argc, char **argv) __attribute__((noreturn));

void
libmain(int argc, char **argv)
{
	thisenv = &envs[ENVX(sys_getenvid())];
	if (argc > 0)
		binaryname = argv[0];
	if (_proc_start)
		_proc_start();
	umain(argc, argv);
	exit();
}

void
exit(void)
{
	for (;;)
		sys_env_destroy(0);
}
