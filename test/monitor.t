#!/usr/bin/perl
# The kernel monitor, as somebody meets it who types at the prompt.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

my @commands = qw(help kerninfo backtrace showmappings setperm dump envs pages step continue quit);
my $hex = qr/[0-9a-f]{8}/;
my $stack = '0xeebfd000';

# A copy, because one of the programs is our own.
my $tree = copy_of_tree('built');
my $qemu = qemu();

spew("$tree/user/oops.c", <<'END');
#include "inc/lib.h"

static volatile int one = 1;

static void __attribute__((noinline))
inner(void)
{
	if (one)
		panic("oops");			// in inner
	one++;
}

static void __attribute__((noinline))
outer(void)
{
	inner();				// in outer
	one++;
}

void
umain(int argc, char **argv)
{
	outer();				// in umain
	one++;
}
END
# It steps through itself after the monitor has stepped through it.
spew("$tree/user/steps.c", <<'END');
#include "inc/lib.h"

static int steps;

static void
count(struct UTrapframe *utf)
{
	steps++;
}

void
umain(int argc, char **argv)
{
	set_exception_handler(T_DEBUG, count);
	asm volatile("int3; nop; nop; nop");
	cprintf("%d steps before\n", steps);
	asm volatile("pushfl; orl $0x100,(%esp); popfl; nop; nop; pushfl; andl $~0x100,(%esp); popfl");
	cprintf("%d steps after\n", steps);
}
END
build(dir => $tree);
my $asm = make({ dir => $tree }, 'obj/user/breakpoint.asm')->{status} eq '0'
    && slurp("$tree/obj/user/breakpoint.asm");

# A session that runs the program, up to the first prompt.
sub session {
	my ($program, %opt) = @_;
	my $job = start({ talk => 1, dir => $tree, deadline => 30, %opt }, $^X, 'conf/qemu',
	    '--qemu', $qemu, '--image', 'obj/kern/kernel.img', '--init', $program,
	    '--gdbport', free_port(), qw(--attended --nox));

	$job->expect(qr/^K> /m);
	return $job;
}

