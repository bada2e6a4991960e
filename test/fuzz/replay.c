// Run a target over files and folders of inputs, without libFuzzer: for compilers that have none,
// and for `make coverage'.

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ninputs;

static void
replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");

	if (!f || !data || fread(data, 1, size, f) != size) {
		perror(path);
		exit(2);
	}
	fclose(f);
	fprintf(stderr, "%s\n", path); // the last one seen is the one that failed
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	ninputs++;
}

static void
replay(const char *path)
{
	struct dirent *entry;
	struct stat st;
	char name[4096];
	DIR *dir;

	if (stat(path, &st) < 0) {
		perror(path);
		exit(2);
	}
	if (!(dir = opendir(path))) {
		replay_file(path, st.st_size);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		replay(name);
	}
	closedir(dir);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%s: %u inputs\n", argv[0], ninputs);
	return 0;
}
