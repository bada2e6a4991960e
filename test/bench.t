#!/usr/bin/perl
# What conf/bench makes of figures: a QEMU that boots nothing says what the programs would.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use JSON::PP ();
use Test::More;

use constant QEMU_GOOD => 33;	# its status when all went well
use constant QEMU_FAILED => 35;

my $dir = tempdir(CLEANUP => 1);

# The other QEMU prints the file that has the program's name, or the first time NAME.first.  Which image it is given says whether
# the kernel counts.
spew("$dir/qemu", <<'END' =~ s/DIR/$dir/gr =~ s/GOOD/QEMU_GOOD/er);
#!/bin/sh
case "$*" in *counting.img*) counts=.counts;; *) counts=;; esac
case "$*" in *'-smp 2'*) cpus=.2;; *) cpus=;; esac
program=${*##*init=}
file="DIR/${program%% *}$counts$cpus"
if [ -e "$file.first" ]; then mv "$file.first" "$file.now"; cat "$file.now"; else cat "$file"; fi
exit $(cat DIR/status 2>/dev/null || echo GOOD)
END
chmod 0755, "$dir/qemu";
spew("$dir/$_.img", '') for qw(plain counting);
spew("$dir/figures", <<'END');
# row	jos	linux	xv6	floor	bar	then	what
call	200	400	-	10	20	10	a call
pages	1000	-	30	-	12	8	many pages, a page
few	-	-	-	-	200	-	with few
many	-	-	-	-	few+10%	-	with many
boot	5000	6e9	-	-	300	60	the start
smp	1.16	1.83	-	1.9	1.7	1.85	a job
END

# What the programs say, but for these rows: name => total, and n if that is not 1.
sub programs {
	my %other = @_;
	my %total = (call => [15], pages => [1100, 100], few => [100], many => [110], boot => [290], %other);
	my @rows = grep { $total{$_} } qw(call pages);
	my @second = grep { $total{$_} } qw(few many);
	my $line = sub { join ' ', 'bench', $_[0], $total{$_[0]}[0], $total{$_[0]}[1] // 1, @_[1 .. $#_] };

	my $calibration = 'bench calibration_2000001 ' . ($other{calibration}[0] // 2000001) . ' 1';
	my @lines = ('bench clock 1000', $calibration, map({ $line->($_) } @rows), 'bench clock 9000', 'bench: OK');
	spew("$dir/bench", join "\n", @lines, '');
	@lines = ("$calibration 0 0 0", map({ $line->($_, $_ eq 'pages' ? (300, 0, 100) : (1, 2, 3)) } @rows), 'bench: OK');
	spew("$dir/bench.counts", join "\n", @lines, '');
	spew("$dir/benchregion", join "\n", map({ $line->($_) } @second), 'benchregion: OK', '');
	spew("$dir/benchregion.counts", join "\n", map({ $line->($_, 1, 0, 0) } @second), 'benchregion: OK', '');
	spew("$dir/benchproc$_", "benchproc: OK\n") for '', '.counts';
	spew("$dir/benchboot.counts", join "\n", $total{boot} ? $line->('boot', 0, 2, 0) : (), 'benchboot: OK', '');
	spew("$dir/benchsmp", "bench smp 3000 1\nbenchsmp: OK\n");
	spew("$dir/benchsmp.2", "bench smp 2000 1\nbenchsmp: OK\n");
}

sub bench {
	return run({ deadline => 20 }, $^X, 'conf/bench', '--qemu', "$dir/qemu", '--figures', "$dir/figures",
	    '--recorded', "$dir/bench.json", '--image', "$dir/plain.img", '--counting', "$dir/counting.img",
	    @_);
}

subtest 'the table' => sub {
	programs();
	my $job = bench();
	succeeds($job, 'is printed');
	shows($job, 'with what was measured, what was counted, and how many times as much others take',
	    'row +count +entries +cr3 +invlpg +bar +then +JOS +Linux +xv6 +what',
	    'call +15 +1 +2 +3 +20 +10 +13\.3x +26\.7x +a call',
	    'pages +11 +3 +0 +1 +12 +8 +90\.9x +2\.7x +many pages, a page',
	    'few +100 +1 +0 +0 +200 +with few', 'many +110 +1 +0 +0 +110 +with many',
	    'boot +290 +0 +2 +0 +300 +60 +17\.2x +20689655\.2x +the start',
	    '5 of 5 rows are within their bar, 0 within the next\.');
};

subtest 'a record' => sub {
	programs();
	fails(my $job = bench('--check'), 'without one there is nothing to compare with');
	shows($job, 'for any row', map { "$_: nothing is recorded in .*bench\\.json" } qw(call pages few many boot));

	succeeds(bench('--record'), 'is made');
	is_deeply(JSON::PP->new->decode(slurp("$dir/bench.json")), {
		call => { count => 15, entries => 1, cr3 => 2, invlpg => 3 },
		pages => { count => 11, entries => 3, cr3 => 0, invlpg => 1 },
		few => { count => 100, entries => 1, cr3 => 0, invlpg => 0 },
		many => { count => 110, entries => 1, cr3 => 0, invlpg => 0 },
		boot => { count => 290, entries => 0, cr3 => 2, invlpg => 0 },
	    }, 'of each row');
	is(scalar(() = slurp("$dir/bench.json") =~ /\n/g), 7, 'with a line for each');
	succeeds(bench('--check'), 'and agrees with itself');
};

subtest 'what is worse' => sub {
	for ([{ pages => [1133, 100] }, 0, 'exactly 3 % above the record is not'],
	    [{ pages => [1134, 100] }, 1, 'more than 3 % above the record is', qr/pages: 11\.3 is more than 3 % above/],
	    [{ call => [21] }, 1, 'above the bar is', qr/call: 21 is above its bar, 20/],
	    [{ few => [98] }, 1, 'above a bar that is another row is', qr/many: 110 is above its bar, 108/],
	    [{ boot => [301] }, 1, 'also of boot', qr/boot: 301 is above its bar, 300/],
	    [{ call => [14] }, 0, 'below the record is not, and is worth a remark',
		qr/call: 14 is better than what is recorded, 15/]) {
		my ($rows, $bad, $name, $pattern) = @$_;

		programs(%$rows);
		my $job = bench('--check');
		$bad ? fails($job, $name) : succeeds($job, $name);
		like($job->{out}, $pattern, 'and says so') if $pattern;
		succeeds(bench(), 'nobody minds without --check');
	}
};

subtest 'what is broken' => sub {
	my $record = slurp("$dir/bench.json");
	my $breaks = sub {
		my ($name, $pattern) = @_;

		for my $option ('--json', '--check', '--record', '--wall') {
			my $job = bench($option);
			is($job->{status}, 2, "$name, $option");
			like($job->{out}, $pattern, 'says so');
		}
		is(slurp("$dir/bench.json"), $record, 'and nothing is recorded');
	};

	for my $row (qw(call pages boot)) {
		programs($row => undef);
		$breaks->("no row $row", qr/there is no row $row/);
	}
	programs();
	spew("$dir/bench", slurp("$dir/bench") =~ s/bench: OK\n//r);
	$breaks->('a program that does not come to its end', qr/bench has failed/);
	programs();
	spew("$dir/status", QEMU_FAILED);
	$breaks->('a program that was killed', qr/bench has failed/);
	unlink "$dir/status";
	programs(calibration => [2000002]);
	is(bench()->{status}, 2, 'a clock that does not count instructions');
	programs();
	spew("$dir/bench.counts", slurp("$dir/bench"));
	$breaks->('a kernel that does not count', qr/there is no row call/);
};

subtest 'JSON' => sub {
	programs(call => [21]);
	my $job = bench('--json');
	my $json = eval { JSON::PP->new->decode($job->{out}) };
	ok($json, 'parses') or $job->show;
	is_deeply($json->{rows}[0], { row => 'call', what => 'a call', count => 21, entries => 1, cr3 => 2,
	    invlpg => 3, jos => 200, linux => 400, xv6 => undef, floor => 10, bar => 20, then => 10 },
	    'and has all there is in the table');
	is(scalar @{ $json->{rows} }, 5, 'of each row');

	$json = eval { JSON::PP->new->decode(bench('--json', '--check')->{out}) };
	is_deeply([grep { /bar/ } @{ $json->{worse} }], ['call: 21 is above its bar, 20'], 'and what is worse');
};

subtest 'by the clock' => sub {
	programs();
	spew("$dir/benchsmp.first", "bench smp 90000 1\nbenchsmp: OK\n");
	my $job = bench('--wall');
	succeeds($job, 'it works');
	shows($job, 'with the job for two CPUs',
	    'smp: a job: \d+ ms on 1 CPU, \d+ ms on 2, medians of 5 runs: 1\.50 times as fast\.',
	    'The bar is 1\.7, the next 1\.85; JOS 1\.16, Linux 1\.83\.');
	my $json = eval { JSON::PP->new->decode(bench('--wall', '--json')->{out}) };
	is($json->{rows}[-1]{speedup}, 1.5, 'also as JSON');
	fails(bench('--wall', '--check'), 'and cannot be checked');
};

subtest 'sizes' => sub {
	spew("$dir/benchscale", join "\n", (map { "bench $_ 1" } 'calls/2 100', 'calls/64 90', 'calls/1000 99'),
	    'bench fork/16 160 16', 'bench fork/65536 65536 65536', 'benchscale: OK', '');
	my $job = bench('--scale');
	succeeds($job, 'are compared');
	shows($job, 'for each operation', ' +2 +64 +1,000 +grows by', 'calls +100 +90 +99 +10\.0 %',
	    ' +16 +65,536 +grows by', 'fork +10 +1 +0\.0 %',
	    'The cost of a unit grows by 10\.0 % at most \(calls\)\.');
	my $json = eval { JSON::PP->new->decode(bench('--scale', '--json')->{out}) };
	is($json->{rows}[0]{growth}, 0.1, 'also as JSON');
};
done_testing();
