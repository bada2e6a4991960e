package Grade;

# What the graders share: a grader is a table of tests, and a way to print what has come of them.
#
#	grade(tests => \@tests, ...)
#
#	name		of a test; part: of the tests that it is scored with, if there are parts
#	deadline	seconds it may take (30)
#	until		the test is over at this line, though the run is not
#	make		what make is to do: a target and variables
#	checks		what is looked for on the console, a list of checks with
#	    title, points, `want': whole lines, as patterns, each of which must be there,
#	    `once': exactly once, `refuse': nowhere
#
# and, beside the tests: `print', called with a test that is done, and `total', the last line's name.
#
# A test is `make run-NAME' with an empty standard input, which ends by itself
# when the programs have ended (conf/qemu).  Nothing here sleeps for a result: a
# test is over when its process is gone or, where the program has no end, when
# the last wanted line is there.  Every test has a process group of its own, and
# whatever way the test ends the group is gone before the result is printed.

use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Exporter qw(import);
use Fcntl;
use File::Basename qw(basename);
use File::Spec;
use FindBin;
use Getopt::Long qw(:config no_ignore_case bundling permute);
use IO::Select;
use List::Util qw(first sum0);
use POSIX qw(WNOHANG);
use Time::HiRes qw(time);

our @EXPORT = qw(grade passed verdict_word details variable);

use constant TICK => 0.02;		# how soon the end of a process is noticed
use constant GRACE => 1;		# seconds between asking a group to end and making it
use constant BACKSTOP => 10;		# conf/qemu's own limit lies so much beyond the deadline
use constant DEADLINE => 30;
use constant BUILD_DEADLINE => 900;
use constant TOO_MUCH => 4 << 20;	# bytes of console from one test
use constant SHOWN => 12;		# lines of console, or reasons, under a failed test

my $me = basename($0);

# Jobs: processes in a group of their own, with their output in $job->{out}.

my @running;

# Start a command.  The group exists before either side goes on.
sub job_start {
	my ($deadline, $until, @command) = @_;
	my %job = (start => time, deadline => $deadline, out => '',
	    until => defined $until ? qr/^$until\r?$/m : undef);

	pipe $job{pipe}, my $end or fail("pipe: $!");
	$job{pid} = fork // fail("fork: $!");
	if (!$job{pid}) {
		setpgrp 0, 0;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		$ENV{QEMUTIMEOUT} = $deadline + BACKSTOP;	# should we be killed ourselves
		open STDIN, '<', '/dev/null';
		open STDOUT, '>&', $end;
		open STDERR, '>&', $end;
		{ no warnings 'exec'; exec { $command[0] } @command; }
		print STDERR "$command[0]: $!\n";
		POSIX::_exit(127);
	}
	setpgrp $job{pid}, $job{pid};
	fcntl $job{pipe}, F_SETFL, O_NONBLOCK;
	push @running, \%job;
	return \%job;
}

# Take what the job has printed.  False at the end of the output.
sub job_read {
	my ($job) = @_;

	return 0 unless $job->{pipe};
	for (;;) {
		my $n = sysread $job->{pipe}, $job->{out}, 1 << 16, length $job->{out};

		return 1 if !defined $n && $! == EAGAIN;
		next if !defined $n && $! == EINTR;
		return 1 if length $job->{out} > TOO_MUCH;
		last if !$n;
	}
	delete $job->{pipe};
	return 0;
}

# Is the job over?  If so, its {status} is set, or {cut} says why we end it.
sub job_over {
	my ($job) = @_;

	job_read($job);
	if (waitpid($job->{pid}, WNOHANG) == $job->{pid}) {
		$job->{status} = $?;
		job_read($job);		# what it had to say at last
	} elsif ($job->{until} && $job->{out} =~ $job->{until}) {
		$job->{cut} = '';
	} elsif (length $job->{out} > TOO_MUCH) {
		$job->{cut} = 'printed without an end';
	} elsif (time - $job->{start} > $job->{deadline}) {
		$job->{cut} = "not finished after $job->{deadline} seconds";
	} else {
		return 0;
	}
	return 1;
}

# End every process of the jobs' groups, and reap what is ours to reap.  A group
# that was cut is asked first, so that conf/qemu can put QEMU to rest.  An orphan
# that holds the pipe keeps us no longer than GRACE.
sub jobs_end {
	my @jobs = @_;
	my $over = time + GRACE;

	kill 'TERM', -$_->{pid} for @jobs;
	for my $job (@jobs) {
		my $drain = $job->{out};	# what it says from here on is about us

		while (time < $over) {
			$job->{status} = $? if !defined $job->{status} && waitpid($job->{pid}, WNOHANG) > 0;
			my $open = job_read($job);
			last if defined $job->{status} && (!$open || !kill 0, -$job->{pid});
			select undef, undef, undef, TICK;
		}
		kill 'KILL', -$job->{pid};
		if (!defined $job->{status}) {
			waitpid $job->{pid}, 0;
			$job->{status} = $?;
		}
		$job->{out} = $drain if defined $job->{cut};
		delete $job->{pipe};
		# A zombie that nobody reaps counts as alive, so this has an end too.
		for (my $end = time + GRACE; time < $end && kill 0, -$job->{pid}; ) {
			select undef, undef, undef, TICK;
		}
	}
	@running = grep { my $r = $_; !grep { $_ == $r } @jobs } @running;
}

