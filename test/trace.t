#!/usr/bin/perl
# The table of doc/processes.md: its messages, and with the same compiler its entries into the kernel, are those of
# another run.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

plan skip_all => 'a kernel that checks itself takes no short ways' if ($ENV{CHECK} // '') eq '1';

use constant ROWS => qw(spawn exec fork_exec_wait getppid fork waitpid kill_wait pipe_close write read sem_up
    sem_down thread_create_join sbrk_touch);

# What a table says of each call, but for instructions.
sub table {
	my ($text) = @_;

	return map { /^\| (\w+) \| (\d+) \|.*\| (\d+: [^|]+?) \|$/ ? ($1 => { messages => $2, entries => $3 }) : () }
	    split /\n/, $text;
}

sub compiler {
	return $_[0] =~ /^The programs were compiled by (.*)\.$/m ? $1 : 'nobody';
}

build();
my $job = make({ deadline => 300 }, '-s', 'trace', 'DOCUMENT=');
succeeds($job, 'there is a trace');
my ($traced, $written) = ($job->{out}, slurp('doc/processes.md'));
my (%traced, %written);
%traced = table($traced);
%written = table($written);
is_deeply([sort keys %traced], [sort +ROWS], 'of all calls');
unlike($traced, qr/another/, 'each entry has a name');

# Compilers place variables, and so page faults, as they like.
delete @$_{'entries'} for compiler($traced) eq compiler($written) ? () : (values %traced, values %written);
is_deeply(\%written, \%traced, 'the document says the same (make trace)');

done_testing;
