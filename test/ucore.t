#!/usr/bin/perl
# uCore's programs run with their own results, on one CPU and on several; programs from elsewhere build
# and run as they are; and grade-ucore fails what is broken, only that.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

build();
my $tree = copy_of_tree('built');
my @graded = qw(badsegment divzero softint faultread faultreadkernel hello testbss pgdir yield badarg exit
    spin waitkill forktest forktree);

# A machine whose clock counts instructions, so that shares of a CPU do not depend on this one's load.
my $exact = '-icount shift=0,sleep=off -accel tcg,thread=single';

sub boot {
	my ($name, @variables) = @_;

	return make({ dir => $tree, deadline => 90 }, '-s', "run-$name", 'PERSONALITY=ucore', @variables);
}

# What every run shows that ends well.
sub around {
	my ($name) = @_;

	return ("kernel_execve: pid = 2, name = \"$name\"\\.", 'all user-mode processes have quit\.',
	    'init check memory pass\.');
}

# Put a source into the copy.
sub program {
	my ($name, $source) = @_;

	spew("$tree/user/ucore/$name.c", $source);
}

for my $cpus (1, 2, 4) {
	my $job = run({ dir => $tree, deadline => 300 }, $^X, 'grade-ucore', "CPUS=$cpus");
	my @expected = map { ("$_:" . ' ' x (24 - length) . '(Ns)', '  -check result:' . ' ' x 29 . 'OK',
	    '  -check output:' . ' ' x 29 . 'OK') } @graded;

	is($job->{status}, 0, "grade-ucore passes on $cpus CPUs") or $job->show;
	is_deeply([map { s/\d+\.\d/N/r } grep { !/^conf/ } split /\n/, $job->{out}],
	    [@expected, 'Total Score: 150/150'], 'and prints the known lines and no others');
}

for my $cpus (1, 2, 4) {
	my $matrix = boot('matrix', "CPUS=$cpus");
	my $sleep = boot('sleep', "CPUS=$cpus");
	my $sleepkill = boot('sleepkill', "CPUS=$cpus");
	my $priority = boot('priority', "CPUS=$cpus", $cpus == 1 ? "QEMUEXTRA=$exact" : ());

	shows($matrix, "matrix on $cpus CPUs", around('matrix'), 'fork ok\.',
	    map({ sprintf('pid \d+ is running \(%d times\)!\.', 10 * $_) } 1 .. 21), 'matrix pass\.');
	is(scalar lines_of($matrix, qr/^pid \d+ done!\.$/), 21, 'all of it');
	shows($sleep, "sleep on $cpus CPUs", around('sleep'),
	    map({ "sleep $_ x 100 slices\\." } 1 .. 10), 'use 1[0-4]\d\d msecs\.', 'sleep pass\.');
	shows($sleepkill, "sleepkill on $cpus CPUs", around('sleepkill'), 'sleepkill pass\.');
	shows($priority, "priority on $cpus CPUs", around('priority'), 'main: wait pids over',
	    'sched result: .*');
	is(scalar lines_of($priority, qr/^child pid \d+, acc \d+, time \d+$/), 5, 'with five children');
	next if $cpus > 1;	# who has a CPU alone needs no share of it
	shows($priority, 'whose shares are as their priorities', 'sched result: 1 2 3 4 5');
}

