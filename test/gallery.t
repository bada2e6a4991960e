#!/usr/bin/perl
# The gallery: each program pg_* shows what its pager does and checks itself; here we look at the
# figures in its last line.  On one CPU they count instructions, and are what they were within a
# tenth; on two they are ticks of a clock, and only what does not depend on time is looked at.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

use constant WITHIN => 0.1;

build();
my $dir = tempdir('faultline-XXXXXX', TMPDIR => 1, CLEANUP => 1);

# A figure is an unsigned number, perhaps with decimals.  `U' stands for the unit of time.
#
# Program => [last line, with (name) for each figure,
#	what each figure is on any machine: a number, or [least, most],
#	about how many instructions the others are,
#	what must hold between them]
my %gallery = (
	pg_gc => [
		'(pause) U longest pause, (stopped) U longest pause when stopped, (left) % of the worst million left, ' .
		'(left_stopped) % when stopped, (all) U in all, (all_stopped) U in all when stopped, ' .
		'(n) collections, (n_stopped) collections when stopped, (faults) faults, (pointers) pointers checked',
		{ n => 11, n_stopped => 11, faults => 141, pointers => 2324802 },
		{ pause => 79600, stopped => 3362018, all => 108935826, all_stopped => 108051197 },
		[ 'pause * 20 < stopped', 'all < 1.05 * all_stopped', 'left > 10', 'left_stopped == 0' ],
	],
	pg_gen => [
		'(minor) minor collections, (survive) KiB survive, (pages) pages remembered, ' .
		'(scanned) pages when all are scanned, (protection) U by protection, (dirty) U by dirty bits, ' .
		'(scanning) U by scanning all, (pointers) pointers checked',
		{ minor => 34, survive => 990, pages => 672, scanned => 5657, pointers => 3099736 },
		{ protection => 6489012, dirty => 6657428, scanning => 42509289 },
		[ 'protection * 4 < scanning', 'dirty * 4 < scanning' ],
	],
	pg_ckpt => [
		'(pages) pages, (concurrent) U the longest interruption, (stopped) U if it stops, ' .
		'(second) pages in the second checkpoint',
		{ pages => 129, second => 95 },
		{ concurrent => 11731, stopped => 131857 },
		[ 'concurrent * 5 < stopped', 'second < pages' ],
	],
	pg_dsm => [
		'(reads) read faults, (writes) write faults, (invalidations) invalidations, (pages) pages sent, ' .
		'(per_fault) messages a fault, (rounds) rounds, (took) U, (serial) serial',
		{ reads => [190, 400], writes => [160, 900], invalidations => [130, 400], pages => [230, 1000],
		    per_fault => [4, 5], rounds => 23 },
		{ took => 15975007, serial => 13753747, reads => 201, writes => 185, pages => 263 },
		[ 'took < 1.5 * serial', 'pages <= reads + writes' ],
	],
	pg_guard => [
		'(caught) mistakes caught at their instruction, (allocation) U an allocation, ' .
		'(touch) its first touch, (free) to free it, (stack) stack pages grown',
		{ caught => 605, stack => [20, 60] },
		{ allocation => 70, touch => 752, free => 620 },
		[],
	],
	pg_lazy => [
		'(pages) pages of program, (loaded) pages loaded, (lazy) U to the first output, ' .
		'(mapped) U when all is mapped first, (copied) U when all is copied first',
		{ pages => [60, 80], loaded => [10, 30] },
		{ lazy => 28775, mapped => 37780, copied => 114579 },
		[ 'lazy < mapped', 'mapped < copied' ],
	],
	pg_migrate => [
		'(faults) faults, (pushed) pages pushed, downtime (post) U, (pre) with pre-copy, ' .
		'(stop) with stop-and-copy',
		{ faults => [0, 256], pushed => [0, 256] },
		{ faults => 52, pushed => 204, post => 2684, pre => 43156, stop => 225008 },
		[ 'faults + pushed == 256', 'post * 10 < pre', 'pre * 4 < stop' ],
	],
	pg_store => [
		'(objects) objects in (pages) pages, (failures) power failures survived, ' .
		'(written) pages written to add (added) objects, (read) pages read to find one',
		{ objects => 508, failures => 102, pages => [2, 20], added => 500, read => [1, 10] },
		{},
		[],
	],
	pg_undo => [
		'(snapshots) snapshots of (pages) pages, (copied) pages copied of (all), (snapshot) U a snapshot, ' .
		'and (page) for each page that it copies, (undo) an undo, (everything) to copy everything',
		{ snapshots => 240, pages => 32, copied => 872, all => 7680 },
		{ snapshot => 4115, page => 1184, undo => 5049, everything => 32797 },
		[ 'copied < all', 'snapshot + copied / snapshots * page < everything', 'undo < everything' ],
	],
	pg_watch => [
		'(points) watchpoints, (hits) hits and no other, (faults) faults without a hit, (hit) U a hit, ' .
		'(fault) such a fault, (store) a store elsewhere',
		{ points => 4000, hits => 790, faults => 5114 },
		{ hit => 2644, fault => 2547, store => 11 },
		[],
	],
	pg_sqrt => [
		'(entries) entries in (frames) frame, (lookups) lookups with (faults) faults and (hits) % hits in order, ' .
		'(random) lookups with (random_faults) faults and (random_hits) % hits at random, ' .
		'(search) lookups with (search_faults) faults and (search_hits) % hits by binary search, ' .
		'(fault) U a fault, (roots) of them for the roots',
		{ entries => 4194304, frames => 1, lookups => 4194304, faults => 4095, hits => [99.9, 99.9],
		    random_faults => [1990, 2000], search_faults => [2400, 2600] },
		{ fault => 52195, roots => 50652 },
		[ 'fault - roots < 2500' ],
	],
	pg_guard => [
		'(mistakes) mistakes caught at their instruction, (alloc) U an allocation, (touch) its first touch, ' .
		'(free) to free it, (stack) stack pages grown',
		{ mistakes => 605, stack => [30, 40] },
		{ alloc => 70, touch => 752, free => 620 },
		[],
	],
	pg_undo => [
		'(states) snapshots of (pages) pages, (copied) pages copied of (all), (snapshot) U a snapshot, ' .
		'and (page) for each page that it copies, (undo) an undo, (everything) to copy everything',
		{ states => 240, pages => 32, copied => 872, all => 7680 },
		{ snapshot => 4115, page => 1184, undo => 5049, everything => 32797 },
		[ 'copied * 5 < all', '(snapshot + page * copied / states) * 3 < everything', 'undo * 5 < everything' ],
	],
	pg_watch => [
		'(words) watchpoints, (hits) hits and no other, (vain) faults without a hit, (hit) U a hit, ' .
		'(miss) such a fault, (free) a store elsewhere',
		{ words => 4000, hits => 790, vain => 5114 },
		{ hit => 2644, miss => 2547, free => 11 },
		[],
	],
	pg_zip => [
		'(pages) pages in (frames) frames and (pool) of the pool, (ratio) to 1, (compressed) pages compressed, ' .
		'(raw) kept raw, (zero) zero, (faults) faults, (chances) second chances, (out) U a page out, ' .
		'(in) in, (fault) a fault',
		{ pages => 512, frames => 64, pool => [64, 230], ratio => [2.5, 8], raw => [64, 400], zero => [1, 512],
		    faults => [3816, 4664], chances => [500, 5000] },
		{ out => 36154, in => 32706, fault => 37562 },
		[ 'frames + pool < pages' ],
	],
	pg_big => [
		'(walked) MB of objects walked, (given) MB of addresses given out in a window of (window) MB, ' .
		'(recycles) recycles, (faults) pages faulted in, (at_once) at once, (swizzled) pointers swizzled, ' .
		'(back) swizzled back, (stored) pages stored, (object) U an object',
		{ walked => [4096, 5000], given => [8 * 4096, 1e6], window => 512, recycles => 82, faults => 158510,
		    at_once => [1, 5000], stored => 2400 },
		{ object => 13083 },
		[ 'swizzled > back' ],
	],
);

