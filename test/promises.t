#!/usr/bin/perl
# Attack the kernel: run each program that tries to break it, on 1, 2 and 4 CPUs.
#
#	prove test/promises.t
#	perl test/promises.t [NAME...]	only these programs
#	CPUS=n				only on so many CPUs
#	VAR=VALUE...			anything else, through the environment, as make takes it
#
# A program says `NAME: OK' as its last word when the kernel did what it must.  Its children may
# be killed by the kernel, so the exit status of the run says nothing; the console does.

use strict;
use warnings;
use FindBin;
use Test::More;
use Time::HiRes qw(time);

use constant PATIENCE => 120;	# seconds for one run

# What a program needs beside its name: make's variables; dumps, the least number of register
# dumps that must be seen; panics, when children may die of a shortage and say so.
my @programs = (
	{ name => 'tlbshoot' },
	{ name => 'states' },
	{ name => 'orphans' },
	{ name => 'xstack' },
	{ name => 'badrange' },
	{ name => 'intn', dumps => 255 },
	{ name => 'privileged', dumps => 150 },
	{ name => 'sysenter', dumps => 12 },
	{ name => 'segments', dumps => 250 },
	{ name => 'stackregs', dumps => 22 },
	{ name => 'flags', dumps => 90 },
	{ name => 'fpupending' },
	{ name => 'randomcode' },
	{ name => 'fresh' },
	{ name => 'leaks', make => ['MEM=32M'], panics => 1 },
	{ name => 'unfair' },
	{ name => 'soak', panics => 1 },
);
my @cpus = $ENV{CPUS} ? $ENV{CPUS} : (1, 2, 4);
delete $ENV{CPUS};

# The console of a run, and what conf/qemu thought of it: 0 or 1, or a run that failed.
sub run {
	my ($program, $cpus) = @_;

	local $ENV{QEMUTIMEOUT} = PATIENCE;
	local $ENV{MAKEFLAGS} = '';
	open my $make, '-|', "exec make -s run-$program->{name} CPUS=$cpus @{$program->{make} || []} </dev/null 2>&1"
	    or die "make: $!\n";
	local $/;
	my $console = <$make>;
	close $make;
	return ($console, $? == 0 ? 0 : $console =~ /\*\*\* .*\] Error (\d+)/ ? $1 : -1);
}

# Why this console is not that of a kernel that has kept its promises.
sub reasons {
	my ($program, $cpus, $console, $status) = @_;
	my $name = $program->{name};
	my @reasons;

	push @reasons, $1 while $console =~ /(kernel panic on CPU.*|no way to go on.*)/g;
	push @reasons, $1 while $console =~ /^(.*\[00001000\] user panic in.*)/mg;
	push @reasons, $1 while !$program->{panics} && $console =~ /^(.*(?!\[00001000\])\[\w{8}\] user panic in.*)/mg;
	push @reasons, "conf/qemu ended with status $status" if $status != 0 && $status != 1;
	push @reasons, "not on $cpus CPU(s)" if $console !~ /^SMP: CPU 0 found $cpus CPU\(s\)\r?$/m;
	push @reasons, "no line `$name: OK'" if $console !~ /^$name: OK\r?$/m;
	push @reasons, 'some program was still there at the end'
	    if $console !~ /^No runnable environments in the system!\r?$/m;
	my $dumps = () = $console =~ /^.*TRAP frame at/mg;
	push @reasons, "$dumps register dumps, not $program->{dumps}" if $dumps < ($program->{dumps} || 0);
	return @reasons;
}

sub last_lines {
	my @lines = split /\n/, $_[0] =~ s/\r//gr =~ s/[^\n\t -~]/?/gr;

	return join "\n", splice @lines, @lines > 40 ? -40 : 0;
}

chdir "$FindBin::Bin/.." or die "test/promises.t: $!\n";
my %chosen = map { $_ => 1 } @ARGV;
my @chosen = grep { !%chosen || $chosen{$_->{name}} } @programs;

plan tests => @chosen * @cpus;
for my $program (@chosen) {
	for my $cpus (@cpus) {
		my $start = time;
		my ($console, $status) = run($program, $cpus);
		my @reasons = reasons($program, $cpus, $console, $status);

		ok(!@reasons, sprintf '%s on %d CPU(s) (%.1fs)', $program->{name}, $cpus, time - $start);
		diag(join "\n", @reasons, 'The console ended with:', last_lines($console)) if @reasons;
	}
}