# What the monitor says to a line, without the echo and the next prompt.
sub ask {
	my ($job, $line) = @_;

	$job->type("$line\n");
	return ($job->expect(qr/^K> /m) // '') =~ s/^.*\n//r =~ s/^K> \z//mr;
}

sub leave {
	my ($job, $name) = @_;

	$job->type("quit\n")->finish;
	succeeds($job, $name);
}

# And the text of a line, or nothing.
sub source_line {
	my ($file, $n) = @_;

	return -f "$tree/$file" ? (split /\n/, slurp("$tree/$file"))[$n - 1] // '' : '';
}

# The frames of a backtrace, as hashes.
sub frames {
	my ($text) = @_;
	my @frames;

	while ($text =~ /^  ebp ($hex)  eip ($hex)  args(?: $hex)+\n +(?:(.+):(\d+): (\S+)\+(\d+)|.*)$/mg) {
		push @frames, { ebp => hex $1, eip => hex $2, file => $3 // '', line => $4 // 0,
		    function => $5 // '', offset => $6 // 0 };
	}
	return @frames;
}

sub registers {
	my ($text) = @_;

	return map { hex } $text =~ /^  $_[1]\s+0x($hex)/m;
}

my %symbol = map { /^($hex) \S (\S+)$/ ? ($2 => hex $1) : () } split /\n/,
    slurp("$tree/obj/kern/kernel.sym");
# The instructions of the program, in their order.
my @code = map { hex } $asm =~ /^ +([0-9a-f]+):\t/mg;
my ($int3) = map { hex } $asm =~ /^ +([0-9a-f]+):\tcc\s/m;
my ($return) = $asm =~ /call .*<umain>.*\n(?:(?!  [0-9a-f]+:\t).*\n)*? +([0-9a-f]+):\t/;

subtest 'a breakpoint stops the program' => sub {
	my $job = session('breakpoint');

	shows($job, 'the monitor greets, with the dump', 'Welcome to the JOS kernel monitor!',
	    "Type 'help' for a list of commands\\.", 'TRAP frame at 0x[0-9a-f]{8} from CPU 0',
	    '  trap 0x00000003 Breakpoint', sprintf('  eip  0x%08x', $int3 + 1), '  cs   0x----001b');

	my $help = ask($job, 'help');
	is_deeply([$help =~ /^(\w+)/mg], \@commands, 'help lists every command');

	my $info = ask($job, 'kerninfo');
	for my $name (qw(_start entry etext end)) {
		my ($address) = map { hex } $info =~ /^$name\s+(?:0x)?($hex)/m;
		is($address, $symbol{$name}, "kerninfo tells where $name is");
	}

	like(ask($job, 'envs'), qr/^00001000 00000000 running .* breakpoint$/m, 'envs lists it');
	like(ask($job, 'pages'), qr/^[1-9]\d+ \w+ free\b.* [1-9]\d* given\b/m, 'pages counts');

	subtest 'backtrace' => sub {
		my $trace = ask($job, 'backtrace');
		my ($kernel, $user) = split /^.*in the program breakpoint.*\n/m, $trace;
		my @kernel = frames($kernel);

		like($trace, qr/^Stack backtrace:/, 'has a title');
		for my $frame (@kernel) {
			my ($function, $file) = @$frame{qw(function file)};

			is($symbol{$function} + $frame->{offset}, $frame->{eip}, "$function is where it says");
			ok(-f "$tree/$file", "$function is in a file") or diag("in $file");
			like(source_line($file, $frame->{line}), qr/\w/, "$function has a line");
		}
		my %frame = map { $_->{function} => $_ } @kernel;
		for ([monitor_trap => qr/\bmonitor\(/], [trap => qr/\b(?:dispatch|monitor_trap)\(/]) {
			my ($function, $call) = @$_;
			my $frame = $frame{$function} // { file => '', line => 0 };
			like(source_line($frame->{file}, $frame->{line}), $call, "$function is at its call");
		}

		my ($umain) = frames($user // '');
		is($umain->{function}, 'umain', 'the program is in umain');
		is($umain->{eip}, $int3 + 1, 'at the eip of the dump');
		is("$umain->{file}:$umain->{line}",
		    'user/breakpoint.c:' . line_number("$tree/user/breakpoint.c", qr/^\tbreakpoint/),
		    'on the line of the breakpoint');
	};

	subtest 'memory' => sub {
		my $page = $int3 & ~0xfff;
		my $at = $int3 & ~3;
		my ($pa) = map { hex } ask($job, sprintf 'showmappings 0x%x', $page) =~
		    /^\Q@{[sprintf '%08x-%08x', $page, $page + 0xfff]}\E -> ($hex) r- user/m;

		ok($pa, 'showmappings knows the text, read-only');
		my ($v, $p) = map { ask($job, $_) =~ s/^$hex://mgr } sprintf('dump v 0x%x 8', $at),
		    sprintf('dump p 0x%x 8', $pa + ($at & 0xfff));
		like($v, qr/^(?: $hex){4}\n(?: $hex){4}$/, 'dump shows eight words');
		is($v, $p, 'by virtual and by physical address');
		my ($word) = map { hex } $v =~ /($hex)/;
		is(($word >> 8 * ($int3 & 3)) & 0xff, 0xcc, 'and the breakpoint in them');

		like(ask($job, 'showmappings 0xf0000000'), qr/^f0000000-\w+ -> 00000000 rw kernel/,
		    'showmappings knows the kernel');
		like(ask($job, 'showmappings 0x1000'), qr/not mapped/, 'and where nothing is');
		like(ask($job, "showmappings $stack"), qr/ rw user/, 'and the stack, writable');
		ask($job, "setperm $stack r");
		like(ask($job, "showmappings $stack"), qr/ r- user/, 'until setperm takes the right');
		ask($job, "setperm $stack rw");
		like(ask($job, "showmappings $stack"), qr/ rw user/, 'and gives it back');
		is(scalar(() = ask($job, 'showmappings 0x800000 0x802000') =~ /^\w{8}-\w{8} -> /mg), 3,
		    'showmappings shows every page of a range');
		is(scalar(() = ask($job, 'showmappings 0x802000 0x801000') =~ / -> /g), 0,
		    'and none of a range that ends before it begins');
		is(ask($job, 'showmappings 4026531840'), ask($job, 'showmappings 0xf0000000'),
		    'numbers may be decimal, in the upper half too');
	};

	subtest 'step and continue' => sub {
		my ($after) = grep { $_ > $int3 } @code;
		my ($next) = grep { $_ > $after } @code;

		is($after, $int3 + 1, 'the listing is read well');
		# At a return the next instruction is the caller's.
		$next = hex $return if $asm =~ /^ +@{[sprintf '%x', $after]}:\t(?:\w\w )+\s*ret/m;
		my $step = ask($job, 'step');
		like($step, qr/^  trap 0x00000001 Debug$/m, 'a step ends in the monitor');
		is((registers($step, 'eip'))[0], $next, 'one instruction further');

		my $rest = ask($job, 'continue');
		like($rest, qr/\[00001000\] exiting gracefully\n\[00001000\] free env 00001000\n/,
		    'continue lets the program end');
		like($rest, qr/No runnable environments in the system!\nWelcome to the JOS kernel monitor!\n/,
		    'and then the monitor is back');
		for my $command (qw(step continue)) {
			like(ask($job, $command), qr/^no program is stopped$/m, "there is nothing to $command");
		}
	};

	leave($job, 'quit ends QEMU');
};

subtest 'the calls of a program' => sub {
	my $job = session('oops');
	my $panic = line_number("$tree/user/oops.c", qr/in inner/);

	shows($job, 'a panic stops it, too', "\\[00001000\\] user panic in .* at user/oops\\.c:$panic: oops",
	    '  trap 0x00000003 Breakpoint');
	my ($user) = (split /^.*in the program oops.*\n/m, ask($job, 'backtrace'))[1];
	my @frames = frames($user // '');
	my @want = (['lib/panic.c', '_panic', qr/^\tbreakpoint/],
	    (map { ['user/oops.c', $_, qr/in $_$/] } qw(inner outer umain)),
	    ['lib/libmain.c', 'libmain', qr/^\tumain\(/]);
	for my $i (0 .. $#want) {
		my ($file, $function, $pattern) = @{ $want[$i] };
		my $frame = $frames[$i] // { file => '?', function => '?', line => 0 };
		is("$frame->{function} $frame->{file}:$frame->{line}",
		    "$function $file:" . line_number("$tree/$file", $pattern), "$function is at its line");
	}
	like(ask($job, 'continue'), qr/\[00001000\] free env 00001000\n/, 'it ends when it goes on');
	leave($job, 'quit ends QEMU');
};

subtest 'a program that handles its own steps' => sub {
	my $job = session('steps');

	shows($job, 'a breakpoint stops it', '  trap 0x00000003 Breakpoint');
	my ($eip) = registers($job->{out}, 'eip');
	for my $n (1 .. 3) {
		my $step = ask($job, 'step');
		like($step, qr/^  trap 0x00000001 Debug$/m, "step $n ends in the monitor");
		is((registers($step, 'eip'))[0], $eip + $n, 'one instruction further');
	}
	my $rest = ask($job, 'continue');
	like($rest, qr/^0 steps before\n5 steps after\n/m, 'the program sees its own steps, and no others');
	like($rest, qr/\[00001000\] exiting gracefully\n/, 'and ends well');
	leave($job, 'quit ends QEMU');
};

# With somebody there, the prompt comes when all is done, well or not.
for ([hello => qr/^hello, world\n/m], [faultread => qr/^  trap 0x0000000e Page Fault\n/m]) {
	my ($program, $line) = @$_;
	my $job = session($program);

	like($job->{out}, $line, "$program has run");
	like($job->{out}, qr/^No runnable environments.*\nWelcome to the JOS.*\n.*\nK> \z/m,
	    "after $program there is the prompt");
	like(ask($job, 'backtrace'), qr/ all_done\+/, "after $program the kernel has a backtrace");
	leave($job, "after $program, quit ends QEMU");
}

subtest 'nonsense' => sub {
	my $job = session('breakpoint');
	my @usage = qw(showmappings setperm dump);
	my @no_number = ('showmappings zz', 'showmappings 0x', 'showmappings 0xg',
	    'showmappings 0x123456789', 'showmappings 99999999999', 'showmappings 12x',
	    'showmappings 4294967296', 'showmappings 0xffffffff0', 'showmappings 0x80:000', 'dump v 0x800000 many', 'setperm me r');
	my @no_env = map { my $id = $_; map { "$_ $id" } 'showmappings 0x800000 0x801000',
	    'setperm 0x800000 rw', 'dump v 0x800000 4' } qw(0 1 4097 0x1001 0x2000 0x7fffffff 0xffffffff);

	is(ask($job, ''), '', 'an empty line is nothing');
	is(ask($job, " \t "), '', 'and so is an empty one with blanks');
	like(ask($job, $_), qr/^Unknown command '\S+'$/m, "there is no command `$_'")
	    for qw(xyzzy HELP help! 0 -1 %s%n%x), 'h elp', 'continu e';
	like(ask($job, $_), qr/^usage: $_ /m, "$_ says what it needs") for @usage;
	like(ask($job, 'dump v'), qr/^usage: dump /m, 'even when half of it is there');
	like(ask($job, $_), qr/ is not a number/, "`$_' is refused") for @no_number;
	like(ask($job, $_), qr/^there is no env /m, "`$_' is refused") for @no_env;
	like(ask($job, join ' ', 'dump', 1 .. 100), qr/\w/, 'a hundred words are answered');
	like(ask($job, 'dump x 0x800000'), qr/\w/, 'memory that is neither is answered');
	like(ask($job, "setperm $_ rw"), qr/^no program has a page/m, "setperm leaves $_ alone")
	    for qw(0 0x1000 0xef400000 0xeec00000 0xf0100000 0xfffff000 0xffffffff);
	like(ask($job, "setperm $stack rwx"), qr/\w/, 'rights that there are not are answered');
	ask($job, $_) for 'showmappings 0 0xffffffff', 'showmappings 0xffffffff 0xffffffff',
	    'showmappings 0xffffffff', 'showmappings 0xfffff000 0xffffffff', 'dump v 0xfffffff0 64',
	    'dump p 0xfffffff0 64', 'dump p 0xfebff000 8', 'dump v 0xef7ffff0 16', 'dump v 0 0', 'dump p 0 0';
	like(ask($job, 'x' x 2000), qr/^Unknown command/m, 'a line of 2000 characters is answered');
	like(ask($job, 'help ' . 'y' x 2000), qr/^quit /m, 'and so is one that makes sense at first');
	ask($job, join '', map { chr } grep { $_ != 10 && $_ != 13 } 2 .. 255);	# 1 is QEMU's own
	ask($job, '');

	like(ask($job, 'kerninfo'), qr/^entry /m, 'the monitor is as before');
	hides($job, 'nothing of it was a panic', qr/panic/);
	is(scalar lines_of($job, qr/TRAP frame/), 1, 'and nothing trapped');
	like(ask($job, 'continue'), qr/exiting gracefully\n/, 'the program can still go on');
	leave($job, 'quit ends QEMU');
};

# Whoever asks for all memory gets the prompt back some time, if only by typing.
subtest 'a dump without end' => sub {
	my $job = session('breakpoint', deadline => 4);

	$job->type("dump v 0 0xffffffff\n");
	$job->expect(qr/\n.*\n/);
	$job->type("\n");
	ok($job->expect(qr/^K> /m), 'the prompt is back');
	$job->stop;
};

done_testing;
