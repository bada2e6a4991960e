// The boot sector's second half: load the kernel from the first IDE disk and start it, the way
// any Multiboot loader would.
//
// On the disk: this sector, one sector with the kernel's command line, then the kernel's ELF
// file.  Sources: ATA-2 (reading by PIO), Multiboot 0.6.96.

#include "inc/elf.h"
#include "inc/multiboot.h"
#include "inc/x86.h"

#define SECTOR 512
#define CMDLINE_AT SECTOR // bytes from the start of the disk
#define KERNEL_AT (2 * SECTOR)
// The command line is read together with the kernel's first page, which has all its headers.
#define HEADERS ((struct Elf *) (BOOT_CMDLINE + SECTOR))

#define IDE_DATA 0x1f0
#define IDE_COUNT 0x1f2
#define IDE_LBA 0x1f3 // bits 0-7; the next three ports have the rest
#define IDE_COMMAND 0x1f7
#define IDE_STATUS 0x1f7
#define IDE_READ 0x20
#define IDE_BUSY 0x80
#define IDE_DRQ 0x08 // there is data to be read
#define IDE_FIRST_LBA 0xe0

// Read the sectors that hold bytes off..off+n-1 of the disk, to where the byte at off comes to
// stand at addr.  Both are equally far into a sector.
static void
read_disk(uint32_t addr, uint32_t n, uint32_t off)
{
	uint32_t end = addr + n;

	addr &= ~(SECTOR - 1);
	for (uint32_t lba = off / SECTOR; addr < end; addr += SECTOR, lba++) {
		outb(IDE_COUNT, 1);
		outb(IDE_LBA, lba);
		outb(IDE_LBA + 1, lba >> 8);
		outb(IDE_LBA + 2, lba >> 16);
		outb(IDE_LBA + 3, IDE_FIRST_LBA | lba >> 24);
		outb(IDE_COMMAND, IDE_READ);
		while ((inb(IDE_STATUS) & (IDE_BUSY | IDE_DRQ)) != IDE_DRQ)
			;
		insl(IDE_DATA, (void *) addr, SECTOR / 4);
	}
}

// mmap_end is where boot.S has ended the memory map.
void __attribute__((noreturn)) bootmain(uint32_t mmap_end);

void
bootmain(uint32_t mmap_end)
{
	static struct Multiboot mb; // behind the sector; what is not set here is not valid
	struct Proghdr *ph;

	mb.mb_flags = MULTIBOOT_CMDLINE | MULTIBOOT_MMAP;
	mb.mb_cmdline = BOOT_CMDLINE;
	mb.mb_mmap_addr = BOOT_MMAP;
	mb.mb_mmap_length = mmap_end - BOOT_MMAP;

	read_disk(BOOT_CMDLINE, SECTOR + PGSIZE, CMDLINE_AT);
	ph = (struct Proghdr *) ((char *) HEADERS + HEADERS->e_phoff);
	for (int i = HEADERS->e_phnum; i > 0; i--, ph++) {
		if (ph->p_type != ELF_PROG_LOAD)
			continue;
		read_disk(ph->p_pa, ph->p_filesz, KERNEL_AT + ph->p_offset);
		stosb((char *) ph->p_pa + ph->p_filesz, 0, ph->p_memsz - ph->p_filesz);
	}
	asm volatile("jmp *%0" : : "r"(HEADERS->e_entry), "a"(MULTIBOOT_MAGIC), "b"(&mb));
	__builtin_unreachable();
}
