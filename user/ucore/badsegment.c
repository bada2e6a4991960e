// A general protection fault: what GDT entry 5 describes is no data.

#include <stdio.h>
#include <ulib.h>

int
main(void)
{
	asm volatile("movw %w0, %%ds" : : "r"(0x28));
	panic("FAIL: T.T\n");
}
