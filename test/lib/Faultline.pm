package Faultline;

# What the suites share.  A job is a command that runs beside the test: with a deadline, in a
# process group of its own, with its output and errors together in {out}, without the "\r" that
# the console puts before each "\n".  However the test ends, the whole group ends with it.
#
#	my $job = run(qw(make run-hello));		# to its end
#	shows($job, 'hello says so', 'hello, world');	# whole lines, as patterns
#
#	my $job = start({ talk => 1 }, @command);	# beside us, and we type
#	$job->expect(qr/^K> /m);
#	$job->type("quit\n");
#	$job->finish;
#
# A deadline that passes, and a process that stays behind, fail the test by themselves.
#
# Suites run in the top of the tree.  One that changes anything takes a copy_of_tree().

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use Fcntl qw(O_NONBLOCK F_SETFL);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start run make build qemu shows hides succeeds fails copy_of_tree free_port
    slurp spew lines_of line_number);

use constant DEADLINE => 60;	# seconds; nearly every job takes less than one
use constant GRACE => 5;	# between asking a group to end and making it
use constant TICK => 0.01;
use constant SHOWN => 15;	# lines of output under a failed test

# What a make around us may say to ours: the tool chain, and nothing that changes a machine.
use constant KEPT => qr/^(?:CC|LD|GCCPREFIX|QEMU|PERL|GDB|WERROR|DEFINES|CHECK|UBSAN)=/;

my $top = abs_path(dirname(__FILE__) . '/../..');
my %running;			# process id => job

BEGIN {
	my ($variables) = ($ENV{MAKEFLAGS} // '') =~ /(?:^|\s)--\s(.*)/s;
	my @kept = grep { $_ =~ KEPT } split /(?<!\\)\s+/, $variables // '';

	delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES V CPUS MEM DISK QEMUEXTRA GDBPORT INIT_CFLAGS)};
	$ENV{MAKEFLAGS} = join ' ', '--', @kept if @kept;
	$ENV{LC_ALL} = 'C';
}
chdir $top or die "$top: $!\n";
$SIG{PIPE} = 'IGNORE';
for my $name (qw(INT TERM HUP)) {
	$SIG{$name} = sub { exit 1 };	# by way of END
}

END {
	my $status = $?;
	$_->stop for values %running;
	$? = $status;
}

# Start a command.  Options: talk, for a standard input to type on instead of none at all; dir,
# where to run; deadline in seconds.
sub start {
	my %opt = (dir => $top, deadline => DEADLINE, ref $_[0] ? %{ shift() } : ());
	my @command = @_;
	my $job = bless { command => "@command", out => '', seen => 0, deadline => $opt{deadline},
	    over => time + $opt{deadline} }, __PACKAGE__;

	pipe my $in, $job->{to} or die "pipe: $!\n";
	pipe $job->{from}, my $out or die "pipe: $!\n";
	my $pid = $job->{pid} = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp 0, 0;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		$ENV{QEMUTIMEOUT} = int $opt{deadline} + 2 * GRACE;	# should we be killed ourselves
		open STDIN, $opt{talk} ? '<&' : '<', $opt{talk} ? $in : '/dev/null';
		open STDOUT, '>&', $out;
		open STDERR, '>&', $out;
		{ no warnings 'exec'; chdir $opt{dir} and exec { $command[0] } @command; }
		print STDERR "$command[0]: $!\n";
		POSIX::_exit(127);
	}
	setpgrp $pid, $pid;		# the group exists before either side goes on
	delete $job->{to} unless $opt{talk};
	fcntl $job->{from}, F_SETFL, O_NONBLOCK;
	return $running{$pid} = $job;
}

# Wait for output, and take it in.  False at its end or at the deadline.
sub take {
	my ($job) = @_;
	my $ready = IO::Select->new($job->{from})->can_read($job->{over} - time);

	return 0 unless $ready;
	my $n = sysread $job->{from}, $job->{out}, 1 << 16, length $job->{out};
	$job->{out} =~ tr/\r//d;
	return $n || !defined $n && $!{EAGAIN};
}

# Wait until the pattern matches in what has not been matched yet, and return all the output up
# to there; or nothing, which fails the test.
sub expect {
	my ($job, $pattern) = @_;

	return if $job->{failed};
	for (my $more = 1; ; $more = $job->take) {
		my $new = substr $job->{out}, $job->{seen};

		if ($new =~ $pattern) {
			$job->{seen} += $+[0];
			return substr $new, 0, $+[0];
		}
		last unless $more;
	}
	fail("$job->{command}: $pattern did not come");
	$job->{failed} = 1;		# and what is asked next needs no complaint of its own
	$job->show;
	return;
}

sub type {
	my ($job, $text) = @_;

	syswrite $job->{to}, $text;
	return $job;
}

# Wait for the end.  {status} is the exit status, or the signal's name.
sub finish {
	my ($job) = @_;

	delete $job->{to};
	1 while $job->take;
	sleep TICK until $job->reap || time > $job->{over};
	if (!defined $job->{status}) {
		fail("$job->{command}: not finished after $job->{deadline} seconds");
		$job->show;
	} elsif (!$job->going) {
		fail("$job->{command}: left processes behind");
	}
	return $job->stop;
}

