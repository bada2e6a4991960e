#!/usr/bin/perl
# Programs of the archive, loaded by a library; and programs for other systems, built from their sources as
# they are.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

build();

for my $cpus (1, 2, 4) {
	my $job = make('-s', 'run-loader', "CPUS=$cpus");

	shows($job, "loader says OK on $cpus CPUs", 'loader: OK');
	my ($now) = $job->{out} =~ /^loader: at once takes (\d+) frames$/m;
	my ($later) = $job->{out} =~ /^loader: lazily takes (\d+) frames$/m;
	cmp_ok($later // 99, '<=', 8, 'a program that is loaded on demand begins with few frames');
	cmp_ok($now // 0, '>', $later // 99, 'one that is loaded at once has them all');
}

subtest 'names' => sub {
	for my $case (['run-xyzzy', 'ucore', qr{no user/ucore/xyzzy\.c; programs are: .*\bhello\b}],
	    ['run-loader', 'xv6', qr{no user/xv6/loader\.c;}],
	    ['run-xyzzy-nox', 'xv6', qr{no user/xv6/xyzzy\.c;}],
	    ['prep-xyzzy', 'ucore', qr{no user/ucore/xyzzy\.c;}],
	    ['run-hello', 'multics', qr{no PERSONALITY=multics; there are: ucore xv6}]) {
		my ($target, $personality, $pattern) = @$case;
		my $job = make({ deadline => 10 }, $target, "PERSONALITY=$personality");

		fails($job, "$target of $personality is refused");
		is(scalar lines_of($job, qr/./), 1, 'in one line') or $job->show;
		like($job->{out}, $pattern, 'that says why');
	}
	my $ours = make({ deadline => 10 }, 'run-xyzzy');
	unlike($ours->{out}, qr{ucore/|xv6/}, 'our programs are listed without them');
};

# Sources that know nothing of this tree, with names that its library has, too.
subtest 'sources from outside' => sub {
	my $tree = copy_of_tree('built');

	spew("$tree/user/ucore/outside.c", <<'EOF');
#include <stdio.h>
#include <ulib.h>
int thisenv = 5, region_add[3], envs = 7;
unsigned long long big = 10000000019ULL;
static int sys_yield(void) { return 3; }
int panic_count; int libmain(void); int region_fill(int n) { return n + sys_yield(); }
int libmain(void) { return region_fill(envs) + thisenv; }
int main(void) { int unused;
  cprintf("outside: %d %u\n", libmain(), (unsigned) (big / 10000000)); exit(0); }
EOF
	spew("$tree/user/xv6/outside.c", <<'EOF');
#include "kernel/types.h"
#include "user/user.h"
int fork_count = 1;
int
main(int argc, char *argv[])
{
  uint n = argc;
  printf("outside: %s %d %d\n", argv[0], n, fork_count);
  exit(0);
}
EOF
	for (['ucore', 'outside: 15 1000'], ['xv6', 'outside: outside 1 1']) {
		my ($personality, $line) = @$_;
		my $job = make({ dir => $tree }, 'run-outside', "PERSONALITY=$personality");

		shows($job, "one for $personality runs without an edit", $line);
		succeeds($job, 'and ends well');
	}
	spew("$tree/user/ucore/astray.c", "#include <unistd.h>\n#include <sys/types.h>\nint main;\n");
	my $astray = make({ dir => $tree }, 'run-astray', 'PERSONALITY=ucore');
	fails($astray, 'no header comes from the machine that builds');
	shows($astray, 'which is said', '.*astray\.c:\d.*: No such file or directory');
};

done_testing();
