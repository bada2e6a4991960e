#!/usr/bin/perl
# Debuggers.  Graders of other people watch a run through the gdb port: they speak the remote
# protocol themselves, and take the kernel's readline as the sign that the programs are done.
# And there is gdb, for people.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use constant DEADLINE => 30;

build();
my $tree = copy_of_tree('built');	# .gdbinit and the port in it are the user's own

# A client of the remote protocol: packets are $DATA#SUM, and + says that one has come.
# Source: the GDB manual, appendix E.

sub attach {
	my ($port) = @_;
	my $end = time + DEADLINE;

	while (time < $end) {
		my $stub = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
		return $stub if $stub;
		sleep 0.02;
	}
	return;
}

# The answer to a packet, or "nothing" after the deadline.  What the stub says on its own, as at
# the end of `c', is an answer as well.
sub packet {
	my ($stub, $data) = @_;
	my ($in, $end) = ('', time + DEADLINE);

	syswrite $stub, sprintf '$%s#%02x', $data, unpack '%8C*', $data;
	for (;;) {
		if ($in =~ /^\+*\$([^#]*)#../) {
			syswrite $stub, '+';
			return $1;
		}
		return 'nothing' unless IO::Select->new($stub)->can_read($end - time);
		sysread $stub, $in, 4096, length $in or return 'nothing';
	}
}

sub eip {
	my ($stub) = @_;

	# Registers are eight hexadecimal digits each, in the target's byte order; eip is the ninth.
	return unpack 'V', pack 'H8', substr packet($stub, 'g'), 8 * 8, 8;
}

sub symbol {
	my ($name) = @_;
	my ($address) = slurp("$tree/obj/kern/kernel.sym") =~ /^([0-9a-f]+) \S $name$/m;

	return hex($address // 0);
}

for (['hello', 1, 'i am environment 00001000'], ['pingpong', 4, '1001 got 10 from 1000']) {
	my ($program, $cpus, $line) = @$_;

	subtest "an outside grader runs $program, CPUS=$cpus" => sub {
		unlink map { "$tree/obj/kern/$_" } qw(init.o kernel kernel.sym);
		my $port = free_port();
		my $job = start({ talk => 1, dir => $tree, deadline => DEADLINE }, qw(make -s),
		    "run-$program-nox-gdb", "CPUS=$cpus", 'QEMUEXTRA+=-snapshot', "GDBPORT=$port");
		my $stub = attach($port) or return fail('the gdb port answers');
		my $readline = symbol('readline');

		ok($readline, 'kernel.sym is there once the port is');
		like(packet($stub, '?'), qr/^[ST]05/, 'the machine waits');
		hides($job, 'and has not begun', qr/SMP/);
		is(packet($stub, sprintf 'Z1,%x,1', $readline), 'OK', 'a hardware breakpoint is set');
		like(packet($stub, 'c'), qr/^T05/, 'and hit');
		is(eip($stub), $readline, 'in readline');
		ok($job->expect(qr/^No runnable environments in the system!\n/m), 'after all is done');
		shows($job, 'the console has it all', "SMP: CPU 0 found $cpus CPU\\(s\\)", $line,
		    '\[00001000\] free env 00001000', 'Welcome to the JOS kernel monitor!');
		$job->stop;
		ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port),
		    'nobody holds the port when it is ended');
	};
}

# What such a grader asks first.
is(make(qw(-s print-gdbport GDBPORT=12345))->{out}, "12345\n", 'print-gdbport tells the port');

# gdb itself, as `make gdb' starts it.
SKIP: {
	my $gdb = $ENV{GDB} // 'gdb';

	skip "no $gdb here", 1 unless run($gdb, '--version')->{status} eq '0';

	subtest 'make gdb' => sub {
		unlink "$tree/obj/gdb-program";
		my @port = 'GDBPORT=' . free_port();
		my $job = start({ talk => 1, dir => $tree }, qw(make -s run-hello-nox-gdb), @port);
		my $debugger = start({ talk => 1, dir => $tree, deadline => DEADLINE }, qw(make -s gdb), @port);
		my $umain = line_number("$tree/user/hello.c", qr/hello, world/);

		$debugger->type("$_\n") for 'set confirm off', 'set width 0', 'info line mem_init',
		    'break umain', 'continue', 'print $cs & 3', 'info symbol $pc', 'backtrace', 'next',
		    'stepi', 'step', 'hbreak readline', 'continue', 'backtrace', 'kill', 'quit';
		$debugger->finish;
		succeeds($debugger, 'gdb has done all that it was told');
		shows($debugger, 'it knows the kernel', qr/.*Line \d+ of "kern\/mem\.c" .*<mem_init>.*/);
		shows($debugger, 'it stops in the program', qr/.*Breakpoint 1, umain .* at user\/hello\.c:$umain/,
		    '\(gdb\) \$1 = 3', '\(gdb\) umain (?:\+ \d+ )?in section \.text.*');
		shows($debugger, 'and shows its calls', '.*#0  umain .*', '#1 .* in libmain .* at lib/libmain\.c:\d+');
		my $next = $umain + 1;
		shows($debugger, 'it steps over a line', "$next\t.*thisenv->env_id.*");
		shows($debugger, 'over an instruction', "0x[0-9a-f]{8}\t$next\t.*");
		shows($debugger, 'and into a function', qr/cprintf \(fmt=.* at lib\/cprintf\.c:\d+/);
		shows($debugger, 'it stops in the kernel', qr/.*Breakpoint 2, readline .* at lib\/readline\.c:\d+/,
		    qr/#\d .* all_done .* at kern\/init\.c:\d+/);
		$job->expect(qr/^No runnable environments/m);
		shows($job, 'the program has run meanwhile', 'hello, world', '\[00001000\] free env 00001000');
		$job->finish;
	};
}

done_testing;
