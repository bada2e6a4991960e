// What a boot loader hands to the kernel, ours and others' alike.
// Source: Multiboot Specification 0.6.96, section 3.3.

#ifndef FAULTLINE_INC_MULTIBOOT_H
#define FAULTLINE_INC_MULTIBOOT_H

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_HEADER_FLAGS 0x00000003 // page-aligned modules, and a memory map
#define MULTIBOOT_MAGIC 0x2badb002        // in eax when the kernel starts

#define MULTIBOOT_CMDLINE 0x004 // mb_cmdline is valid
#define MULTIBOOT_MMAP 0x040    // mb_mmap_* are valid

// Where our boot sector puts things, all below the first page that the kernel uses.
#define BOOT_MMAP 0x0700 // the memory map, up to
#define BOOT_MMAP_END 0x1000
#define BOOT_CMDLINE 0x1000 // the disk's second sector: the command line

#ifndef __ASSEMBLER__

#include "inc/types.h"

struct Multiboot {
	uint32_t mb_flags;
	uint32_t mb_mem_lower, mb_mem_upper;
	uint32_t mb_boot_device;
	uint32_t mb_cmdline;
	uint32_t mb_mods_count, mb_mods_addr;
	uint32_t mb_syms[4];
	uint32_t mb_mmap_length, mb_mmap_addr;
};

// One range of the firmware's memory map; the next one is `size' + 4 bytes on.
struct MultibootMmap {
	uint32_t size;
	uint64_t base;
	uint64_t length;
	uint32_t type;
} __attribute__((packed));

#define MULTIBOOT_RAM 1

#endif
#endif
