#!/usr/bin/perl
# The short ways of kern/sysenter.S and kern/trapentry.S: on one CPU, user/shortways must see in a
# kernel that takes them what it sees in one that does not.  So that this says something, it is
# tried with kernels of which one short way is broken, too: each must be found out.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

my $sysenter = 'kern/sysenter.S';
my $trapentry = 'kern/trapentry.S';

# What is broken: where, from what on, what goes, and what comes in its place.
my @broken = (
	[ 'SWITCH: flags', $sysenter, 'define SWITCH', 'RESET_FLAGS;' ],
	[ 'SWITCH: FPU state', $sysenter, 'define SWITCH', 'fxsave LINK_FPU(self);' ],
	[ 'SWITCH: env_runs', $sysenter, 'define SWITCH', 'incl ENV_RUNS(%ecx);' ],
	[ 'RESUME: ebp', $sysenter, 'define RESUME', 'movl LINK_EBP(next), %ebp;' ],
	[ 'sysexit_pop: flags', $sysenter, "\nsysexit_pop:", 'RESET_FLAGS' ],
	[ 'leave: fs and gs', $sysenter, "\nleave:", "orl %edi, %esi\n\tjnz 1f" ],
	[ 'leave: the count of those who wait', $sysenter, "\nleave:", 'decl env_nwaiting' ],
	[ 'yield: the next one waits in another way', $sysenter, "\nenter_yield:", "testl %edx, %edx\n\tjz 1f" ],
	[ 'yield: fs and gs', $sysenter, "\nenter_yield:", "orl %edi, %esi\n\tjnz 1f" ],
	[ 'yield: its state', $sysenter, "\nenter_yield:", 'movl $RUNNABLE, ENV_STATUS(%ecx)' ],
	[ 'call: fs and gs', $sysenter, '.macro IPC_CALL', "orl %edi, %esi\n\tjnz 1f" ],
	[ 'call: an old id', $sysenter, '.macro IPC_CALL', "cmpl %edi, LINK_ID(%ebx)\n\tjne 1f" ],
	[ 'call: a stopped receiver', $sysenter, '.macro IPC_CALL',
	    "cmpl \$HOLDS_RECV, LINK_HOLD(%ebx)\n\tjne 1f", "testl \$HOLDS_RECV, LINK_HOLD(%ebx)\n\tjz 1f" ],
	[ 'call: a time limit', $sysenter, 'LINK_TIMER', 'jne 1f' ],
	[ 'call: what others have sent', $sysenter, 'LINK_SENDERS', 'jne 1f' ],
	[ 'call: a receiver that takes from one only', $sysenter, 'LINK_ONLY(%ebx)', 'jne 4f' ],
	[ 'call: an address of no page', $sysenter, '.macro IPC_CALL', "testl \$(PGSIZE - 1), %edi\n\tjnz 1f" ],
	[ 'call: the page', $sysenter, '.macro IPC_CALL', 'jb 7f' ],
	[ 'call: the rights of an earlier page', $sysenter, "\n3:", 'movl $0, ENV_PERM(%edi)' ],
	[ 'call: an answer from anyone', $sysenter, "\n3:", 'movl %ebp, LINK_ONLY(%eax)' ],
	[ 'call: the env that is waited for', $sysenter, "\n5:", 'movb $1, LINK_AWAITED(%ebx)' ],
	[ 'call: the ring', $sysenter, "\n6:", 'movl %ebx, LINK_NEXT(%edi)' ],
	[ 'fault: xmm0', $trapentry, 'movl %ebp, TF_ESP(%esp)', 'movups -KENV_FRAME(%esp), %xmm0' ],
	[ 'fault: TF and DF', $trapentry, 'movl %ecx, TF_EIP(%esp)', 'andl $~(FL_TF | FL_DF), TF_EFLAGS(%esp)' ],
	[ 'fault: the free word', $trapentry, "\n3:", '-4 - UTF_SIZE', '-UTF_SIZE' ],
	[ 'fault: a full stack', $trapentry, "\n3:", 'jae 1b', 'jmp 1b' ],
	[ 'fault: the end of the stack', $trapentry, 'leal -UXSTACKBASE', 'jb 3f', 'jbe 3f' ],
	[ 'fault: no handler', $trapentry, 'ENV_UPCALL', 'jz 2f' ],
	[ 'fault: the error code', $trapentry, 'movl %cr2, %esi', 'STORE(movl %ebx, UTF_ERR(%ebp))' ],
);

# One run of an image.  Instructions are its time, so that no turn ends by the clock.
sub console {
	my ($image, $words, $timeout) = @_;
	my $job = run({ deadline => $timeout + 10 }, $^X, 'conf/qemu', '--qemu', qemu(), '--image', $image, '--init',
	    'shortways', '--words', "quiet $words", '--gdbport', free_port(), '--nox', '--timeout', $timeout,
	    '--', qw(-icount shift=0));
	return $job->{out} =~ /^(SMP: .*)/ms ? $1 : $job->{out};
}

build();
my $long = console('obj/kern/kernel.img', 'plain', 60);
like($long, qr/^shortways: OK$/m, 'the long ways come to an end');
my @sums = $long =~ /^shortways: scenario .*/mg;
cmp_ok(@sums, '>=', 100, 'scenarios');
is(console('obj/kern/kernel.img', '', 60), $long, 'the short ways are the same, line by line');

my $dir = copy_of_tree(1);
for my $broken (@broken) {
	my ($name, $file, $from, $out, $in) = @$broken;
	my $source = slurp($file);
	my $at = index $source, $out, index($source, $from) + 1;

	index($source, $from) >= 0 && $at >= 0 or die "no '$out' behind '$from' in $file\n";
	substr($source, $at, length $out) = $in // '';
	spew("$dir/$file", $source);
	make({ dir => $dir, deadline => 300 }, '-s', 'image')->{status} eq '0' or die "$name: the build failed\n";
	# It may never end, which is another way to be different.
	my $sees = console("$dir/obj/kern/kernel.img", '', 15);
	ok($sees ne $long, "broken: $name");
	spew("$dir/$file", slurp($file));
}
done_testing();
