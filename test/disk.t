#!/usr/bin/perl
# The data disk: user/disk.c finds what it wrote in the run before, and tries what it must not do;
# and what conf/qemu makes of DISK.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use File::Temp qw(tempdir);
use Test::More;

use constant MB => 1 << 20;

build();
my $dir = tempdir('faultline-XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub boot {
	return make('-s', 'run-disk', @_);
}

# A disk that is made, and then kept.
my $new = "$dir/new, and with a comma";
for ([1, 1], [2, 1], [3, 4]) {
	my ($generation, $cpus) = @$_;
	my $job = boot("DISK=$new", "CPUS=$cpus");

	shows($job, "generation $generation on $cpus CPU(s)", "disk: generation $generation", 'disk: OK');
	succeeds($job, 'ends well');
}
is(-s $new, 16 * MB, 'a disk that is made has 16 MB');
cmp_ok((stat $new)[12] * 512, '<', 4 * MB, 'most of which take no place');

# A disk that is there, of another size.  The sectors are where they say.
my $small = "$dir/small";
spew($small, "\xff" x (400 * 512));
shows(boot("DISK=$small"), 'a small disk that had something else on it', 'disk: generation 1', 'disk: OK');
my $content = slurp($small);
is(length $content, 400 * 512, 'keeps its size');
is(substr($content, 0, 8), pack('VV', 0xd15cf00d, 1), 'has its label in sector 0');
is(substr($content, 301 * 512, 98 * 512), "\xff" x (98 * 512), 'and what nobody wrote to is as it was');
is(substr($content, 399 * 512, 8), pack('VV', 0xd15cf00d, 1), 'has it in the last sector, too');

# The image that the machine starts from is another one, and stays as it is.
my $image = slurp('obj/kern/kernel.img');
boot("DISK=$new");
ok(slurp('obj/kern/kernel.img') eq $image, 'the boot disk is out of reach');

# No disk: a drive for CDs is in its place, or nothing at all.
for ([], ['QEMUEXTRA=-nodefaults']) {
	my $job = boot(@$_);

	shows($job, "no disk (@$_)", 'disk: there is none; .*');
	succeeds($job, 'is no failure');
}

mkdir "$dir/folder";
for my $name ("$dir/folder", "$dir/missing/disk", '/dev/null') {
	my $job = boot("DISK=$name");

	fails($job, "DISK=$name is refused");
	like($job->{out}, qr/^conf\/qemu: DISK=\Q$name\E: /m, 'with its name');
}
done_testing();
