#!/usr/bin/perl
# The grader is honest: it fails what is broken, only that, and says so in every format; and
# whatever it runs ends with it.  Programs are broken in a copy of the tree.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use TAP::Parser;
use Test::More;
use Time::HiRes qw(sleep time);

build();
my $tree = copy_of_tree('built');
my @all = qw(dumbfork faultread faultwrite faultdie faultregs faultalloc faultallocbad faultnostack
    faultbadhandler faultevilhandler forktree spin stresssched sendpage pingpong primes);

sub grade {
	my @opt = ref $_[0] ? %{ shift() } : ();

	return run({ dir => $tree, deadline => 120, @opt }, $^X, 'grade-lab4', @_);
}

# Change a program, or with nothing to change, make it what it was.
my %original;

sub change {
	my ($program, $from, $to) = @_;
	my $file = "$tree/user/$program.c";
	my $source = $original{$program} //= slurp($file);

	if (defined $from) {
		$source =~ s/$from/$to/ or die "$program.c has no $from\n";
	}
	spew($file, $source);
}

# The commands that run somewhere in the copy.
sub left_behind {
	return map { my $pid = $_; (readlink("/proc/$pid/cwd") // '') =~ /^\Q$tree\E/
	    ? "$pid " . slurp("/proc/$pid/cmdline") =~ tr/\0/ /r : () }
	    map { m{/(\d+)$} } glob '/proc/[0-9]*';
}

sub nothing_is_left {
	my ($name) = @_;

	SKIP: {
		skip 'no /proc to look at', 1 unless -r '/proc/self/cmdline';
		my $end = time + 2;
		sleep 0.05 while left_behind() && time < $end;
		is(join("\n", left_behind()), '', $name);
	}
}

sub verdicts {
	my ($job) = @_;

	return join ' ', map { /^(\w+): FAIL \(\d+\.\ds\)$/ ? $1 : () } split /\n/, $job->{out};
}

subtest 'a tree that is well' => sub {
	my $job = grade('faultdie', 'dumbfork');

	succeeds($job, 'passes');
	is_deeply([map { s/\d+\.\d/N/r } grep { !/^conf/ } split /\n/, $job->{out}],
	    ['dumbfork: OK (Ns)', 'Part A score: 5/5', 'faultdie: OK (Ns)', 'Part B score: 5/5',
	    'Score: 10/10'], 'with the known lines in the order of the lab, and no colours in a pipe');
	is(join(' ', map { /^(\w+): OK/ } split /\n/, grade('bad', 'pong')->{out}),
	    join(' ', grep { /bad|pong/ } @all), 'part of a name stands for all that have it');
	shows(grade('-v', 'faultdie'), '-v shows the console',
	    '    \| i faulted at va deadbeef, err 6', '    \| SMP: CPU 0 found 1 CPU\(s\)');
};

subtest 'two programs are broken' => sub {
	change('faultdie', qr/utf->utf_err &/, '7 |');
	change('forktree', qr/(?=\tcprintf)/, "\tif (strcmp(path, \"110\") != 0)\n\t");
	my $job = grade();

	is($job->{status}, 1, 'the status says so') or $job->show;
	is(verdicts($job), 'faultdie forktree', 'they fail, and nothing else');
	is(join(' ', map { /^(\w+): (?:OK|FAIL) / } split /\n/, $job->{out}), "@all", 'all have run');
	shows($job, 'the scores are right', 'Part A score: 5/5', 'Part B score: 40/50',
	    'Part C score: 25/25', 'Score: 70/80');
	shows($job, 'the reasons are there', '    missing: i faulted at va deadbeef, err 6',
	    "    missing: \\.\\.\\.\\.: I am '110'", '    \| i faulted at va deadbeef, err 7');
	change($_) for qw(faultdie forktree);
};

subtest 'formats' => sub {
	# A console that neither format can take as it is.
	change('faultdie', qr/(?=\tset_pgfault_handler)/,
	    qq(\tcprintf("<&>\\"' ]]> \\001\\033[1m \\377\\nnot ok 1\\n1..9\\nBail out!\\n");\n\texit();\n));
	my @names = qw(faultdie faultregs);
	my $job = grade('--tap', '--junit', "$tree/report.xml", @names);

	is($job->{status}, 1, 'the status is the same');
	my $tap = TAP::Parser->new({ tap => $job->{out} =~ s/^conf.*\n//mgr });
	my $unknown = 0;
	while (my $line = $tap->next) {
		$unknown += $line->is_unknown;
	}
	is_deeply([$tap->parse_errors], [], '--tap is well-formed') or $job->show;
	is($unknown, 0, 'and has nothing else in it');
	is(join(' ', $tap->failed), 1, 'and tells what failed');
	is(join(' ', $tap->passed), 2, 'and what did not');
	is($tap->tests_planned, 2, 'of how many');

	my $xml = slurp("$tree/report.xml");
	is(trouble_with($xml), '', '--junit is well-formed');
	is_deeply([$xml =~ /<testsuite .*\btests="(\d+)" failures="(\d+)"/], [2, 1], 'and counts');
	is_deeply([$xml =~ /<testcase .*\bname="(\w+)"/g], \@names, 'has the names');
	like($xml, qr{name="faultdie".*\n.*<failure message="[^"]*missing: i faulted}, 'and what failed');
	like($xml, qr/&lt;&amp;&gt;/, 'and the console');
	SKIP: {
		my $xmllint = run('xmllint', '--noout', "$tree/report.xml");
		skip 'no xmllint', 1 if $xmllint->{status} eq '127';
		succeeds($xmllint, 'xmllint agrees') or diag($xmllint->{out});
	}
	fails(grade('--junit', "$tree/nowhere/report.xml", 'faultregs'), 'a report that cannot be written');
	change('faultdie');
};

# What is wrong with a document that has tags, attributes, text and the five entities only.
sub trouble_with {
	my ($xml) = @_;
	my $text = qr/(?:[^<&]|&(?:lt|gt|amp|quot|apos|#\d+);)*/;
	my @open;

	return 'characters that XML has not' if $xml =~ /[^\t\n\x20-\x7e]/;
	$xml =~ s/^<\?xml version="1\.0" encoding="[\w-]+"\?>\n// or return 'no XML declaration';
	while ($xml =~ /\G($text)<(\/?)(\w[\w-]*)((?:\s+[\w-]+="(?:(?!")$text)??")*)\s*(\/?)>/gc) {
		my ($end, $name, $empty) = ($2, $3, $5);
		if ($end) {
			return "</$name> ends nothing" if !@open || pop @open ne $name;
		} elsif (!$empty) {
			push @open, $name;
		}
	}
	return 'trouble at: ' . substr($xml, pos $xml // 0, 60) if substr($xml, pos $xml // 0) !~ /^\s*$/;
	return @open ? "no end of @open" : '';
}

subtest 'programs that do too much' => sub {
	change('faultread', qr/\tcprintf/, "\tcprintf(\"I read nothing\\n\");\n\tcprintf");
	change('faultregs', qr/\n\}\s*\z/, "\n\tpanic(\"at last\");\n}\n");
	my $job = grade(qw(faultread faultregs));
	is($job->{status}, 1, 'do not pass');
	shows($job, 'for that reason', '    must not appear: I read nothing', '    must not appear: .*user panic in .*');
	change($_) for qw(faultread faultregs);
};

subtest 'a machine with fewer CPUs' => sub {
	my $job = grade('QEMUEXTRA=-smp 1', 'pingpong');
	is($job->{status}, 1, 'does not pass');
	shows($job, 'for that reason', '    missing: SMP: CPU 0 found 4 CPU\(s\)', '    missing: SMP: CPU 3 starting');
};

subtest 'a program that hangs' => sub {
	change('faultdie', qr/(?=\tsys_env_destroy)/, "\tfor (;;)\n\t\t;\n");
	my $start = time;
	my $job = grade(qw(--deadline 2 faultdie faultregs));
	is($job->{status}, 1, 'does not pass');
	is(verdicts($job), 'faultdie', 'and is the only one that does not');
	cmp_ok(time - $start, '<', 20, 'it is cut at its deadline');
	shows($job, 'the report says so', '    not finished after 2 seconds',
	    '    \| i faulted at va deadbeef, err 6');
	nothing_is_left('nothing of it is left');

	my $grader = start({ dir => $tree, deadline => 30 }, $^X, 'grade-lab4', '--tap', 'faultdie');
	$grader->expect(qr/^1\.\.1\n/m);
	my $end = time + 10;
	sleep 0.05 until !-r '/proc/self/cmdline' || grep({ /kernel\.img.*-m / } left_behind()) || time > $end;
	cmp_ok(time, '<', $end, 'it hangs once more');
	kill 'TERM', $grader->{pid};
	$grader->finish;
	is($grader->{status}, 'signal 15', 'a grader that is ended');
	nothing_is_left('leaves nothing either');
	change('faultdie');
};

subtest 'nothing to grade' => sub {
	my $job = grade('xyzzy');
	is($job->{status}, 2, 'a test that there is not');
	like($job->{out}, qr/xyzzy.*\bforktree\b/, 'is named, and so are those that there are');
	is(grade(@$_)->{status}, 2, "@$_ is refused") for ['--xyzzy'], ['--deadline', '0'], ['-j', '0'];

	change('faultdie', qr/\z/, "this is no C\n");
	$job = grade('faultregs');
	is($job->{status}, 2, 'a tree that does not build');
	like($job->{out}, qr/user\/faultdie\.c.*error/, 'shows why');
	hides($job, 'and has no score', qr/Score/);
	change('faultdie');
};

done_testing;
