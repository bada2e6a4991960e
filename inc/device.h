// The device that the kernel gives to programs: the drive on the secondary IDE channel.
//
// The kernel knows where its registers are, and nothing else; the driver is a library (disk.h).
// These are the registers of programmed I/O.  Those of the bus master are not among them: with
// them, a drive reads and writes any frame there is.  Nor are those of the primary channel, from
// which the machine starts.
// Source: ATA/ATAPI-6 (T13 1410D), 7, command block and control block registers.

#ifndef FAULTLINE_INC_DEVICE_H
#define FAULTLINE_INC_DEVICE_H

#define DEVICE_COMMAND 0x170 // the first of the ports of the command block,
#define DEVICE_NCOMMAND 8    // and how many there are
#define DEVICE_CONTROL 0x376 // the one port of the control block

#endif
