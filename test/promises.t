#!/usr/bin/perl
# Attack the kernel: run each program that tries to break it, on 1, 2 and 4 CPUs.
#
#	prove test/promises.t
#	perl test/promises.t [-c CPUS] [-d SECONDS] [NAME...]	only these programs, or so many
#								CPUs; the deadline of a run
#
# A program says `NAME: OK' as its last word when the kernel did what it must.  Its children may
# be killed by the kernel, so the exit status of the run says little; the console does.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use File::Temp qw(tempdir);
use Getopt::Std;
use Test::More;

# What a program has beside its name: variables for make; dumps, the least number of register
# dumps to be seen; short, when children may die of a shortage and say so.
my $dir = tempdir('faultline-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my @programs = (
	{ name => 'tlbshoot' },
	{ name => 'ranges' },
	{ name => 'states' },
	{ name => 'orphans' },
	{ name => 'xstack' },
	{ name => 'badrange' },
	{ name => 'intn', dumps => 255 },
	{ name => 'privileged', dumps => 150 },
	{ name => 'sysenter', dumps => 12 },
	{ name => 'shortways' },
	{ name => 'archive', dumps => 1 },
	{ name => 'keeper', dumps => 300 },
	{ name => 'exceptions', dumps => 7 },
	{ name => 'segments', dumps => 250 },
	{ name => 'stackregs', dumps => 22 },
	{ name => 'flags', dumps => 90 },
	{ name => 'fpupending' },
	{ name => 'randomcode' },
	{ name => 'fresh' },
	{ name => 'disk', make => ["DISK=$dir/disk"] },
	{ name => 'leaks', make => ['MEM=32M'], short => 1 },
	{ name => 'unfair' },
	{ name => 'soak', short => 1 },
);

# Why this console is not that of a kernel that has kept its promises.
sub broken {
	my ($program, $cpus, $job) = @_;
	my ($name, $out, $status) = ($program->{name}, $job->{out}, $job->{status} // 'none');
	my @reasons;

	push @reasons, $1 while $out =~ /(kernel panic on CPU.*|no way to go on.*)/g;
	push @reasons, $1 while $out =~ /(\[(?!00001000)\w{8}\] user panic in.*)/g && !$program->{short};
	push @reasons, $1 while $out =~ /(\[00001000\] user panic in.*)/g;
	# 1, a program was killed; make says 2 in any case.
	push @reasons, "status $status" if $status ne '0' && $out !~ /\*\*\* .*\] Error 1$/m;
	push @reasons, "not on $cpus CPU(s)" if $out !~ /^SMP: CPU 0 found $cpus CPU\(s\)$/m;
	push @reasons, "no line `$name: OK'" if $out !~ /^$name: OK$/m;
	push @reasons, 'some program was there to the end'
	    if $out !~ /^No runnable environments in the system!$/m;
	my $dumps = () = $out =~ /TRAP frame at/g;
	push @reasons, "$dumps register dumps, not $program->{dumps}" if $dumps < ($program->{dumps} || 0);
	return @reasons;
}

my %opt;
getopts('c:d:', \%opt) or die "usage: promises.t [-c CPUS] [-d SECONDS] [NAME...]\n";
my %chosen = map { $_ => 1 } @ARGV;

build();
for my $program (grep { !%chosen || $chosen{$_->{name}} } @programs) {
	for my $cpus ($opt{c} || (1, 2, 4)) {
		my $job = make({ deadline => $opt{d} || 120 }, '-s', "run-$program->{name}", "CPUS=$cpus",
		    @{$program->{make} || []});
		my @reasons = broken($program, $cpus, $job);

		ok(!@reasons, "$program->{name} on $cpus CPU(s)");
		next if !@reasons;
		diag($_) for @reasons;
		$job->show;
	}
}
done_testing();
