#!/usr/bin/perl
# The programs in user/ that grade-lab4 does not run: those that test the kernel from within, and
# the known ones, with the lines that graders of other people look for.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

use constant LINES => 2000;	# of fairness, before it is cut

build();

sub boot {
	my ($name, $cpus) = @_;

	return make('-s', "run-$name", 'CPUS=' . ($cpus // 1));
}

for my $name (qw(protect fpu syscalls sforktest int64)) {
	for my $cpus (1, 2, 4) {
		my $job = boot($name, $cpus);

		shows($job, "$name says OK on $cpus CPUs", "$name: OK");
		succeeds($job, "$name ends well on $cpus CPUs");
	}
}

# This one has children that are killed, each of which shows it.
for my $cpus (1, 2, 4) {
	my $job = boot('exceptions', $cpus);

	shows($job, "exceptions says OK on $cpus CPUs", 'exceptions: OK');
	hides($job, "exceptions shows no panic on $cpus CPUs", qr/panic/);
	is(scalar lines_of($job, qr/TRAP frame/), 7, "exceptions has its dumps on $cpus CPUs");
	is(scalar lines_of($job, qr/user_mem_check assertion failure for va eebf[ef]/), 2,
	    "exceptions fills its stacks on $cpus CPUs");
}

# Programs that end by themselves.
my $first = '\[00001000\]';
my @gracefully = ("$first exiting gracefully", "$first free env 00001000");

sub ends_well {
	my ($name, @lines) = @_;
	my $job = boot($name);

	shows($job, "$name shows its lines", '\[00000000\] new env 00001000', @lines, @gracefully);
	succeeds($job, "$name ends well");
	return $job;
}

ends_well('hello', 'hello, world', 'i am environment 00001000');

my $yield = ends_well('yield', 'Hello, I am environment 00001000\.',
    (map { "Back in environment 00001000, iteration $_\\." } 0 .. 4),
    'All done in environment 00001000\.');
is(scalar lines_of($yield, qr/^Back in/), 5, 'yield comes back five times');

# The first message says nothing but whose turn it is; after that each counts one further.
my $pingpongs = ends_well('pingpongs', '\[00001000\] new env 00001001',
    'i am 00001000; thisenv is 0xeec00000', 'send 0 from 1000 to 1001',
    '\[00001001\] exiting gracefully');
is_deeply([map { s/ \(.*//r } lines_of($pingpongs, qr/ got \d+ from /)],
    [map { $_ % 2 ? "1000 got $_ from 1001" : "1001 got $_ from 1000" } 0 .. 10],
    'pingpongs counts to ten in one memory');
my @wrong = grep { !/^(\d+) got .* \1\)$/ } lines_of($pingpongs, qr/ got \d+ from /);
is("@wrong", '', 'pingpongs has its own thisenv in each env');

# Programs that are killed.  A dump is one piece: trap, err and where it came from.
sub killed {
	my ($name, $lines, @refuse) = @_;
	my $job = boot($name);

	shows($job, "$name is killed with its lines", @$lines, "$first free env 00001000");
	hides($job, "$name comes no further", @refuse, qr/exiting gracefully/, qr/kernel panic/,
	    qr/user panic/);
	fails($job, "$name does not end well");
}

sub dump_of {
	my ($trap, $err) = @_;

	return ('TRAP frame at 0x[0-9a-f]{8} from CPU 0', "  trap $trap", "  err  $err",
	    '  eip  0x008[0-9a-f]{5}', '  cs   0x----001b', '  esp  0xeebfd[0-9a-f]{3}',
	    '  ss   0x----0023');
}

# The last line of the dump: which line of the program has trapped.
sub trapped_in {
	my ($name, $pattern) = @_;

	return "  at   umain\\+0x[0-9a-f]{2} user/$name\\.c:" . line_number("user/$name.c", $pattern);
}

sub page_fault {
	my ($va, $err) = @_;

	return ("$first user fault va $va ip 008[0-9a-f]{5}", "  cr2  0x$va",
	    dump_of('0x0000000e Page Fault', $err));
}

sub bad_address {
	return "$first user_mem_check assertion failure for va $_[0]";
}

killed('divzero', [dump_of('0x00000000 Divide error', '0x00000000'), trapped_in('divzero', qr/zero\)/)],
    qr/1\/0 is/);
killed('softint', [dump_of('0x0000000d General Protection', '0x00000072'),
    trapped_in('softint', qr/int %0/)]);
killed('badsegment', [dump_of('0x0000000d General Protection', '0x00000028')]);
killed('faultreadkernel', [page_fault('f0100000', '0x00000005 \[user, read, protection\]')],
    qr/I read/);
killed('faultwritekernel', [page_fault('f0100000', '0x00000007 \[user, write, protection\]')]);
killed('testbss', ['Making sure bss works right\.\.\.',
    'Yes, good\.  Now doing a wild write off the end\.\.\.',
    page_fault('00c[0-9a-f]{5}', '0x00000006 \[user, write, not-present\]')], qr/SHOULD HAVE TRAPPED/);
killed('buggyhello', [bad_address('00000001')]);
killed('buggyhello2', [bad_address('0[0-9a-f]{7}')], qr/hello, world/);
killed('evilhello', [bad_address('f010000c')]);

# fairness has no end: two send to one as fast as they can, and each gets its turn.  With two CPUs
# it is also a matter of who is quicker.
for ([1, 2], [2, 5]) {
	my ($cpus, $factor) = @$_;
	my $job = start('make', '-s', 'run-fairness', "CPUS=$cpus");
	my %got = (1001 => 0, 1002 => 0);

	$job->expect(qr/(?:recv from.*\n.*){@{[LINES]}}/);
	$job->stop;
	shows($job, "fairness starts its senders on $cpus CPUs",
	    map { "100$_ loop sending to 1000" } 1, 2);
	$got{$1}++ while $job->{out} =~ /^1000 recv from (.*)\n/mg;
	is(join(' ', sort keys %got), '1001 1002', "fairness hears nobody else on $cpus CPUs");
	my ($few, $many) = sort { $a <=> $b } values %got;
	cmp_ok($many, '<=', $factor * $few, "fairness gives its senders their shares on $cpus CPUs");
}

done_testing;