# Where a child is killed, as it should be, and so the run does not end well: what that prints.
my %killed = (pg_guard => 'page fault that nobody handles: write of [0-9a-f]{8}, where nothing is mapped\n' .
	    '  in   guard of the stack, ');

# The figures of a job's last line, by name; nothing when it is not as it should be.
sub figures {
	my ($job, $name, $form, $unit) = @_;
	my @names = $form =~ /\((\w+)\)/g;
	my $pattern = join '', map { /^\(\w+\)$/ ? '(\d+(?:\.\d+)?)' : quotemeta =~ s/\bU\b/$unit/gr }
	    split /(\(\w+\))/, $form;
	my ($line) = lines_of($job, qr/^\Q$name\E: OK: /);
	my %figures;

	return unless defined $line && $line =~ /^\Q$name\E: OK: $pattern$/;
	@figures{@names} = $line =~ /^\Q$name\E: OK: $pattern$/;
	return \%figures;
}

sub is_within {
	my ($figure, $range, $name) = @_;
	my ($least, $most) = ref $range ? @$range : ($range, $range);

	ok($figure >= $least && $figure <= $most, $name) or diag("$figure is not from $least to $most");
}

for my $name (sort keys %gallery) {
	my ($form, $counts, $times, $holds) = @{ $gallery{$name} };

	for my $cpus (1, 2) {
		my $exact = $cpus == 1;
		my $job = make({ deadline => 120 }, '-s', "run-$name", "CPUS=$cpus", "DISK=$dir/$name.$cpus");
		my $f = figures($job, $name, $form, $exact ? 'instructions' : 'ticks');

		if ($killed{$name}) {
			fails($job, "$name has had a child that was killed, on $cpus CPUs");
			like($job->{out}, qr/$killed{$name}/, "$name: with this report, on $cpus CPUs");
		} else {
			succeeds($job, "$name ends well on $cpus CPUs");
		}
		ok($f, "$name has its line of figures") or $job->show, next;
		is_within($f->{$_}, $counts->{$_}, "$name: $_ on $cpus CPUs") for sort keys %$counts;
		next unless $exact;
		is_within($f->{$_}, [$times->{$_} * (1 - WITHIN), $times->{$_} * (1 + WITHIN)], "$name: instructions of $_")
		    for sort keys %$times;
		for my $hold (@$holds) {
			my $value = $hold =~ s/\b([a-z_]+)\b/exists $f->{$1} ? $f->{$1} : die "what is $1?"/ger;
			ok(eval $value, "$name: $hold") or diag($value);
		}
	}
}

# The store survives the program and the machine.
for my $cpus (1, 2) {
	my $job = make({ deadline => 120 }, '-s', 'run-pg_store', "CPUS=$cpus", "DISK=$dir/pg_store.$cpus");

	shows($job, 'pg_store finds what it left before the machine was started again',
	    'pg_store: found generation 5, 508 objects', 'pg_store: generation 8, 1012 objects');
	succeeds($job, 'and ends well');
}

done_testing;
