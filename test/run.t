#!/usr/bin/perl
# What make and conf/ promise: how a run ends, what bad input gets, which machines boot, what is
# built when.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use IO::Socket::INET;
use POSIX ();
use Test::More;

use constant SECTOR => 512;

build();
my @qemu = split ' ', qemu();
my $image = 'obj/kern/kernel.img';
my $tree = copy_of_tree('built');	# to change

# QEMU as somebody would start it who knows nothing of conf/qemu, but wants an end.
sub plain_qemu {
	return run({ dir => $tree, deadline => 20 }, @qemu, qw(-display none -serial stdio -nic none
	    -device), 'isa-debug-exit,iobase=0xf4,iosize=4', @_);
}

sub plain_disk {
	return plain_qemu('-drive', "file=$image,format=raw,snapshot=on",
	    '-fw_cfg', 'name=opt/faultline/cmdline,string=batch');
}

# Lines that are not make's own, nor conf/qemu's remark on the display.
sub complaints {
	return grep { !/^make\b|no display/ } lines_of($_[0], qr/./);
}

subtest 'how a run ends' => sub {
	my $hello = make('run-hello');
	succeeds($hello, 'well when the programs did');
	shows($hello, 'and the console tells', 'hello, world', 'No runnable environments in the system!');

	my $forktree = make('run-forktree');
	succeeds($forktree, 'run-forktree ends well');
	is_deeply([sort map { /I am (.*)/ } lines_of($forktree, qr/I am/)],
	    [map { "'$_'" } '', qw(0 00 000 001 01 010 011 1 10 100 101 11 110 111)],
	    'after exactly the fifteen');
	fails(make("run-$_"), "not well after $_") for qw(faultread divzero breakpoint);

	spew("$tree/user/oops.c", qq(#include "inc/lib.h"\nvoid\numain(int argc, char **argv)\n{\n) .
	    qq(\tcprintf("before\\n");\n\tpanic("oops %d", 42);\n}\n));
	my $oops = make({ dir => $tree }, 'run-oops');
	fails($oops, 'not well after a panic');
	shows($oops, 'that says where', 'before', '\[00001000\] user panic in .* at user/oops\.c:6: oops 42',
	    '\[00001000\] free env 00001000');
};

