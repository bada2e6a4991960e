// The driver of the data disk, the drive of inc/device.h: sectors of 512 bytes, numbered from 0.
//
// Only envs that have been given the device can use it (sys_env_give_device); the first program
// has it.  A command of one env must be over before another env begins one: who shares the disk
// must agree on whose turn it is, best by letting one env serve the others.

#ifndef FAULTLINE_INC_DISK_H
#define FAULTLINE_INC_DISK_H

#include "inc/types.h"

#define SECTOR_SIZE 512
#define DISK_MAX 0x0fffffff // sectors; an address has 28 bits

// All return a negative error when they fail:
//	-E_NOT_SUPP	this env has not been given the device
//	-E_NOT_FOUND	no disk answers
//	-E_TIMEOUT	the disk has not finished in DISK_PATIENCE cycles of the clock
//	-E_IO		the disk reports an error, as for a sector that it does not have
// and the next call is not hindered by that, nor by a command that an env did not live to finish.
#define DISK_PATIENCE 20000000000ull

// How many sectors the disk has.
int disk_size(void);

// Read n sectors, from number `sector' on, to the memory at `to', or write those at `from' to them;
// returns 0.  After an error, some of it may have been done.  The memory is touched as by the caller
// itself: what is not there is a page fault of its own.
//	-E_INVAL	these are no sectors of any disk
//	-E_FAULT	the memory was taken away meanwhile
int disk_read(uint32_t sector, void *to, size_t n);
int disk_write(uint32_t sector, const void *from, size_t n);

// Wait until all that was written is where it stays when the power goes; returns 0.
int disk_flush(void);

#endif
