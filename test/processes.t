#!/usr/bin/perl
# The process library: its programs, on 1, 2 and 4 CPUs.  Each says OK only if all that it asked held, and if at
# the end as many frames are free as before.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

build();

for my $name (qw(proctest procpipes procmem procthreads procexec procrun procattack procstorm)) {
	for my $cpus (1, 2, 4) {
		# Programs that fault are a part of it, so there is no good status to ask for.
		my $job = make({ deadline => 300 }, '-s', "run-$name", "CPUS=$cpus");

		shows($job, "$name says OK on $cpus CPUs", "$name: OK");
		hides($job, "and no kernel panics", qr/kernel panic/);
		shows($job, 'and init ends last', '\[00001000\] exiting gracefully', '\[00001000\] free env 00001000');
	}
}

# Storms that blow the same way each time, whatever the host does meanwhile.
for my $cpus (2, 4) {
	my $job = make({ deadline => 300 }, '-s', 'run-procstorm', "CPUS=$cpus",
	    'QEMUEXTRA=-icount shift=0,sleep=off -accel tcg,thread=single');

	shows($job, "procstorm says OK on $cpus CPUs that take turns", 'procstorm: OK');
}

done_testing;