subtest 'programs from elsewhere' => sub {
	program('outside', <<~'END');
		#include <defs.h>
		#include <error.h>
		#include <file.h>
		#include <lock.h>
		#include <stat.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <syscall.h>
		#include <ulib.h>
		#include <unistd.h>
		#include <x86.h>

		#define printf(...) fprintf(1, __VA_ARGS__)

		const int max_child = 3;
		int unused;

		int
		main(void) {
		    int n, pid;
		    static_assert(sizeof(int) == 4);
		    for (n = 0; n < max_child; n ++) {
		        if ((pid = fork()) == 0) {
		            cprintf("I am child %d\n", n);
		            exit(0);
		        }
		        assert(pid > 0);
		    }
		    for (; n > 0; n --) {
		        if (wait() != 0) {
		            panic("wait stopped early\n");
		        }
		    }
		    if (wait() == 0) {
		        panic("wait got too many\n");
		    }
		    uint64_t big = 10000000000ULL;
		    uint32_t rest = do_div(big, 7);
		    printf("outside %d %llu %u %e.\n", ROUNDUP(5, 4), big, rest, -E_KILLED);
		    return 0;
		}
		END
	my $outside = boot('outside');
	succeeds($outside, 'build and run');
	shows($outside, 'with what they print', around('outside'), map({ "I am child $_" } 0 .. 2),
	    'outside 8 1428571428 4 process is killed\.');

	# A main that falls off its end, names that Faultline has, too, and warnings.
	program('careless', <<~'END');
		#include <ulib.h>
		#include <stdio.h>
		int sys_page_alloc = 7, umain, thisenv, proc_fork;
		static void region_add(void) { umain += 1; }
		int main() { int x; unsigned y = -1; if (y < 0) x = 1; region_add();
		    cprintf("careless %d %d\n", sys_page_alloc, umain); exit(0); }
		END
	shows(boot('careless'), 'warnings and the same names are no trouble', around('careless'), 'careless 7 1');
	unlink map { "$tree/user/ucore/$_.c" } qw(outside careless);
};

