#!/usr/bin/perl
# Check the models of the kernel's protocols, test/model/*.pml, with spin: that each keeps what it
# promises in every reachable state, and that each fails when the protocol is broken in one of the
# ways the model knows (MUTATE_ in it).
#
# A model is searched for safety, with assertions and invalid end states, and once more for each of
# its claims of what must happen at last, under weak fairness, with LIVE defined.  Everything that
# spin and gcc write is under obj/test/model.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Copy;
use File::Path qw(make_path remove_tree);
use FindBin;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use constant DEPTH => 1_000_000;	# of the search; its stack takes 56 bytes for each
use constant MEGABYTES => 1024;		# that a search may take
use constant MINUTES => 3;

# model => [the claims of its LIVE form], and for each mutation what must notice: 'safety', or the
# claim that fails.
my @models = (
	tlb => [qw(returns enters)], {
		DEAF => 'safety',
		LOCAL => 'safety',
		NO_WAIT => 'safety',
		GAP => 'safety',
		FLUSH_FIRST => 'safety',
		COUNT_FIRST => 'safety',
		STALE_CPU => 'safety',
		NO_FORGET => 'safety',
		LATE_LOAD => 'safety',
		NO_IPI => 'returns',
		UNFAIR => 'enters',
	},
	envstop => [qw(dies stops)], {
		RELEASE_BLIND => 'safety',
		FREE_AT_ONCE => 'safety',
		ONE_REASON => 'safety',
		FRAME_AT_ONCE => 'safety',
		EARLY_UNLOCK => 'safety',
		NO_CHECK => 'safety',
		NO_FORGET => 'safety',
		NO_KICK => 'dies',
		NO_KICK_HELD => 'stops',
	},
	ipc => [qw(gets sent)], {
		WAKE_STOPPED => 'safety',
		CHECK_UNLOCKED => 'safety',
		CLEAR_FIRST => 'safety',
		KEEP_RECVING => 'safety',
		FIND_BY_SLOT => 'safety',
		STATUS_WAKES => 'safety',
		OLD_RECVING => 'safety',
		NO_WAKE => 'gets',
	},
	call => [qw(served ends)], {
		KEEP_TIMER => 'safety',
		NO_WITHDRAW => 'safety',
		CALL_GOES_ON => 'safety',
		LOSE => 'safety',
		ANYONE => 'safety',
		NO_CHAIN => 'safety',
		SECOND_FIRST => 'safety',
		LEAVE_SENDERS => 'safety',
		LEAVE_WAITING => 'safety',
		LAST_FIRST => 'served',
		NO_CLOCK => 'ends',
	},
	clock => [qw(released verdict)], {
		HASTY => 'safety',
		NO_TICK => 'released',
	},
	idle => [qw(woken verdict)], {
		HASTY => 'safety',
		NO_WAKE => 'woken',
		IDLE_LATE => 'woken',
		STI_FIRST => 'woken',
		NO_KICK => 'verdict',
		HALT_WITH_DEAD => 'verdict',
	},
);

for my $tool (qw(spin gcc)) {
	grep { -x "$_/$tool" } split /:/, $ENV{PATH}
	    or die "test/model.t: there is no $tool here; conf/setup installs it\n";
}

chdir "$FindBin::Bin/.." or die "test/model.t: $!\n";
my $source = abs_path('test/model');
make_path('obj/test/model');
my $work = abs_path('obj/test/model');

# A job is one way to build one model, and the searches (safety, or claims) to make with it.
my @jobs;

sub job {
	my ($model, $mutation, @searches) = @_;
	my $live = $searches[0] ne 'safety';
	my @defines = ($live ? '-DLIVE' : (), $mutation ? "-DMUTATE_$mutation" : ());

	push @jobs, {
		model => $model, mutation => $mutation, searches => \@searches,
		dir => join('-', "$work/$model", $mutation || (), $live ? 'live' : ()),
		# -o3 keeps each statement apart, for unreached().
		# -O2 would search no faster, and takes twice as long to compile.
		spin => join(' ', 'spin -a', $live ? () : '-o3', @defines, "$model.pml"),
		gcc => join(' ', 'gcc -w -O1', '-DMEMLIM=' . MEGABYTES, $live ? () : '-DSAFETY',
			'-o pan pan.c'),
	};
}

my @all = @models;
while (my ($model, $claims, $mutations) = splice @all, 0, 3) {
	job($model, '', @$claims);
	job($model, '', 'safety');
	job($model, $_, $mutations->{$_}) for sort keys %$mutations;
}

