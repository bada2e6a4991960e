#!/usr/bin/perl
# doc/handlers.md: its programs, compiled and run as they stand there; and what is made of it is up to
# date.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

use constant DOCUMENT => 'doc/handlers.md';
use constant FIRST => 20;	# lines of the first program

# What `make doc' has made of other files.
my $made = run($^X, 'conf/made', DOCUMENT);
ok($made->{out} eq slurp(DOCUMENT), 'the reference and the table are up to date (make doc)');

# Each block of C is a program, whose first line names its file, and the block behind it is what the
# console shows.
my @blocks = slurp(DOCUMENT) =~ /^```(c|text)\n(.*?)^```$/gms;
my (@programs, %source, %console);
while (my ($kind, $text, $next, $console) = splice @blocks, 0, 4) {
	my ($name) = $kind eq 'c' && ($next // '') eq 'text' && $text =~ m{\A// user/(\w+)\.c$}m
	    or die DOCUMENT . ": a program without a name or without its lines:\n$text";
	push @programs, $name;
	($source{$name}, $console{$name}) = ($text, $console);
}
cmp_ok(scalar @programs, '>=', 8, 'the document has programs');
is($source{ $programs[0] } =~ tr/\n//, FIRST, 'the first of which is short');

build();
my $tree = copy_of_tree('built');
for my $name (@programs) {
	ok(!-e "$tree/user/$name.c", "$name is in the document alone");
	spew("$tree/user/$name.c", $source{$name});
}
my $build = make({ dir => $tree, deadline => 600 }, 'image');
succeeds($build, 'they compile') or BAIL_OUT('no programs');
hides($build, 'without a warning', qr/warning:/);

# A pattern for what a program prints.  Three dots, as a line or at its end, are what differs.
sub pattern {
	my ($lines) = @_;

	return join '', map { $_ eq "...\n" ? '(?:.*\n)*' : s/\.\.\.\n\z// ? quotemeta . '.*\n' : quotemeta }
	    $lines =~ /.*\n/g;
}

for my $name (@programs) {
	for my $cpus (1, 2) {
		my $job = make({ dir => $tree }, "run-$name", "CPUS=$cpus");
		my ($shown) = $job->{out} =~
		    /^\[00000000\] new env 00001000\n(.*?)^\[00001000\] (?:exiting gracefully|free env 00001000)\n/ms;

		like($shown // '', '/\A' . pattern($console{$name}) . '\z/', "$name prints this, CPUS=$cpus")
		    or $job->show;
	}
}

done_testing;
