// The first program of a machine for uCore's programs: starts the one that it is told.

#include "inc/image.h"
#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	char name[56];
	envid_t id;

	if (argc < 2)
		panic("which program?");
	strlcpy(name, "ucore/", sizeof name);
	strlcpy(name + strlen(name), argv[1], sizeof name - strlen(name));
	if ((id = _image_load(name, (char *[]){argv[1], NULL}, 1)) < 0)
		panic("%s: %e", name, id);
	sys_env_set_status(id, ENV_RUNNABLE);
	while (envs[ENVX(id)].env_id == id && envs[ENVX(id)].env_status != ENV_FREE)
		sys_yield();
}