# In the child: what the commands print goes to files in the job's folder, one for each search.
sub run {
	my ($job) = @_;
	my $quiet = '>build.log 2>&1 </dev/null';

	remove_tree($job->{dir});
	make_path($job->{dir});
	copy($_, $job->{dir}) or die "$_: $!\n" for glob "$source/*.pml";
	chdir $job->{dir} or die "$job->{dir}: $!\n";
	system("($job->{spin} && $job->{gcc}) $quiet") == 0 or return;
	for my $search (@{ $job->{searches} }) {
		my $how = $search eq 'safety' ? '' : "-a -f -N $search";
		my $started = time;
		system('./pan -m' . DEPTH . ' -Q' . MINUTES . " $how >$search.log 2>&1 </dev/null");
		open my $log, '>>', "$search.log" or die "$search.log: $!\n";
		printf $log "\nseconds: %.1f\n", time - $started;
	}
	system('./pan -d >states.log 2>&1');
}

sub file {
	my ($name) = @_;
	open my $in, '<', $name or return '';
	local $/;
	return scalar <$in> // '';
}

# What a job's searches found, as tests.
sub report {
	my ($job) = @_;
	my $build = file("$job->{dir}/build.log");
	my $name = $job->{model} . ($job->{mutation} ? " with MUTATE_$job->{mutation}" : '');

	for my $search (@{ $job->{searches} }) {
		my $log = file("$job->{dir}/$search.log") =~ s/^Depth=.*\n//mgr;
		my ($errors) = $log =~ /^State-vector .* errors: (\d+)/m;
		my ($states) = $log =~ /^\s*(\d+) states, stored/m;
		my ($seconds) = $log =~ /^seconds: (\S+)/m;

		if (!defined $errors || $build =~ /Error:/) {
			fail("$name: $search");
			diag($build, $log);
			next;
		}
		if ($job->{mutation}) {
			my $found = $search eq 'safety' ? qr/assertion violated|invalid end state/ :
			    qr/acceptance cycle/;
			ok($errors > 0 && $log =~ /^pan:1: .*$found/m, "$name: $search notices")
			    or diag($log);
			next;
		}
		my $whole = $log !~ /not completed|too small|out of memory|-DMEMLIM bound|timeout/;
		ok($errors == 0 && $whole, "$name: $search") or diag($log);
		note("$name: $search: $states states, $seconds s");
		next if $search ne 'safety';
		is(unreached($job, $log), '', "$name: every line is reached");
	}
}

# Lines of the model that no state of the search executed: a promise about them would be empty.
# A line may be there several times, as inlines are; one time is enough.
sub unreached {
	my ($job, $log) = @_;
	my (%dead, %lines, $proctype);

	for (split /\n/, $log) {
		$proctype = $1 if /^unreached in (?:proctype )?(\S+)/;
		$dead{$proctype, $1} = 1 if $proctype && /^\t\S+:\d+, state (\d+), /;
	}
	for (split /\n/, file("$job->{dir}/states.log")) {
		$proctype = $1 if /^(?:proctype )?(\w+)$/;
		my ($state, $line) = /^\tstate\s+(\d+) .*? (\S+:\d+) =>/ or next;
		next if /=> -end-/;
		$lines{$line}++ unless $dead{$proctype, $state};
		$lines{$line} += 0;
	}
	return %lines ? join ' ', grep { !$lines{$_} } sort keys %lines : 'no line at all';
}

# Every mutation that a model has is tried.
@all = @models;
while (my ($model, undef, $mutations) = splice @all, 0, 3) {
	my %has = map { $_ => 1 } file("$source/$model.pml") =~ /\bMUTATE_(\w+)/g;
	my @known = grep { $_ ne 'UNFAIR' } keys %$mutations;	# is in machine.pml
	is("@{[sort @known]}", "@{[sort keys %has]}", "$model: its mutations are all tried");
}

# Run the jobs, as many at a time as there are processors, and report them in their order.
my $processors = () = file('/proc/cpuinfo') =~ /^processor/mg;
my (%child, $next);
while (%child || ($next // 0) < @jobs) {
	while (keys %child < ($processors || 2) && ($next // 0) < @jobs) {
		my $job = $jobs[$next++];
		my $pid = fork // die "test/model.t: fork: $!\n";
		if ($pid == 0) {
			run($job);
			POSIX::_exit(0);
		}
		$child{$pid} = $job;
	}
	my $pid = wait;
	delete $child{$pid};
}
report($_) for @jobs;
done_testing();
