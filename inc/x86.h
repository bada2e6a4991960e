// Single instructions that C has no words for: the only assembly in a header.

#ifndef FAULTLINE_INC_X86_H
#define FAULTLINE_INC_X86_H

#include "inc/bench.h"
#include "inc/mmu.h"
#include "inc/trap.h"
#include "inc/types.h"

static inline void
breakpoint(void)
{
	asm volatile("int3");
}

static inline uint8_t
inb(int port)
{
	uint8_t data;
	asm volatile("inb %w1,%0" : "=a"(data) : "d"(port));
	return data;
}

static inline void
outb(int port, uint8_t data)
{
	asm volatile("outb %0,%w1" : : "a"(data), "d"(port));
}

static inline void
outw(int port, uint16_t data)
{
	asm volatile("outw %0,%w1" : : "a"(data), "d"(port));
}

static inline void
outl(int port, uint32_t data)
{
	asm volatile("outl %0,%w1" : : "a"(data), "d"(port));
}

// Read n bytes, or words of 16 or 32 bits, from port into addr.
static inline void
insb(int port, void *addr, size_t n)
{
	asm volatile("cld; rep insb" : "+D"(addr), "+c"(n) : "d"(port) : "memory", "cc");
}

static inline void
insw(int port, void *addr, size_t n)
{
	asm volatile("cld; rep insw" : "+D"(addr), "+c"(n) : "d"(port) : "memory", "cc");
}

static inline void
insl(int port, void *addr, size_t n)
{
	asm volatile("cld; rep insl" : "+D"(addr), "+c"(n) : "d"(port) : "memory", "cc");
}

// Write the n bytes, or words of 16 or 32 bits, at addr to port.
static inline void
outsb(int port, const void *addr, size_t n)
{
	asm volatile("cld; rep outsb" : "+S"(addr), "+c"(n) : "d"(port) : "memory", "cc");
}

static inline void
outsw(int port, const void *addr, size_t n)
{
	asm volatile("cld; rep outsw" : "+S"(addr), "+c"(n) : "d"(port) : "memory", "cc");
}

static inline void
outsl(int port, const void *addr, size_t n)
{
	asm volatile("cld; rep outsl" : "+S"(addr), "+c"(n) : "d"(port) : "memory", "cc");
}

// Store n times the byte c from addr on.
static inline void
stosb(void *addr, int c, size_t n)
{
	asm volatile("cld; rep stosb" : "+D"(addr), "+c"(n) : "a"(c) : "memory", "cc");
}

static inline void
invlpg(uint32_t va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
	BENCH_COUNT(invlpgs);
}

static inline void
lgdt(const struct Pseudodesc *pd)
{
	asm volatile("lgdt %0" : : "m"(*pd));
}

static inline void
lidt(const struct Pseudodesc *pd)
{
	asm volatile("lidt %0" : : "m"(*pd));
}

static inline void
lldt(uint16_t sel)
{
	asm volatile("lldt %0" : : "r"(sel));
}

static inline void
ltr(uint16_t sel)
{
	asm volatile("ltr %0" : : "r"(sel));
}

static inline uint32_t
rcr0(void)
{
	uint32_t val;
	asm volatile("movl %%cr0,%0" : "=r"(val));
	return val;
}

static inline void
lcr0(uint32_t val)
{
	asm volatile("movl %0,%%cr0" : : "r"(val) : "memory");
}

static inline uint32_t
rcr2(void)
{
	uint32_t val;
	asm volatile("movl %%cr2,%0" : "=r"(val));
	return val;
}

static inline uint32_t
rcr3(void)
{
	uint32_t val;
	asm volatile("movl %%cr3,%0" : "=r"(val));
	return val;
}

static inline void
lcr3(uint32_t val)
{
	asm volatile("movl %0,%%cr3" : : "r"(val) : "memory");
	BENCH_COUNT(cr3_loads);
}

static inline uint32_t
rcr4(void)
{
	uint32_t val;
	asm volatile("movl %%cr4,%0" : "=r"(val));
	return val;
}

static inline void
lcr4(uint32_t val)
{
	asm volatile("movl %0,%%cr4" : : "r"(val) : "memory");
}

static inline void
wrmsr(uint32_t msr, uint64_t val)
{
	asm volatile("wrmsr" : : "c"(msr), "A"(val));
}

static inline uint32_t
read_eflags(void)
{
	uint32_t val;
	asm volatile("pushfl; popl %0" : "=r"(val) : : "memory");
	return val;
}

static inline uint32_t
read_ebp(void)
{
	uint32_t val;
	asm volatile("movl %%ebp,%0" : "=r"(val));
	return val;
}

static inline uint32_t
read_esp(void)
{
	uint32_t val;
	asm volatile("movl %%esp,%0" : "=r"(val));
	return val;
}

// Write to a byte of memory without a change to it, also when another CPU writes there, for what the
// write does to its page.  Compilers make a mere read of a builtin that would do so.
static inline void
write_nothing(volatile void *byte)
{
	asm volatile("lock; orb $0, %0" : "+m"(*(volatile uint8_t *) byte) : : "cc");
}

// Cycles (under -icount: instructions) since the machine started.
static inline uint64_t
read_tsc(void)
{
	uint64_t tsc;
	asm volatile("rdtsc" : "=A"(tsc));
	return tsc;
}

// Store newval at addr and return what was there, in one step and with a full barrier.
static inline uint32_t
xchg(volatile uint32_t *addr, uint32_t newval)
{
	uint32_t old;
	asm volatile("lock; xchgl %0,%1" : "+m"(*addr), "=a"(old) : "1"(newval) : "memory", "cc");
	return old;
}

// Store newval at addr if oldval is there, in one step; return what was there.
static inline uint32_t
compare_and_swap(volatile uint32_t *addr, uint32_t oldval, uint32_t newval)
{
	asm volatile("lock; cmpxchgl %2,%0"
		     : "+m"(*addr), "+a"(oldval)
		     : "r"(newval)
		     : "memory", "cc");
	return oldval;
}

// Set or clear bits at addr in one step.
static inline void
atomic_or(volatile uint32_t *addr, uint32_t bits)
{
	asm volatile("lock; orl %1,%0" : "+m"(*addr) : "ri"(bits) : "memory", "cc");
}

static inline void
atomic_and(volatile uint32_t *addr, uint32_t bits)
{
	asm volatile("lock; andl %1,%0" : "+m"(*addr) : "ri"(bits) : "memory", "cc");
}

// Tell the CPU that this is a loop which waits for another one.
static inline void
pause(void)
{
	asm volatile("pause" : : : "memory");
}

// A system call by interrupt; inc/syscall.def has the convention.
static inline __attribute__((always_inline)) int32_t
syscall_int(int num, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t a4, uint32_t a5)
{
	int32_t ret;
	asm volatile("int %1"
		     : "=a"(ret)
		     : "i"(T_SYSCALL), "a"(num), "d"(a1), "c"(a2), "b"(a3), "D"(a4), "S"(a5)
		     : "memory", "cc");
	return ret;
}

#endif
