// The driver of the data disk: programmed I/O, one command at a time, with interrupts off.
//
// The protocol of a command: select the drive, set the parameters, write the command.  The drive is
// busy (BSY) until it wants data to be moved (DRQ), a sector at a time, or is done.
// Source: ATA/ATAPI-6 (T13 1410D): 7 (registers), 8 (commands), 9 (protocols).

#include "inc/disk.h"

#include "inc/device.h"
#include "inc/lib.h"

// Registers
#define DATA (DEVICE_COMMAND + 0)
#define COUNT (DEVICE_COMMAND + 2) // in sectors; 0 is 256
#define LBA_LOW (DEVICE_COMMAND + 3)
#define LBA_MID (DEVICE_COMMAND + 4)
#define LBA_HIGH (DEVICE_COMMAND + 5)
#define DRIVE (DEVICE_COMMAND + 6)
#define STATUS (DEVICE_COMMAND + 7)  // read
#define COMMAND (DEVICE_COMMAND + 7) // write
#define CONTROL DEVICE_CONTROL       // write
#define STATUS_AGAIN DEVICE_CONTROL  // read: the same without its side effects

#define DRIVE_LBA 0xe0 // the first drive, addresses by number; below: bits 24 to 27 of it
#define STATUS_BSY 0x80
#define STATUS_DRDY 0x40
#define STATUS_DF 0x20
#define STATUS_DRQ 0x08
#define STATUS_ERR 0x01
#define STATUS_NOBODY 0xff // a bus that nobody drives
#define CONTROL_NIEN 0x02  // no interrupts
#define CONTROL_SRST 0x04  // reset

// Commands
#define READ_SECTORS 0x20
#define WRITE_SECTORS 0x30
#define FLUSH_CACHE 0xe7
#define IDENTIFY_DEVICE 0xec

#define PIECE 256u // sectors of one command
#define WIDTH 4u   // the host's side makes two words of the drive of each

// What has been written to is not copy-on-write any more, so the kernel can write there.
static int
get(uint32_t port)
{
	uint8_t value = 0;
	int r = sys_ports_read(port, 1, &value, 1);

	return r < 0 ? r : value;
}

static int
put(uint32_t port, uint8_t value)
{
	return sys_ports_write(port, 1, &value, 1);
}

// Wait until the drive is not busy.  Returns its status, or a negative error.
static int
wait(void)
{
	const uint64_t end = read_tsc() + DISK_PATIENCE;
	int status;

	// The status is right 400 ns after a command: one more read of it takes long enough.
	get(STATUS_AGAIN);
	while ((status = get(STATUS)) >= 0 && (status & STATUS_BSY)) {
		if (status == STATUS_NOBODY)
			return -E_NOT_FOUND;
		if (read_tsc() > end)
			return -E_TIMEOUT;
		sys_yield();
	}
	return status;
}

// Have the drive give up whatever it was doing.
static int
reset(void)
{
	int r = put(CONTROL, CONTROL_SRST | CONTROL_NIEN);

	for (int i = 0; i < 10 && r >= 0; i++) // 5 us at least
		r = get(STATUS_AGAIN);
	if (r >= 0)
		r = put(CONTROL, CONTROL_NIEN);
	return r < 0 ? r : wait();
}

// Turn to the drive, which is ready for a command when this returns no error.
static int
prepare(uint32_t sector)
{
	int r = put(CONTROL, CONTROL_NIEN);

	if (r == 0)
		r = get(STATUS);
	if (r == STATUS_NOBODY)
		return -E_NOT_FOUND;
	// A command that is not over is not ours: whoever gave it has failed, or is gone.
	if (r >= 0 && (r & (STATUS_BSY | STATUS_DRQ)))
		r = reset();
	if (r >= 0)
		r = put(DRIVE, DRIVE_LBA | sector >> 24);
	if (r >= 0)
		r = wait();
	return r < 0 || (r & STATUS_DRDY) ? r : -E_NOT_FOUND;
}