# End it here and now, with all that belongs to it.
sub stop {
	my ($job) = @_;
	my $group = -$job->{pid};

	kill 'TERM', $group;
	kill 'KILL', $group unless $job->going;
	sleep TICK until $job->reap;
	delete @$job{qw(to from)};
	delete $running{ $job->{pid} };
	return $job;
}

sub reap {
	my ($job) = @_;

	if (!defined $job->{status} && waitpid($job->{pid}, WNOHANG) == $job->{pid}) {
		$job->{status} = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	}
	return defined $job->{status};
}

# Is no process of the group left?  One that has ended, and waits for init to hear of it, is not.
sub gone {
	my ($job) = @_;

	$job->reap;
	return 1 unless kill 0, -$job->{pid};
	return 0 unless -r '/proc/self/stat';
	for my $name (glob '/proc/[0-9]*/stat') {
		open my $file, '<', $name or next;
		my ($state, $group) = (<$file> // '') =~ /.*\) (\S) \d+ (\d+) / or next;
		return 0 if $group == $job->{pid} && $state ne 'Z';
	}
	return 1;
}

# The same, for those that are about to go.
sub going {
	my ($job) = @_;
	my $end = time + GRACE;

	sleep TICK until $job->gone || time > $end;
	return $job->gone;
}

sub show {
	my ($job) = @_;
	my @lines = split /\n/, $job->{out};

	splice @lines, 0, @lines - SHOWN if @lines > SHOWN;
	diag("status $job->{status}") if defined $job->{status};
	diag("| $_") for @lines;
	return 0;
}

sub run {
	return start(@_)->finish;
}

# make, quietly and without asking where: make({ options }, TARGET, VARIABLE=VALUE...).
sub make {
	my @opt = ref $_[0] ? shift : ();

	return run(@opt, qw(make --no-print-directory), @_);
}

# What a suite boots must be built, and a tree that is not has nothing to be tested.
sub build {
	my $job = make({ deadline => 600, @_ }, 'image');

	$job->{status} eq '0' or $job->show || die "the build failed\n";
}

# A word that a make of this tree prints, such as print-qemu's.
sub qemu {
	chomp(my $qemu = make(qw(-s print-qemu))->{out});
	return $qemu;
}

# Tests on what a job has printed.  Patterns are for whole lines.

sub missing {
	my ($job, @lines) = @_;

	return grep { $job->{out} !~ /^(?:$_)$/m } @lines;
}

sub shows {
	my ($job, $name, @lines) = @_;
	my @missing = missing($job, @lines);

	return 1 if ok(!@missing, $name);
	diag("missing: $_") for @missing;
	return $job->show;
}

# These are nowhere, not even in the middle of a line.
sub hides {
	my ($job, $name, @patterns) = @_;
	my @there = grep { $job->{out} =~ /$_/ } @patterns;

	return 1 if ok(!@there, $name);
	diag("must not appear: $_") for @there;
	return $job->show;
}

sub succeeds {
	my ($job, $name) = @_;

	return is($job->{status}, 0, $name) || $job->show;
}

# It ended by itself, and not well.
sub fails {
	my ($job, $name) = @_;

	return like($job->{status}, qr/^[1-9]\d*$/, $name) || $job->show;
}

# The lines of a job's output that match.
sub lines_of {
	my ($job, $pattern) = @_;

	return grep { $_ =~ $pattern } split /\n/, $job->{out};
}

# A copy of the tree that goes away with us: the sources only, or with what is built.
sub copy_of_tree {
	my ($built) = @_;
	my $dir = tempdir('faultline-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my @files = entries($top, qr/^(?:\.git|obj|compile_commands\.json)$/);

	system('cp', '-pR', @files, $dir) == 0 or die "no copy of the tree in $dir\n";
	if ($built) {
		mkdir "$dir/obj";
		# The host tests' part is large, and nobody here needs it.
		@files = entries("$top/obj", qr/^(?:test|lock)$/);
		system('cp', '-pR', @files, "$dir/obj") == 0 or die "no copy of obj in $dir\n";
	}
	return $dir;
}

sub entries {
	my ($dir, $without) = @_;

	opendir my $handle, $dir or die "$dir: $!\n";
	return map { "$dir/$_" } grep { !/^\.\.?$/ && !/$without/ } readdir $handle;
}

# A port that nobody listens on.
sub free_port {
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
	my $port = $socket->sockport;

	close $socket;
	return $port;
}

sub slurp {
	my ($name) = @_;

	open my $file, '<:raw', $name or die "$name: $!\n";
	local $/;
	return scalar <$file>;
}

# The number of the first line of a file that matches.
sub line_number {
	my ($name, $pattern) = @_;
	my @lines = split /\n/, slurp($name);
	my ($n) = grep { $lines[$_ - 1] =~ $pattern } 1 .. @lines;

	return $n // "(no $pattern in $name)";
}

sub spew {
	my ($name, $content) = @_;

	open my $file, '>:raw', $name or die "$name: $!\n";
	print $file $content;
	close $file or die "$name: $!\n";
}

1;
