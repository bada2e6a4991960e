#!/usr/bin/perl
# The table of doc/processes.md: its messages and entries into the kernel are those of another run.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

plan skip_all => 'a kernel that checks itself takes no short ways' if ($ENV{CHECK} // '') eq '1';

use constant ROWS => qw(spawn exec fork_exec_wait getppid fork waitpid kill_wait pipe_close write read sem_up
    sem_down thread_create_join sbrk_touch);

# What a table says of each call, but for instructions, which depend on the compiler.
sub table {
	my ($text) = @_;

	return map { /^\| (\w+) \| (\d+) \|.*\| (\d+: [^|]+?) \|$/ ? ($1 => "$2 messages, $3") : () } split /\n/, $text;
}

build();
my $job = make({ deadline => 300 }, '-s', 'trace', 'DOCUMENT=');
succeeds($job, 'there is a trace');
my %traced = table($job->{out});
is_deeply([sort keys %traced], [sort +ROWS], 'of all calls');
is_deeply({ table(slurp('doc/processes.md')) }, \%traced, 'and the document says the same (make trace)');

done_testing;
