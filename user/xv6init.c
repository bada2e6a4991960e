// The first program of a machine for xv6's programs: their init.  It starts the one that it is told; in its
// argument, `+' stands between the name and each argument of it.

#include "inc/proc.h"

#define ARGS 32

static const struct ProcConfig config = {.killed_code = -1};

// Cut text at each `+' into words, with a NULL after the last.
static void
cut(char *text, char *words[ARGS])
{
	int n = 0;

	for (; text && n < ARGS - 1; n++) {
		char *plus = strchr(text, '+');
		words[n] = text;
		if (plus)
			*plus++ = '\0';
		text = plus;
	}
	words[n] = NULL;
}

void
umain(int argc, char **argv)
{
	char name[64] = "xv6/";
	char *words[ARGS];

	if (argc < 2)
		panic("which program?");
	cut(argv[1], words);
	strlcpy(name + strlen(name), words[0], sizeof(name) - strlen(name));
	proc_run_init(&config, name, words);
}
