// The hardware's own numbers: paging, control registers, flags, segments.
// Sources: Intel SDM volume 3A, chapters 2 (system registers), 3 (segments), 4 (paging), 7 (TSS).

#ifndef FAULTLINE_INC_MMU_H
#define FAULTLINE_INC_MMU_H

#include "inc/memlayout.h"

// A linear address: | 10 bits directory index | 10 bits table index | 12 bits offset |
#define PGSHIFT 12
#define PTXSHIFT 12
#define PDXSHIFT 22
#define NPDENTRIES 1024
#define NPTENTRIES 1024

#define PGNUM(la) ((uintptr_t) (la) >> PTXSHIFT)
#define PDX(la) (((uintptr_t) (la) >> PDXSHIFT) & 0x3ff)
#define PTX(la) (((uintptr_t) (la) >> PTXSHIFT) & 0x3ff)
#define PGOFF(la) ((uintptr_t) (la) &0xfff)
#define PGADDR(d, t, o) ((void *) (uintptr_t) ((d) << PDXSHIFT | (t) << PTXSHIFT | (o)))
#define PTE_ADDR(pte) ((physaddr_t) (pte) & ~0xfffu)

// Bits of a page table or directory entry.
#define PTE_P 0x001     // present
#define PTE_W 0x002     // writable
#define PTE_U 0x004     // user
#define PTE_PWT 0x008   // write-through
#define PTE_PCD 0x010   // cache disabled
#define PTE_A 0x020     // accessed
#define PTE_D 0x040     // dirty
#define PTE_PS 0x080    // directory entry: maps 4 MiB by itself
#define PTE_G 0x100     // global: survives a CR3 load
#define PTE_AVAIL 0xe00 // the hardware ignores these three: programs use them as they like
#define PTE_COW 0x800   // libc: copy on write
#define PTE_SHARE 0x400 // libc: fork keeps it shared
// What a program may ask for in a mapping.
#define PTE_SYSCALL (PTE_AVAIL | PTE_P | PTE_W | PTE_U)

// For sys_page_protect, beside the bits of PTE_SYSCALL: only a page that nobody else has.
#define PAGE_SOLE 0x1000

// For the calls on ranges: to which pages something happens, and what.
// PAGES_IF: those that have one of the bits `any' (0: all), and none of the bits `none'.
// PAGES_TO: they lose the bits `clear', and get the bits `set'.
// All four may have PTE_W and the bits of PTE_AVAIL, and all but `set' PTE_D.
#define PAGES_IF(any, none) ((any) | (none) << 16)
#define PAGES_IF_NEVER PAGES_IF(PTE_W, PTE_W)
#define PAGES_TO(clear, set) ((clear) | (set) << 16)
#define PAGES_IF_BITS PAGES_IF(PTE_W | PTE_AVAIL | PTE_D, PTE_W | PTE_AVAIL | PTE_D)
#define PAGES_TO_BITS PAGES_TO(PTE_W | PTE_AVAIL | PTE_D, PTE_W | PTE_AVAIL)

// Page fault error code.
#define FEC_PR 0x1 // the page was present: a protection was violated
#define FEC_WR 0x2 // the access was a write
#define FEC_U 0x4  // it came from user mode

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_EM 0x00000004
#define CR0_TS 0x00000008
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_AM 0x00040000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000
#define CR4_PSE 0x00000010
#define CR4_PGE 0x00000080
#define CR4_OSFXSR 0x00000200
#define CR4_OSXMMEXCPT 0x00000400

// Model-specific registers of sysenter.
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

#define FL_CF 0x00000001
#define FL_PF 0x00000004
#define FL_AF 0x00000010
#define FL_ZF 0x00000040
#define FL_SF 0x00000080
#define FL_TF 0x00000100
#define FL_IF 0x00000200
#define FL_DF 0x00000400
#define FL_OF 0x00000800
#define FL_IOPL_MASK 0x00003000
#define FL_IOPL_3 0x00003000
#define FL_NT 0x00004000
#define FL_RF 0x00010000
#define FL_VM 0x00020000
#define FL_AC 0x00040000
#define FL_ID 0x00200000
// The flags a program may choose for itself.
#define FL_USER                                                                                    \
	(FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_TF | FL_DF | FL_OF | FL_RF | FL_AC | FL_ID)

// Segment selectors: code and data of kernel and user, then one TSS for each CPU, then the
// TSS that fatal exceptions switch to.
#define GD_KT 0x08
#define GD_KD 0x10
#define GD_UT 0x18
#define GD_UD 0x20
#define GD_TSS0 0x28
#define GD_FATAL (GD_TSS0 + 8 * NCPU)
#define NGDT (GD_FATAL / 8 + 1)

#ifndef __ASSEMBLER__

#include "inc/types.h"

typedef uint32_t pde_t;
typedef uint32_t pte_t;

// A task state segment.  Of a program's, only esp0, ss0 and iomb matter; the rest is for the task
// that fatal exceptions switch to.
struct Taskstate {
	uint32_t ts_link;
	uint32_t ts_esp0;
	uint32_t ts_ss0;
	uint32_t ts_unused[4];
	uint32_t ts_cr3;
	uint32_t ts_eip;
	uint32_t ts_eflags;
	uint32_t ts_regs[8];
	uint32_t ts_es, ts_cs, ts_ss, ts_ds, ts_fs, ts_gs;
	uint32_t ts_ldt;
	uint16_t ts_t;
	uint16_t ts_iomb; // offset of the I/O bitmap; at or past the limit means no port is open
};

// What lgdt and lidt load.
struct Pseudodesc {
	uint16_t pd_lim;
	uint32_t pd_base;
} __attribute__((packed));

#endif
#endif