# Wait until some job is over; end it and return it.
sub jobs_next {
	for (;;) {
		for my $job (@running) {
			next unless job_over($job);
			$job->{time} = time - $job->{start};
			jobs_end($job);
			return $job;
		}
		IO::Select->new(map { $_->{pipe} // () } @running)->can_read(TICK);
		select undef, undef, undef, TICK / 4;	# output comes in bits; take several at once
	}
}

END {
	local $?;
	jobs_end(@running);
}

sub fail {
	print STDERR "$me: @_\n";
	exit 2;
}

# The verdict: the reasons why this console does not pass a check, none if it does.
sub reasons {
	my ($check, $job) = @_;
	my $console = $job->{out};
	my @reasons;

	push @reasons, $job->{cut} if $job->{cut};
	# Only the innermost make's complaint has conf/qemu's status.
	push @reasons, "conf/qemu ended with status $1: the run itself failed"
	    if $console =~ /\*\*\* .*\] Error (\d+)/ && $1 >= 2;
	push @reasons, 'make was killed by signal ' . ($job->{status} & 127)
	    if !defined $job->{cut} && $job->{status} & 127;
	for my $line (@{$check->{want} || []}) {
		push @reasons, 'missing: ' . plain($line) if $console !~ /^(?:$line)$/m;
	}
	for my $line (@{$check->{once} || []}) {
		my $n = () = $console =~ /^(?:$line)$/mg;
		push @reasons, ($n ? "$n times instead of once: " : 'missing: ') . plain($line) if $n != 1;
	}
	for my $line (@{$check->{refuse} || []}) {
		push @reasons, "must not appear: $1" if $console =~ /^(.*(?:$line).*)$/m;
	}
	splice @reasons, SHOWN, @reasons, '... and ' . (@reasons - SHOWN) . ' more' if @reasons > SHOWN + 1;
	return @reasons;
}

# A pattern as a person would write the line.
sub plain {
	return $_[0] =~ s/ \+/ /gr =~ s/\\d\+/./gr =~ s/\\([^\w])/$1/gr;
}

# Control characters, other than the ends of lines, made visible.
sub printable {
	return $_[0] =~ s/\r+$//gmr =~ s/([^\n\t -~])/sprintf '\\x%02x', ord $1/ger;
}

sub indent {
	my ($prefix, $text) = @_;

	return join '', map { "$prefix$_\n" } split /\n/, $text;
}

sub last_lines {
	my @lines = split /\n/, $_[0];

	splice @lines, 0, @lines - SHOWN if @lines > SHOWN;
	return join "\n", @lines;
}

# Reports.

my %opt = (j => 1, make => 'make');
my $colour = -t STDOUT && !$ENV{NO_COLOR};

# $bad: what to say if it is not OK.
sub verdict_word {
	my ($ok, $bad) = @_;
	my $word = $ok ? 'OK' : $bad;

	return $colour ? sprintf("\e[%dm%s\e[0m", $ok ? 32 : 31, $word) : $word;
}

sub passed {
	my ($test) = @_;

	return !grep { @{$_->{reasons}} } @{$test->{checks}};
}

# Why it has failed, and what it printed: nothing if it has passed and nobody wants to see.
sub details {
	my ($test, $prefix, $show_reasons) = @_;
	my $text = '';

	$text = indent("$prefix    ", join "\n", map { @{$_->{reasons}} } @{$test->{checks}})
	    if $show_reasons // 1;
	if ($opt{v} || !passed($test)) {
		$text .= indent("$prefix    ", $opt{v} ? 'console:' : 'last lines:');
		$text .= indent("$prefix    | ", $opt{v} ? $test->{console} : last_lines($test->{console}));
	}
	return $text;
}

sub worth {
	return sum0 map { $_->{points} } map { @{$_->{checks}} } @_;
}

sub earned {
	return sum0 map { @{$_->{reasons}} ? 0 : $_->{points} } map { @{$_->{checks}} } @_;
}

sub score {
	my ($title, @of) = @_;

	printf "%s%s: %d/%d\n", $opt{tap} ? '# ' : '', $title, earned(@of), worth(@of);
}

# One test is done; the tests are reported in the order of the table.
sub report {
	my ($print, $test, $number) = @_;

	return $print->($test) unless $opt{tap};
	printf "%s %d - %s (%.1fs)\n", passed($test) ? 'ok' : 'not ok', $number, $test->{name}, $test->{time};
	print details($test, '#');
}

sub xml {
	my %name = ('&' => 'amp', '<' => 'lt', '>' => 'gt', '"' => 'quot');

	return $_[0] =~ s/([&<>"])/&$name{$1};/gr =~ s/\n/&#10;/gr;
}

sub junit {
	my ($file, @of) = @_;

	open my $out, '>', $file or fail("$file: $!");
	printf $out qq(<?xml version="1.0" encoding="UTF-8"?>\n) .
	    qq(<testsuite name="$me" tests="%d" failures="%d" errors="0" time="%.3f">\n),
	    scalar @of, scalar(grep { !passed($_) } @of), sum0 map { $_->{time} } @of;
	for my $test (@of) {
		printf $out qq(\t<testcase classname="%s" name="%s" time="%.3f">\n),
		    join('.', $me, $test->{part} // ()), $test->{name}, $test->{time};
		printf $out qq(\t\t<failure message="%s"/>\n), xml(join "\n", map { @{$_->{reasons}} } @{$test->{checks}})
		    unless passed($test);
		printf $out "\t\t<system-out>%s</system-out>\n\t</testcase>\n", xml($test->{console});
	}
	print $out "</testsuite>\n";
	close $out or fail("$file: $!");
}

# Which tests the names on the command line mean.
sub selected {
	my ($tests, @names) = @_;
	my @tests = @$tests;
	my %chosen;

	for my $name (@names) {
		my @hits = grep { $_->{name} eq $name } @tests;

		@hits = grep { index($_->{name}, $name) >= 0 } @tests unless @hits;
		fail("no test is called '$name'; there are: @{[map { $_->{name} } @tests]}") unless @hits;
		$chosen{$_->{name}} = 1 for @hits;
	}
	return grep { !@names || $chosen{$_->{name}} } @tests;
}

# Of a make that runs us, keep the variables given to it and not its options: they
# would be ours (-n), or speak of a job server that we have not inherited.
sub forget_outer_make {
	$ENV{MAKEFLAGS} = ($ENV{MAKEFLAGS} // '') =~ /(?:^|\s)(--\s.*)/s ? $1 : '';
	delete @ENV{qw(MFLAGS MAKELEVEL MAKEOVERRIDES)};
	$ENV{LC_ALL} = 'C';		# we read its messages
}

sub build {
	my @make = @_;
	my $job = job_start(BUILD_DEADLINE, undef, @make);

	jobs_next();
	return if !defined $job->{cut} && $job->{status} == 0;
	print STDERR indent('    ', last_lines(printable($job->{out})));
	fail("the build failed (@make)" . ($job->{cut} ? ": $job->{cut}" : ''));
}

# The command line, which is read when a grader says `use Grade'.
GetOptions(\%opt, qw(v|verbose j=i deadline=i make=s tap junit=s)) or exit 2;
fail("-j $opt{j}: not a number of tests") if $opt{j} < 1;
fail("--deadline $opt{deadline}: not a number of seconds") if defined $opt{deadline} && $opt{deadline} < 1;
my @variables = grep { /^\w+\+?=/ } @ARGV;
my @names = grep { !/^\w+\+?=/ } @ARGV;
forget_outer_make();

# The value that make will have for a variable, if whoever started us has said so.
sub variable {
	my ($name) = @_;
	my @given = map { /^\Q$name\E=(.*)/s } split(' ', $ENV{MAKEFLAGS}), @variables;

	return $given[-1];
}

# Run the selected tests, -j at a time, and call $done with each and its number, in their order.
sub run_all {
	my ($make, $selected, $done) = @_;
	my @waiting = @$selected;

	for my $number (1 .. @$selected) {
		my $test = $selected->[$number - 1];

		until (defined $test->{time}) {
			while (@waiting && @running < $opt{j}) {
				my $next = shift @waiting;
				$next->{job} = job_start($opt{deadline} // $next->{deadline} // DEADLINE,
				    $next->{until}, @$make, @{$next->{make}});
			}
			my $job = jobs_next();
			my $over = first { $_->{job} && $_->{job} == $job } @$selected;
			$job->{out} = printable($job->{out});
			$_->{reasons} = [reasons($_, $job)] for @{$over->{checks}};
			$over->{console} = $job->{out};
			$over->{time} = $job->{time};
		}
		$done->($test, $number);
	}
}

sub grade {
	my %table = @_;
	my @selected = selected($table{tests}, @names);
	my @make = (split(' ', $opt{make}), '-s', @variables);

	$opt{junit} = File::Spec->rel2abs($opt{junit}) if defined $opt{junit};
	chdir $FindBin::Bin or fail("$FindBin::Bin: $!");
	$| = 1;
	for my $name (qw(INT TERM HUP PIPE)) {
		$SIG{$name} = sub {
			jobs_end(@running);
			$SIG{$name} = 'DEFAULT';
			kill $name, $$;
		};
	}
	build(@make);

	print "1..@{[scalar @selected]}\n" if $opt{tap};
	run_all(\@make, \@selected, sub {
		my ($test, $number) = @_;
		my $part = $test->{part};
		my $next = $number < @selected ? $selected[$number]{part} : '';

		report($table{print}, $test, $number);
		score("Part $part score", grep { $_->{part} eq $part } @selected)
		    if defined $part && $part ne $next;
	});
	score($table{total}, @selected);
	junit($opt{junit}, @selected) if defined $opt{junit};
	exit(earned(@selected) == worth(@selected) ? 0 : 1);
}

1;
