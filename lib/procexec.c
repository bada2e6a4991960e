// Processes that run programs of the archive.

#include "lib/proc.h"

// Load a program, and tell init its name.
static envid_t
load(const char *name, char *const argv[])
{
	int r;

	if (!thisenv->env_keeper)
		return -E_BAD_ENV;
	if ((r = _proc_window()) < 0)
		return r;
	strlcpy((char *) PROC_WINDOW, name, PROC_NAME);
	return _image_load(name, argv, 1);
}

pid_t
proc_spawn(const char *name, char *const argv[])
{
	const envid_t child = load(name, argv);
	pid_t pid;
	int r;

	if (child < 0)
		return child;
	if ((pid = _proc_call(OP_FORK, ENVX(child))) < 0 ||
	    ((r = _proc_call(OP_SPAWN, ENVX(child))) < 0 && _proc_call(OP_ABANDON, pid) != pid)) {
		sys_env_destroy(child);
		return pid < 0 ? pid : r;
	}
	return pid;
}

int
proc_exec(const char *name, char *const argv[])
{
	const envid_t image = load(name, argv);
	int r;

	if (image < 0)
		return image;
	r = _proc_call(OP_EXEC, ENVX(image));
	sys_env_destroy(image);
	return r;
}

void
proc_run_init(const struct ProcConfig *config, const char *name, char *const argv[])
{
	envid_t child;
	int r;

	if ((child = _image_load(name, argv, 1)) < 0)
		panic("%s: %e", name, child);
	_init_prepare(config);
	_init_adopt(child, name);
	if ((r = sys_env_set_status(child, ENV_RUNNABLE)) < 0)
		panic("%s: %e", name, r);
	_init_run();
}