subtest 'bad input' => sub {
	my $unknown = make('run-xyzzy');
	fails($unknown, 'there is no such program');
	is(scalar lines_of($unknown, qr/./), 1, 'which takes one line');
	like($unknown->{out}, qr{user/xyzzy\.c}, 'with its name');

	for (['CPUS=0', qr/CPUS=0\b/], ['CPUS=17', qr/CPUS=17\b/], ['CPUS=x', qr/CPUS=x\b/],
	    ['CPUS=', qr/CPUS=/], ['CPUS=-1', qr/CPUS=-1\b/], ['MEM=abc', qr/MEM=abc\b/],
	    ['MEM=0', qr/MEM=0\b/], ['MEM=1M', qr/MEM=1M\b/], ['GDBPORT=0', qr/GDBPORT=0\b/],
	    ['DISK=/dev/null', qr{DISK=/dev/null\b}], ['DISK=no/disk', qr{DISK=no/disk\b}],
	    ['GDBPORT=99999', qr/GDBPORT=99999\b/], ['QEMU=missing', qr/\bmissing\b.*conf\/setup/]) {
		my ($variable, $pattern) = @$_;
		my $job = make({ deadline => 5 }, 'run-hello', $variable);
		my @complaints = complaints($job);

		fails($job, "$variable is refused");
		is(scalar @complaints, 1, 'in one line') or $job->show;
		like($complaints[0] // '', $pattern, 'that says what is wrong');
	}
};

subtest 'machines' => sub {
	my $many = make('run-hello', 'CPUS=16');
	succeeds($many, 'CPUS=16 boots');
	shows($many, 'and all of them start', 'SMP: CPU 0 found 16 CPU\(s\)',
	    map { "SMP: CPU $_ starting" } 1 .. 15);

	my ($least) = make('run-hello', 'MEM=1M')->{out} =~ /the kernel needs (\d+)M or more/;
	fails(make({ deadline => 5 }, 'run-hello', 'MEM=' . ($least - 1) . 'M'), 'less than the least memory is refused');
	for my $mem ("${least}M", qw(64M 3G)) {
		my $job = make('run-hello', "MEM=$mem");
		succeeds($job, "MEM=$mem boots");
		shows($job, "and runs with MEM=$mem", 'hello, world');
	}

	SKIP: {
		my ($free) = -r '/proc/meminfo' && slurp('/proc/meminfo') =~ /^MemAvailable:\s+(\d+) kB/m;
		skip 'a machine of 3 GB does not fit in here', 2 if $free && $free < 4 << 20;

		my $touch = make('run-memtouch', 'MEM=3G');
		my ($mb) = $touch->{out} =~ /^memtouch: \d+ pages, (\d+) MB$/m;
		succeeds($touch, 'a program touches the memory of MEM=3G');
		cmp_ok($mb // 0, '>=', 0.9 * 3072, 'nearly all of it');
	}

	my $multiboot = plain_qemu(qw(-kernel obj/kern/kernel -append), 'init=pingpong batch');
	is($multiboot->{status}, 33, 'the kernel boots by Multiboot') or $multiboot->show;
	shows($multiboot, 'with the program of its command line', '1001 got 10 from 1000');
};

subtest 'an image for one program' => sub {
	succeeds(make({ dir => $tree }, 'prep-forktree'), 'prep-forktree');
	my $alone = plain_disk();
	is($alone->{status}, 33, 'boots by itself') or $alone->show;
	is(scalar lines_of($alone, qr/I am '/), 15, 'its program');
	shows(make({ dir => $tree }, 'run-hello'), 'run-hello still runs hello', 'hello, world');

	utime undef, undef, "$tree/user/hello.c";
	make({ dir => $tree }, 'image');
	shows(plain_disk(), 'and so does the image once it is built again', 'hello, world');
	fails(make({ dir => $tree }, 'prep-xyzzy'), 'an unknown program is refused');
};

subtest 'an image newer than its kernel' => sub {
	my $content = slurp("$tree/$image");
	substr $content, SECTOR, SECTOR, pack 'a' . SECTOR, 'image=999 init=hello';
	spew("$tree/newer.img", $content);

	my $job = run({ dir => $tree, deadline => 5 }, $^X, qw(conf/qemu --qemu), "@qemu",
	    qw(--image newer.img --init hello --gdbport), free_port());
	fails($job, 'is refused');
	shows($job, 'with a reason', 'kernel panic .*: this kernel is too old for its image .*\b999\b.*');
	shows($job, 'on the only CPU that there is', 'kernel panic on CPU 0 at .*');
};

subtest 'conf/mkimage' => sub {
	my ($boot, $kernel) = map { slurp("$tree/$_") } qw(obj/boot/boot obj/kern/kernel.stripped);
	my $mkimage = sub {
		my ($b, $k) = @_;

		spew("$tree/$$_[0]", $$_[1]) for ['boot.new', $b], ['kernel.new', $k];
		return run({ dir => $tree }, $^X, qw(conf/mkimage test.img boot.new kernel.new));
	};
	my $patched = sub {
		my ($at, $bytes) = @_;

		return $kernel =~ s/^.{$at}\K.{@{[length $bytes]}}/$bytes/sr;
	};
	my $first = unpack 'V', substr $kernel, 28, 4;	# where the program headers begin

	succeeds($mkimage->($boot, $kernel), 'makes an image');
	is(slurp("$tree/test.img"), slurp("$tree/$image"), 'the one that make makes');
	succeeds($mkimage->($boot . "\0" x (446 - length $boot), $kernel), 'a boot sector may have 446 bytes');
	my $before = slurp("$tree/test.img");

	for (['a boot sector of 447 bytes', "\0" x 447, $kernel, qr/boot sector has 447 bytes/],
	    ['a kernel that is no ELF', $boot, "#!/bin/sh\n" x 100, qr/no ELF/],
	    ['an empty kernel', $boot, '', qr/kernel\.new/],
	    ['an ELF for x86-64', $boot, $patched->(18, "\x3e\0"), qr/i386/],
	    ['an object file', $boot, $patched->(16, "\1\0"), qr/executable/],
	    ['an ELF cut short in its header', $boot, substr($kernel, 0, 40), qr/kernel\.new/],
	    ['an ELF cut short behind it', $boot, substr($kernel, 0, 60), qr/kernel\.new/],
	    ['an ELF cut short in the text', $boot, substr($kernel, 0, length($kernel) / 2), qr/cut short/],
	    ['program headers far away', $boot, $patched->(28, "\xf0\xff\xff\xff"), qr/headers/],
	    ['an image too large', $boot, $patched->($first + 20, pack 'V', 64 << 20), qr/too large.* 48 MB/]) {
		my ($name, $b, $k, $pattern) = @$_;
		my $job = $mkimage->($b, $k);

		fails($job, "$name is refused");
		is(scalar lines_of($job, qr/./), 1, 'in one line') or $job->show;
		like($job->{out}, $pattern, 'that says what is wrong');
		unlike($job->{out}, qr/  /, 'as a person would write it');
	}
	fails(run({ dir => $tree }, $^X, qw(conf/mkimage test.img boot.new xyzzy)), 'a missing kernel is refused');
	fails(run({ dir => $tree }, $^X, qw(conf/mkimage --init), 'x' x 600, 'test.img'),
	    'a name that does not fit is refused');
	is(slurp("$tree/test.img"), $before, 'and the old image has lost nothing');
	is(join(' ', glob "$tree/test.img.*"), '', 'nor has it company');
};

subtest 'what is built when' => sub {
	my @dir = { dir => $tree };

	make(@dir);
	is(make(@dir)->{out}, '', 'a second make does nothing');

	utime undef, undef, "$tree/user/hello.c";
	my $job = make(@dir);
	is_deeply([lines_of($job, qr/^\+ (?:CC|AR|IMAGE)/)], ['+ CC user/hello.c', "+ IMAGE $image"],
	    'touching a program builds that program and the image');
	is_deeply([lines_of($job, qr/^\+ LD/)], ['+ LD obj/user/hello', '+ LD obj/kern/kernel'],
	    'and links no other');

	utime undef, undef, "$tree/user/hello.c";
	my $verbose = make(@dir, 'V=1');
	shows($verbose, 'V=1 shows commands', '.* -c -o obj/user/hello\.o user/hello\.c', '.*conf/mkimage .*');
	hides($verbose, 'and no summary of them', qr/^\+ /m);

	spew("$tree/user/newcomer.c", qq(#include "inc/lib.h"\nvoid\numain(int argc, char **argv)\n{\n) .
	    qq(\tcprintf("i have come\\n");\n}\n));
	my $newcomer = make(@dir, 'run-newcomer');
	succeeds($newcomer, 'a file dropped into user/ boots');
	shows($newcomer, 'as a program', 'i have come', '\[00001000\] exiting gracefully');
	unlink "$tree/user/newcomer.c";
	fails(make(@dir, 'run-newcomer'), 'and is no program when it has gone');
	make(@dir);
	unlike(slurp("$tree/$image"), qr/newcomer/, 'nor in the image');
	succeeds(make(@dir, 'run-hello'), 'which boots');
};

subtest 'two runs side by side' => sub {
	my $clean = copy_of_tree();
	my @port = 'GDBPORT=' . free_port();

	for my $state ('not built', 'built') {
		my @jobs = map { start({ dir => $clean }, 'make', $_, @port) } qw(run-forktree run-hello);
		$_->finish for @jobs;
		succeeds($_, "$_->{command}, when the tree is $state") for @jobs;
		is(scalar lines_of($jobs[0], qr/I am '/), 15, 'and one does not disturb');
		shows($jobs[1], 'the other', 'hello, world');
	}
};

subtest 'the gdb port is taken' => sub {
	my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
	my $port = $other->sockport;

	my $run = make({ dir => $tree }, 'run-hello', "GDBPORT=$port");
	succeeds($run, 'run-hello does without');
	shows($run, 'and runs', 'hello, world');
	for my $target (qw(run-hello-nox-gdb qemu-nox-gdb)) {
		my $wait = make({ dir => $tree, deadline => 10 }, $target, "GDBPORT=$port");
		fails($wait, "$target stops");
		shows($wait, 'with a reason', ".*\\bport $port: .*");
		hides($wait, 'and nothing runs', qr/SMP/);
	}
};

subtest 'nothing outlives a run' => sub {
	my @attended = ($^X, qw(conf/qemu --qemu), "@qemu", '--image', $image, '--gdbport', free_port(),
	    qw(--init hello --attended));
	my $late = run({ deadline => 20 }, @attended, qw(--timeout 1));
	is($late->{status}, 3, 'when its time is up');

	for my $signal ('TERM', $^O eq 'linux' ? 'KILL' : ()) {
		my $job = start({ talk => 1, deadline => 20 }, @attended);
		$job->expect(qr/^K> /m);
		kill $signal, $job->{pid};	# conf/qemu alone
		$job->finish;
		like($job->{status}, qr/^signal/, "when it is ended by SIG$signal");
	}
};

my ($told) = lines_of(make('print-gdbport'), qr/./);
is($told, POSIX::getuid() % 5000 + 25000, 'print-gdbport');
is(make('print-qemu', 'QEMU=my-qemu')->{out}, "my-qemu\n", 'print-qemu');

done_testing;
