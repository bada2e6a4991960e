// The parts of the ELF format that a loader needs.  Source: System V ABI, chapters 4 and 5.

#ifndef FAULTLINE_INC_ELF_H
#define FAULTLINE_INC_ELF_H

#include "inc/types.h"

#define ELF_MAGIC 0x464c457f // "\x7fELF", little-endian

struct Elf {
	uint32_t e_magic;
	uint8_t e_elf[12];
	uint16_t e_type;
	uint16_t e_machine;
	uint32_t e_version;
	uint32_t e_entry;
	uint32_t e_phoff;
	uint32_t e_shoff;
	uint32_t e_flags;
	uint16_t e_ehsize;
	uint16_t e_phentsize;
	uint16_t e_phnum;
	uint16_t e_shentsize;
	uint16_t e_shnum;
	uint16_t e_shstrndx;
};

struct Proghdr {
	uint32_t p_type;
	uint32_t p_offset;
	uint32_t p_va;
	uint32_t p_pa;
	uint32_t p_filesz;
	uint32_t p_memsz;
	uint32_t p_flags;
	uint32_t p_align;
};

#define ELF_CLASS_32 1    // e_elf[0]
#define ELF_DATA_LITTLE 1 // e_elf[1]
#define ELF_VERSION 1     // e_elf[2], and e_version
#define ELF_TYPE_EXEC 2
#define ELF_MACHINE_386 3

#define ELF_PROG_LOAD 1
#define ELF_PROG_DYNAMIC 2
#define ELF_PROG_INTERP 3
#define ELF_PROG_TLS 7
#define ELF_PROG_FLAG_EXEC 1
#define ELF_PROG_FLAG_WRITE 2
#define ELF_PROG_FLAG_READ 4

#endif