// Give a command about n sectors, at most PIECE, from number `sector' on, and wait for what the drive
// says to it.  Returns its status, or a negative error.
static int
command(uint8_t what, uint32_t sector, uint32_t n)
{
	const struct {
		uint32_t port;
		uint8_t value;
	} registers[] = {{COUNT, n},
			 {LBA_LOW, sector},
			 {LBA_MID, sector >> 8},
			 {LBA_HIGH, sector >> 16},
			 {COMMAND, what}};
	int r = prepare(sector);

	for (size_t i = 0; i < ARRAY_SIZE(registers) && r >= 0; i++)
		r = put(registers[i].port, registers[i].value);
	return r < 0 ? r : wait();
}

// What a status is, when the drive should want data, or be done.
static int
verdict(int status, uint8_t wanted)
{
	if (status < 0)
		return status;
	if (status & (STATUS_ERR | STATUS_DF) || (status & STATUS_DRQ) != wanted)
		return -E_IO;
	return 0;
}

// Touch each page of n bytes at va, so that the kernel finds what waits for its copy, or is made when
// it is used.  Before a command: a fault handler may give one itself.
static void
touch(const void *at, size_t n, bool write)
{
	uintptr_t va = (uintptr_t) at, end = va + n;

	for (; va < end; va = ROUNDDOWN(va, PGSIZE) + PGSIZE) {
		if (write)
			atomic_or((volatile uint32_t *) ROUNDDOWN(va, 4), 0);
		else
			(void) *(volatile char *) va;
	}
}

int
disk_size(void)
{
	uint16_t identity[SECTOR_SIZE / 2];

	touch(identity, sizeof identity, true);
	int r = verdict(command(IDENTIFY_DEVICE, 0, 1), STATUS_DRQ);
	if (r == -E_IO)
		return -E_NOT_FOUND; // something else, such as a drive for CDs
	if (r == 0)
		r = sys_ports_read(DATA, WIDTH, identity, sizeof identity / WIDTH);
	if (r < 0)
		return r;
	uint32_t size = identity[60] | (uint32_t) identity[61] << 16;
	return MIN(size, (uint32_t) DISK_MAX);
}

static bool
is_range(uint32_t sector, size_t n)
{
	return sector <= DISK_MAX && n <= DISK_MAX - sector;
}

int
disk_read(uint32_t sector, void *to, size_t n)
{
	int r = is_range(sector, n) ? 0 : -E_INVAL;

	while (r == 0 && n > 0) {
		const uint32_t piece = MIN(n, PIECE);
		touch(to, piece * SECTOR_SIZE, true);
		int status = command(READ_SECTORS, sector, piece);
		for (uint32_t i = 0; i < piece; i++, to = (char *) to + SECTOR_SIZE) {
			if ((r = verdict(i ? wait() : status, STATUS_DRQ)) < 0 ||
			    (r = sys_ports_read(DATA, WIDTH, to, SECTOR_SIZE / WIDTH)) < 0)
				return r;
		}
		sector += piece;
		n -= piece;
	}
	return r;
}

int
disk_write(uint32_t sector, const void *from, size_t n)
{
	int r = is_range(sector, n) ? 0 : -E_INVAL;

	while (r == 0 && n > 0) {
		const uint32_t piece = MIN(n, PIECE);
		touch(from, piece * SECTOR_SIZE, false);
		int status = command(WRITE_SECTORS, sector, piece);
		for (uint32_t i = 0; i < piece; i++, from = (const char *) from + SECTOR_SIZE) {
			if ((r = verdict(i ? wait() : status, STATUS_DRQ)) < 0 ||
			    (r = sys_ports_write(DATA, WIDTH, from, SECTOR_SIZE / WIDTH)) < 0)
				return r;
		}
		r = verdict(wait(), 0);
		sector += piece;
		n -= piece;
	}
	return r;
}

int
disk_flush(void)
{
	return verdict(command(FLUSH_CACHE, 0, 0), 0);
}
