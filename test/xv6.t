#!/usr/bin/perl
# The xv6 personality (user/xv6): cowtest and usertests on one CPU and on more, the arguments of usertests,
# and a program as somebody would bring it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

build();

# All tests of usertests, in order; with what is between the name and the rest of the line.
my @tests = slurp('user/xv6/usertests.c') =~ /^\t\{"(\w+)", \w+, [01]\},$/mg;
cmp_ok(scalar @tests, '>', 40, 'usertests has its tests in a table');

# Start an xv6 program, with arguments.
sub xv6 {
	my ($cpus, $program, @arguments) = @_;
	my $name = join '+', $program, @arguments;

	return run({ deadline => 120 }, $^X, qw(conf/qemu --image obj/kern/kernel.img --words quiet), '--qemu',
	    qemu(), '--cpus', $cpus, '--init', "xv6init/$name");
}

sub is_calm {
	my ($job, $name) = @_;

	hides($job, $name, qr/kernel panic/, qr/FAILED/);
}

for my $cpus (1, 2, 4) {
	my $cow = xv6($cpus, 'cowtest');
	my $user = xv6($cpus, 'usertests');

	succeeds($cow, "cowtest ends well on $cpus CPUs");
	is(join(' ', lines_of($cow, qr/^(?:[a-z]+: ok|ALL .*)$/)),
	    'simple: ok simple: ok three: ok three: ok three: ok file: ok forkfork: ok ALL COW TESTS PASSED',
	    'each of its tests passes, in order') or $cow->show;
	is_calm($cow, 'and nothing else is wrong');

	is_deeply([lines_of($user, qr/^test /)], [map { "test $_: OK" } @tests],
	    "usertests: each passes on $cpus CPUs") or $user->show;
	shows($user, 'to the end', 'ALL TESTS PASSED');
	my ($after, $before) = $user->{out} =~ /^usertests: (\d+) pages are free, (\d+) were before$/m;
	ok(defined $after && $after == $before && $after > 20000, 'and as many pages are free as before')
	    or $user->show;
	is_calm($user, 'and nothing else is wrong');
}

my $two = xv6(1, 'usertests', 'pids', 'bss');
is_deeply([lines_of($two, qr/^test /)], ['test pids: OK', 'test bss: OK'], 'usertests runs what it is asked for');
shows($two, 'to the end', 'ALL TESTS PASSED');

my $none = xv6(1, 'usertests', 'nothing');
shows($none, 'no test is no success', 'SOME TESTS FAILED: 0 of 0');

my $quick = xv6(2, 'usertests', '-q');
cmp_ok(scalar(lines_of($quick, qr/^test \w+: OK$/)), '<', @tests, '-q leaves some out');
hides($quick, 'the slow ones', qr/^test forkmany/m);
shows($quick, 'to the end', 'ALL TESTS PASSED');

my $echo = xv6(1, 'echo', 'hello', 'xv6');
shows($echo, 'a program has its arguments', 'hello xv6');

# An outside program: old habits, other people's names, and what no header here has been tried with.
my $copy = copy_of_tree('built');
spew("$copy/user/xv6/sieve.c", <<'END');
#include "kernel/types.h"
#include "kernel/stat.h"
#include "kernel/param.h"
#include "kernel/memlayout.h"
#include "kernel/riscv.h"
#include "kernel/fcntl.h"
#include "kernel/syscall.h"
#include "kernel/fs.h"
#include "user/user.h"

void
panic(char *s)
{
  fprintf(2, "%s\n", s);
  exit(1);
}

int
fork1(void)
{
  int pid;
  if((pid = fork()) == -1)
    panic("fork");
  return pid;
}

char*
strncpy(char *d, const char *s, int n)
{
  while(n-- > 0)
    *d++ = *s ? *s++ : 0;
  return d;
}

void
sieve(int in)
{
  int p, n, fds[2];

  if(read(in, &p, sizeof(p)) != sizeof(p))
    exit(0);
  printf("prime %d\n", p);
  pipe(fds);
  if(fork1() == 0){
    close(fds[1]);
    close(in);
    sieve(fds[0]);
  }
  close(fds[0]);
  while(read(in, &n, sizeof(n)) == sizeof(n))
    if(n % p != 0)
      write(fds[1], &n, sizeof(n));
  close(fds[1]);
  wait((int *)0);
  exit(0);
}

int
main(int argc, char *argv[])
{
  int fds[2], status;
  uint64 addrs[] = { 0x80000000LL, 0x3fffffe000, 0x3ffffff000, 0xffffffffffffffff };
  char buf[8];

  for(int i = 0; i < sizeof(addrs)/sizeof(addrs[0]); i++)
    if(write(1, (void*)addrs[i], 8192) >= 0)
      panic("write from nowhere");
  uint64 big = (PHYSTOP - KERNBASE) / 4;
  if(sbrk(big) == (char*)0xffffffffffffffffL)
    panic("sbrk");
  if(open("xargs", O_RDONLY) != -1)
    panic("open");
  strncpy(buf, "sieve", 8);
  if(strcmp(argv[0], buf) != 0 || argc != 1)
    panic("argv");
  pipe(fds);
  if(fork1() == 0){
    close(fds[1]);
    sieve(fds[0]);
  }
  close(fds[0]);
  for(int i = 2; i <= 35; i++)
    write(fds[1], &i, sizeof(i));
  close(fds[1]);
  if(wait(&status) < 0 || status != 0)
    panic("wait");
  printf("sieve: %s of %d\n", "done", argc);
  exit(0);
}
END
my $sieve = make({ dir => $copy, deadline => 300 }, qw(-s run-sieve PERSONALITY=xv6 CPUS=2));
succeeds($sieve, 'an outside program is compiled as it is, and runs');
is_deeply([lines_of($sieve, qr/^(?:prime|sieve:)/)],
    [(map { "prime $_" } 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31), 'sieve: done of 1'], 'to the right end')
    or $sieve->show;

done_testing;
