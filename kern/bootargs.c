// The kernel's command line.  It comes from the boot loader (ours takes it from the second
// sector of the disk) and from QEMU's firmware configuration device, where `make run-NAME' puts
// it, so that one image serves every run.
// Source: QEMU documentation, docs/specs/fw_cfg.

#include "kern/bootargs.h"

#include "inc/assert.h"
#include "inc/multiboot.h"
#include "inc/string.h"
#include "inc/x86.h"
#include "kern/mem.h"

#define IMAGE_FORMAT 1 // the newest that this kernel knows; conf/mkimage writes it

#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA 0x511
#define FW_CFG_SIGNATURE 0x0000
#define FW_CFG_DIRECTORY 0x0019
#define FW_CFG_FILE "opt/faultline/cmdline"

#define INIT "init="
#define BATCH "batch"
#define QUIET "quiet"
#define PLAIN "plain"
#define IMAGE "image="

char bootargs_init_names[256] = "hello";
bool bootargs_batch;
bool bootargs_quiet;
bool bootargs_plain;
static long image_format; // what the boot sector's line says

static void
word(const char *w)
{
	if (strncmp(w, INIT, strlen(INIT)) == 0) {
		strlcpy(bootargs_init_names, w + strlen(INIT), sizeof bootargs_init_names);
	} else if (strcmp(w, BATCH) == 0) {
		bootargs_batch = true;
	} else if (strcmp(w, QUIET) == 0) {
		bootargs_quiet = true;
	} else if (strcmp(w, PLAIN) == 0) {
		bootargs_plain = true;
	} else if (strncmp(w, IMAGE, strlen(IMAGE)) == 0) {
		image_format = strtol(w + strlen(IMAGE), NULL, 10);
	}
}

// Take the words of a line apart, in place.
static void
words(char *line)
{
	while (*line) {
		char *end = strfind(line, ' ');
		bool more = *end == ' ';

		*end = '\0';
		word(line);
		line = more ? end + 1 : end;
	}
}

static void
fw_cfg_read(void *dst, size_t n)
{
	uint8_t *to = dst;

	while (n-- > 0)
		*to++ = inb(FW_CFG_DATA);
}

static uint32_t
big_endian(const uint8_t *bytes, int n)
{
	uint32_t value = 0;

	for (int i = 0; i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

// Read the file that QEMU was given for us, if this is QEMU and there is one.
static void
fw_cfg_line(char *line, size_t size)
{
	struct {
		uint8_t size[4], select[2], reserved[2];
		char name[56];
	} file;
	uint8_t count[4];
	char signature[4];

	line[0] = '\0';
	outw(FW_CFG_SELECT, FW_CFG_SIGNATURE);
	fw_cfg_read(signature, sizeof signature);
	if (memcmp(signature, "QEMU", sizeof signature) != 0)
		return;
	outw(FW_CFG_SELECT, FW_CFG_DIRECTORY);
	fw_cfg_read(count, sizeof count);
	for (uint32_t n = big_endian(count, sizeof count); n > 0; n--) {
		fw_cfg_read(&file, sizeof file);
		if (strncmp(file.name, FW_CFG_FILE, sizeof file.name) != 0)
			continue;
		size_t length = MIN(big_endian(file.size, sizeof file.size), size - 1);
		outw(FW_CFG_SELECT, big_endian(file.select, sizeof file.select));
		fw_cfg_read(line, length);
		line[length] = '\0';
		return;
	}
}

void
bootargs_init(const struct Multiboot *mb)
{
	char line[512];

	if (mb->mb_flags & MULTIBOOT_CMDLINE) {
		strlcpy(line, KADDR(mb->mb_cmdline), sizeof line);
		words(line);
	}
	fw_cfg_line(line, sizeof line);
	words(line);
	// Only now is it known whether somebody is there to read a panic.
	if (image_format > IMAGE_FORMAT)
		panic("this kernel is too old for its image (format %d, and it knows %d): "
		      "build both with make",
		      (int) image_format, IMAGE_FORMAT);
}
