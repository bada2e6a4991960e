#!/usr/bin/perl
# Copy-on-write: each transition of doc/cow.md, what it is counted as, and the races that it must not
# lose.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use File::Temp qw(tempdir);
use Test::More;

use constant RACES => 12;	# dirtycow's: naive ones and ours
use constant LONG => 600;	# seconds, where the host has other things to do

build();
my $dir = tempdir('faultline-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# Two of its children are to end: one that finds no frame, and one that cannot be told of its fault.
for my $cpus (1, 2, 4) {
	my $job = make({ deadline => 240 }, '-s', 'run-cowtrans', "CPUS=$cpus", "DISK=$dir/disk");

	shows($job, "cowtrans walks all transitions on $cpus CPUs",
	    'cowtrans: a disk\'s sector in a page that waited', 'cowtrans: OK');
	is_deeply([map { /: (copy on write of 0x20000000: out of memory)$/ ? $1 : $_ }
	    lines_of($job, qr/user panic/)], ['copy on write of 0x20000000: out of memory'],
	    "one child finds no frame on $cpus CPUs");
	is(scalar lines_of($job, qr/user_mem_check assertion failure/), 1,
	    "one has no exception stack to write to on $cpus CPUs");
}

for my $cpus (1, 2, 4) {
	my $job = make('-s', 'run-cowstat', "CPUS=$cpus");

	shows($job, "cowstat counts its tree of forks on $cpus CPUs",
	    'cowstat: program 1: 0 copied, 10 taken back', 'cowstat: program 7: 10 copied, 0 taken back',
	    'cowstat: OK: 6 forks of 32 pages and more, 60 pages copied, 30 taken back');
	succeeds($job, "cowstat ends well on $cpus CPUs");
}

# What dirtycow says of its races, as [who, violations, rounds].
sub races_of {
	my ($job) = @_;

	return map { /^dirtycow: .*: (.*): (\d+) violations in (\d+) rounds$/ ? [$1, $2, $3] : () }
	    lines_of($job, qr/violations in/);
}

for my $cpus (1, 2) {
	my $job = make({ deadline => LONG }, '-s', 'run-dirtycow', "CPUS=$cpus");
	my @orders = map { /naive (\d+), ours (\d+) of 924/ ? [$1, $2] : () } lines_of($job, qr/of 924/);
	my @races = races_of($job);

	shows($job, "dirtycow says OK on $cpus CPUs", 'dirtycow: OK');
	succeeds($job, "dirtycow ends well on $cpus CPUs");
	is(scalar @orders, 5, "all orders of five races on $cpus CPUs");
	is(scalar(grep { $_->[0] > 0 && $_->[1] == 0 } @orders), 5, 'in which what is naive fails, and ours does not');
	if ($cpus == 1) {
		shows($job, 'nothing is claimed on one CPU',
		    'dirtycow: one CPU: nothing runs at the same time, and nothing is claimed');
		is(scalar @races, 0, 'and nothing counted');
		next;
	}
	is(scalar @races, RACES, "all races on $cpus CPUs");
	my @naive = grep { $_->[0] =~ /^naive/ } @races;
	my @ours = grep { $_->[0] !~ /^naive/ } @races;
	is(scalar(grep { $_->[1] == 0 } @naive), 0, 'what is naive is seen to fail');
	is(scalar(grep { $_->[1] > 0 || $_->[2] < 100_000 } @ours), 0, 'ours is not');
	is(scalar(grep { $_->[2] < 1_000_000 } @ours), 0, 'in 1,000,000 rounds of each, by pagers and by the library');
}
done_testing;
