#!/usr/bin/perl
# A kernel that checks every invariant after every trap, and traps on undefined behaviour, runs
# the programs that ask the most of it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

my @checked = qw(OBJDIR=obj/checked CHECK=1 UBSAN=1);

my $build = run({ deadline => 120 }, qw(make -s -j2), @checked);
succeeds($build, 'a kernel with CHECK=1 UBSAN=1 builds');
for my $name (qw(forktree syscalls protect sforktest sysenter states tlbshoot ranges orphans flags)) {
	my $job = run({ deadline => 120 }, qw(make -s), @checked, 'CPUS=2', "run-$name");
	shows($job, "$name on 2 CPUs", $name eq 'forktree' ? qr/....: I am '111'/ : "$name: OK");
	hides($job, "$name finds nothing wrong", qr/.*kernel panic.*/);
}
done_testing();