subtest 'the interface' => sub {
	program('interface', <<~'END');
		#include <error.h>
		#include <file.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <syscall.h>
		#include <ulib.h>
		#include <unistd.h>

		static int
		run(int (*f)(int), int arg)
		{
		    int code = 77, pid = fork();
		    if (pid == 0)
		        exit(f(arg));
		    assert(pid > 0 && waitpid(pid, &code) == 0);
		    return code;
		}

		static int again(int n) {
		    char number[10];
		    snprintf(number, sizeof number, "%d", n);
		    cprintf("before exec I am %d\n", getpid());
		    exec("/bin/interface", "again", number);
		    return -1;
		}
		static int missing(int n) { return exec("missing"); }
		static int long_name(int n) {
		    char name[200];
		    memset(name, 'x', sizeof name);
		    name[199] = 0;
		    return exec(name);
		}
		static int kill_me(int n) { kill(getpid()); return n; }
		static int give_up(int n) { panic("with %d", n); }
		static int fault(int n) { return *(volatile int *) n; }
		static int divide(int n) { return 5 / *(volatile int *) &n; }
		static int kill_init(int n) { return kill(1); }
		static int deep_stack(int n) { volatile int a[250]; a[0] = n; return n ? deep_stack(n - 1) + a[0] - n : 5; }
		static int lazy_store(int n) { // the store is where the stack has not been yet
		    int *low = (int *) ((char *) &n - 200000);
		    int pid = fork();
		    if (pid == 0)
		        exit(9);
		    return waitpid(pid, low) == 0 ? *low : -1;
		}
		static int sem, mutex;
		static int counted(int n) { sem_wait(sem); return n; }
		static int orphans(int n) {
		    for (int i = 0; i < n; i++)
		        if (fork() == 0) {
		            sleep(20 * i);
		            exit(i);
		        }
		    return n;
		}
		static int grandchild(int n) {
		    int pid = fork();
		    if (pid == 0) {
		        sleep(50);
		        exit(0);
		    }
		    return pid;
		}

		int
		main(int argc, char **argv)
		{
		    int code, pid;

		    if (argc == 3 && strcmp(argv[1], "again") == 0) {
		        cprintf("after exec I am %d: %s\n", getpid(), argv[2]);
		        return strtol(argv[2], NULL, 0) + 1;
		    }
		    cprintf("codes %d %d %d %d %d %d %d %d %d %d\n", -E_BAD_PROC, -E_INVAL, -E_NO_MEM, -E_NO_FREE_PROC,
		        -E_FAULT, -E_INVAL_ELF, -E_KILLED, -E_PANIC, -E_TIMEOUT, -E_NOENT);
		    cprintf("[%5d|%-5d|%05d|%x|%#x|%p|%c|%s|%.2s|%e|%%]\n", 42, 42, 42, 255, 255, (void *) 16, 'c', "str",
		        "string", E_NO_MEM);

		    assert(run(again, 41) == 42);
		    assert(run(missing, 0) == -E_NOENT && run(long_name, 0) == -E_NOENT);
		    assert(run(kill_me, 3) == -E_KILLED && run(kill_init, 0) == -E_INVAL);
		    assert(run(give_up, 3) == -E_PANIC && run(fault, 8) == -E_KILLED && run(divide, 0) == -E_KILLED);
		    assert(run(deep_stack, 200) == 5 && run(lazy_store, 0) == 9);
		    cprintf("processes pass.\n");

		    // Marked, and still there; then gone.
		    pid = fork();
		    if (pid == 0)
		        exit(6);
		    sleep(50);
		    assert(kill(pid) == -E_KILLED && waitpid(pid, &code) == 0 && code == 6 && kill(pid) == -E_INVAL);

		    // A grandchild is nobody's to wait for but its parent's.
		    pid = run(grandchild, 0);
		    assert(pid > 0 && waitpid(pid, NULL) == -E_BAD_PROC);
		    assert(run(orphans, 5) == 5 && wait() == -E_BAD_PROC);

		    // As many as there can be, which then all end.
		    int many[1024], n = 0;
		    while ((pid = fork()) > 0)
		        many[n++] = pid;
		    if (pid == 0)
		        sleep(~0);
		    assert(n > 100 && (pid == -E_NO_FREE_PROC || pid == -E_NO_MEM));
		    for (int i = 0; i < n; i++)
		        assert(kill(many[i]) == 0);
		    for (int i = 0; i < n; i++)
		        assert(waitpid(many[i], &code) == 0 && code == -E_KILLED);
		    assert(wait() == -E_BAD_PROC);
		    cprintf("family pass.\n");

		    sem = sem_init(0);
		    mutex = sem_init(1);
		    assert(sem >= 0 && mutex >= 0 && sem != mutex);
		    int waiting[4];
		    for (int i = 0; i < 4; i++)
		        if ((waiting[i] = fork()) == 0)
		            exit(counted(i));
		    sleep(50);
		    for (int i = 0; i < 4; i++)
		        assert(sem_post(sem) == 0);
		    for (int i = 0; i < 4; i++)
		        assert(waitpid(waiting[i], &code) == 0 && code == i);
		    assert(sem_wait(mutex) == 0 && sem_wait_timeout(mutex, 10) == -E_TIMEOUT && sem_post(mutex) == 0);
		    assert(sem_free(mutex) == 0 && sem_wait(mutex) == -E_INVAL && sem_free(mutex) == -E_INVAL);
		    assert(sem_wait(12345) == -E_INVAL && sem_post(-1) == -E_INVAL && sem_init(-1) == -E_INVAL);
		    for (n = 0; (code = sem_init(0)) >= 0; n++)
		        many[n] = code;
		    assert(n > 30 && code == -E_NO_MEM);
		    while (n-- > 0)
		        assert(sem_free(many[n]) == 0);
		    cprintf("semaphores pass.\n");

		    int fd = open("stdout:", O_WRONLY);
		    assert(fd > 2 && write(fd, "by a descriptor\n", 16) == 16 && close(fd) == 0);
		    assert(close(fd) == -E_INVAL && open("file", O_RDONLY) == -E_NOENT);
		    assert(write(99, "x", 1) == -E_INVAL);
		    cprintf("descriptors pass.\n");

		    assert(sys_getpid() == getpid() && sys_kill(9999) == -E_INVAL && sys_sleep(10) == 0 && sys_yield() == 0);
		    warn("a warning, %d", 5);
		    sys_exit(0);
		}
		END
	for my $cpus (1, 2, 4) {
		my $job = boot('interface', "CPUS=$cpus");

		shows($job, "keeps its promises on $cpus CPUs", around('interface'),
		    'codes -2 -3 -4 -5 -6 -8 -9 -10 -11 -16',
		    '\[   42\|42   \|00042\|ff\|0xff\|0x10\|c\|str\|st\|out of memory\|%\]',
		    (map { "$_ pass\\." } qw(processes family semaphores descriptors)), 'by a descriptor',
		    'user warning at user/ucore/interface\.c:\d+:', '    a warning, 5',
		    'user panic at user/ucore/interface\.c:\d+:', '    with 3');
		my ($before) = $job->{out} =~ /^before exec I am (\d+)$/m;
		shows($job, 'exec keeps the pid', "after exec I am $before: 41") if defined $before;
		is(scalar lines_of($job, qr/panic/), 1, 'and nothing else panics');
		is(scalar lines_of($job, qr/^kernel_execve/), 1, 'one program is the first');
	}
	unlink "$tree/user/ucore/interface.c";
};

