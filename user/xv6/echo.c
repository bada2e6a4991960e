// Print the arguments, with a space between two and a newline at the end.

#include "kernel/types.h"
#include "kernel/stat.h"
#include "user/user.h"

int
main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		fprintf(1, "%s%s", i > 1 ? " " : "", argv[i]);
	fprintf(1, "\n");
	exit(0);
}
