#!/usr/bin/perl
# The programs pagers*, which test the library of regions and its stock pagers from within, and end
# with a line that says OK.  What they cannot see themselves is here: the reports of programs that end
# because nobody handles a fault, and that a fault costs the same whatever the number of regions.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

use constant ICOUNT => 'QEMUEXTRA=-icount shift=0,sleep=off -accel tcg,thread=single';
use constant MOST => 1500;	# instructions, of a fault that fills a page

build();

for my $name (qw(pagers pagers_stock pagers_fork pagers_model)) {
	for my $cpus (1, 2) {
		my $job = make('-s', "run-$name", "CPUS=$cpus");

		shows($job, "$name says OK on $cpus CPUs", "$name: OK");
		succeeds($job, "$name ends well on $cpus CPUs");
	}
}

# Another program as the pager: clients of one that is of no use end, and are told why.
for my $cpus (1, 2) {
	my $job = make('-s', 'run-pagers_remote', "CPUS=$cpus");

	shows($job, "pagers_remote says OK on $cpus CPUs", 'pagers_remote: OK');
	hides($job, "pagers_remote does not panic on $cpus CPUs", qr/panic/);
	is_deeply([map { /^  why  (.*)/ } lines_of($job, qr/^  why/)],
	    ['bad environment', ('segmentation fault') x 4, 'invalid parameter', 'file or block not found',
		('timed out') x 2, 'bad environment'],
	    "and each client of a bad pager is told why it ends, on $cpus CPUs");
}

# How a report looks; nobody else's lines come in between, as its program is the only one that runs.
sub report {
	my ($access, $why, @regions) = @_;
	my $text = "\\[[0-9a-f]{8}\\] page fault that nobody handles: $access, $why\n";

	$text .= "  in   $_\n" for @regions;
	return qr/^$text\[[0-9a-f]{8}\] user fault va /m;
}

my $failing = 'test, 0x10004000 to 0x10008000, may be read, pager failing';
my $guard = 'test, 0x10000000 to 0x10010000, may be neither read nor written, pager guard';
my $nothing = 'where nothing is mapped';
my %reports = (
	'an address that is in no region' => report('write of 40000000', $nothing),
	'a pager that declines' => report('write of 10000064', $nothing, $guard),
	'a pager that fails in a region that declines' =>
	    report('read of 10005008', $nothing, $failing, "$guard\n  why  no free space on disk"),
	'a page that is readable only' => report('write of 10005000', 'which is protected',
		$failing =~ s/failing/zero/r, $guard),
	'a page for which there is no memory' => report('write of 1003e000', $nothing,
		"test, 0x10000000 to 0x10040000, may be read and written, pager zero\n  why  out of memory"),
);

for my $cpus (1, 2) {
	my $job = make('-s', 'run-pagers_mem', "CPUS=$cpus", $cpus == 1 ? ICOUNT : ());

	shows($job, "pagers_mem says OK on $cpus CPUs", 'pagers_mem: OK');
	fails($job, "pagers_mem has had children that were killed, on $cpus CPUs");
	like($job->{out}, $reports{$_}, "the report tells of $_, on $cpus CPUs") for sort keys %reports;
	next if $cpus > 1;
	my ($few, $thousand, $more) = $job->{out} =~
	    /^pagers_mem: a fault with 10 regions takes (\d+) instructions, with 1000 (\d+), with 3000 (\d+)$/m
	    or fail('pagers_mem tells what a fault takes'), next;
	cmp_ok($few, '<', MOST, 'a fault takes so many instructions');
	cmp_ok($_, '<=', $few * 1.02, 'and no more with many regions') for $thousand, $more;
}

done_testing;