subtest 'bad names' => sub {
	my $none = boot('xyzzy');
	fails($none, 'there is no such program');
	like($none->{out}, qr{user/ucore/xyzzy\.c}, 'which the message says');
};

# Change a file of the copy, or with nothing to change, make it what it was.
my %original;

sub change {
	my ($file, $from, $to) = @_;
	my $source = $original{$file} //= slurp("$tree/$file");

	if (defined $from) {
		$source =~ s/$from/$to/ or die "$file has no $from\n";
	}
	spew("$tree/$file", $source);
}

sub grade {
	return run({ dir => $tree, deadline => 300 }, $^X, 'grade-ucore', @_);
}

subtest 'grade-ucore can fail' => sub {
	change('user/ucore/hello.c', qr/hello pass/, 'hello passes');
	change('user/ucore/divzero.c', qr{one / zero}, 'one');
	change('user/ucore/forktest.c', qr/exit\(i\);/, 'exit(i + 1);');
	my $job = grade(qw(hello exit divzero forktest));

	is($job->{status}, 1, 'the status says so') or $job->show;
	is(join(' ', map { /^  -check (\w+): +WRONG$/ ? $1 : () } split /\n/, $job->{out}),
	    'result result result', 'what is broken does not pass');
	is(join(' ', map { /^  -check (\w+): +OK$/ ? $1 : () } split /\n/, $job->{out}),
	    'output output result output output', 'and the rest does');
	shows($job, 'they lose their points', 'Total Score: 19/40');
	shows($job, 'and the reasons are there', '   !! error: missing: hello pass\.',
	    '   !! error: missing:   trap 0x00000000 Divide error', '   !! error: must not appear: value is 1\.',
	    '   !! error: missing: forktest pass\.', '    \| hello passes\.');
	change("user/ucore/$_.c") for qw(hello divzero forktest);

	change('user/ucoreinit.c', qr/check_pgdir\(\) succeeded/, 'check_pgdir() ended');
	$job = grade('hello');
	shows($job, 'a check that has not been made', 'Total Score: 7/10',
	    '  -check result: +OK', '  -check output: +WRONG', '   !! error: missing: check_pgdir\(\) succeeded!');
	change('user/ucoreinit.c');

	my $part = grade('--tap', 'exit', 'spin');
	shows($part, '--tap', '1\.\.2', 'ok 1 - exit .*', 'ok 2 - spin .*', '# Total Score: 20/20');
	is(grade('nothing')->{status}, 2, 'nothing is graded when no test has the name');
};

subtest 'init check memory' => sub {
	program('keeper', <<~'END');
		#include <file.h>
		#include <ulib.h>
		int main(void) { assert(write(1, "by way of init\n", 15) == 15); return 0; }
		END
	shows(boot('keeper'), 'passes when all is well', 'by way of init', around('keeper'));
	change('lib/proctable.c', qr/sys_page_unmap\(0, window\(t\)\)/, 'link_alone(&t->queue)');
	my $job = boot('keeper');
	shows($job, 'finds a page that init keeps', 'by way of init', '.*user panic in ucoreinit .*: init keeps 1 pages');
	hides($job, 'and does not pass', qr/init check memory pass/);
	change('lib/proctable.c');
};

done_testing;
