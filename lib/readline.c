// A line from the console, with a little editing, for programs and the kernel.

#include "inc/stdio.h"

#define LINE_SIZE 1024
#define CTRL_U 0x15

static char line[LINE_SIZE];

char *
readline(const char *prompt)
{
	int n = 0;

	if (prompt)
		cprintf("%s", prompt);
	for (;;) {
		int c = getchar();

		if (c == '\n' || c == '\r') {
			cputchar('\n');
			line[n] = '\0';
			return line;
		}
		if (c == '\b' || c == CTRL_U) {
			int keep = c == CTRL_U ? 0 : MAX(n - 1, 0);
			for (; n > keep; n--)
				cprintf("\b \b");
		} else if (c >= ' ' && n < LINE_SIZE - 1) {
			cputchar(c);
			line[n++] = c;
		}
	}
}
