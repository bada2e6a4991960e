#!/usr/bin/perl
# The README's program, compiled and run as it stands there.

use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

open my $readme, '<', 'README.md' or die "README.md: $!\n";
my ($program) = do { local $/; <$readme> } =~ /^```c\n(.*?)^```$/ms;
ok(defined $program, 'the README has a program');
cmp_ok(($program =~ tr/\n//), '<=', 25, 'which is short');

# In a copy of the tree, so that user/first.c does not stay here.
my $copy = tempdir(CLEANUP => 1);
system("git ls-files -z -co --exclude-standard | xargs -0 tar cf - | tar xf - -C '$copy'") == 0
    or die "cannot copy the tree\n";
open my $source, '>', "$copy/user/first.c" or die "user/first.c: $!\n";
print $source $program;
close $source;

my $console = `cd '$copy' && QEMUTIMEOUT=30 make -s run-first </dev/null 2>&1`;
is($?, 0, 'it runs to its end');
my @lines = grep { /^(nothing|this)/ } split /\n/, $console;
is_deeply(\@lines, [
	'nothing at 10000000: making a page', 'this page was made at 0x10000000',
	'nothing at 20000000: making a page', 'this page was made at 0x20000000',
    ], 'and its handler makes the pages') or diag($console);
done_testing();
