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

plan skip_all => 'a kernel that checks itself takes no short ways' if ($ENV{CHECK} // '') eq '1';

my $sysenter = 'kern/sysenter.S';
my $switch = 'kern/sysenter.h';
my $ipc = 'kern/sysipc.S';
my $page = 'kern/syspage.S';
my $trapentry = 'kern/trapentry.S';

# What is broken: where, from what on, what goes, and what comes in its place.
my @broken = (
	[ 'SWITCH: flags', $switch, 'define SWITCH', 'RESET_FLAGS;' ],
	[ 'SWITCH: FPU state', $switch, 'define SWITCH', 'fxsave LINK_FPU(self);' ],
	[ 'SWITCH: env_runs', $switch, 'define SWITCH', 'incl ENV_RUNS(%ecx);' ],
	[ 'RESUME: ebp', $switch, 'define RESUME', 'movl LINK_EBP(next), %ebp;' ],
	[ 'sysexit_pop: flags', $sysenter, "\nsysexit_pop:", 'RESET_FLAGS' ],
	[ 'leave: fs and gs', $sysenter, "\nleave:", 'FS_GS_OR_ELSE(%esi, %edi)' ],
	[ 'leave: the count of those who wait', $sysenter, "\nleave:", 'decl env_nwaiting' ],
	[ 'yield: the next one waits in another way', $sysenter, "\nenter_yield:", "testl %edx, %edx\n\tjz 1f" ],
	[ 'yield: fs and gs', $sysenter, "\nenter_yield:", 'FS_GS_OR_ELSE(%esi, %edi)' ],
	[ 'yield: its state', $sysenter, "\nenter_yield:", 'movl $RUNNABLE, ENV_STATUS(%ecx)' ],
	[ 'call: fs and gs', $ipc, '.macro IPC_CALL', 'FS_GS_OR_ELSE(%esi, %edi)' ],
	[ 'call: an old id', $ipc, 'define RECEIVER_OR_ELSE', 'cmpl %edi, LINK_ID(%ebx);', 'cmpl %edi, %edi;' ],
	[ 'call: a stopped receiver', $ipc, '.macro IPC_CALL',
	    "cmpl \$HOLDS_RECV, LINK_HOLD(%ebx)\n\tjne 1f", "testl \$HOLDS_RECV, LINK_HOLD(%ebx)\n\tjz 1f" ],
	[ 'leave: a time limit', $sysenter, 'LINK_TIMER', 'jne 1f' ],
	[ 'call: what others have sent', $ipc, 'cmpl $0, LINK_SENDERS', 'jne 1f' ],
	[ 'call: a receiver that takes from one only', $ipc, 'cmpl $0, LINK_ONLY(%ebx)', 'jne 4f' ],
	[ 'call: an address of no page', $ipc, '.macro IPC_CALL', "testl \$(PGSIZE - 1), %edi\n\tjnz 1f" ],
	[ 'call: the page', $ipc, '.macro IPC_CALL', 'jb 7f' ],
	[ 'call: the rights of an earlier page', $ipc, "\n3:	movl %ebp", 'movl $0, ENV_PERM(%edi)' ],
	[ 'call: an answer from anyone', $ipc, '.macro IPC_CALL', 'movl %ebp, LINK_ONLY(%eax)' ],
	[ 'call: the env that is waited for', $ipc, '.macro IPC_CALL', 'movb $1, LINK_AWAITED(%ebx)' ],
	[ 'call: the ring', $ipc, '.macro IPC_CALL', 'movl %ebx, LINK_NEXT(%edi)' ],
	[ 'recv: a page that waits', $ipc, "\n2:	cmpl \$UTOP, LINK_OUT_SRCVA", 'jb 1f' ],
	[ 'recv: a caller that waits', $ipc, 'cmpb $0, LINK_OUT_CALL', 'jne 1f' ],
	[ 'recv: who waits behind', $ipc, 'je 4f', 'movl %edx, LINK_NEXT(%esi)' ],
	[ 'recv: the sender runs', $ipc, "\n3:	movl %edx, LINK_SENDERS", 'movl $RUNNABLE, ENV_STATUS(%esi)' ],
	[ 'recv: to the end of the queue', $ipc, 'Behind all others', 'movl %ebx, LINK_NEXT(%edx)' ],
	[ 'send: a stopped receiver', $ipc, "\nenter_ipc_send:", "cmpl \$HOLDS_RECV, LINK_HOLD(%ebx)\n\tjne 3f",
	    "testl \$HOLDS_RECV, LINK_HOLD(%ebx)\n\tjz 3f" ],
	[ 'send: a receiver that takes from one only', $ipc, "\nenter_ipc_send:", "cmpl LINK_ID(%eax), %edx\n\tjne 1f" ],
	[ 'send: to itself', $ipc, "\nenter_ipc_send:", "cmpl %eax, %ebx\n\tje 1f" ],
	[ 'send: the last in the queue', $ipc, 'jz 4f', 'movl %eax, LINK_PREV(%esi)' ],
	[ 'protect: rights that were not given', $page, 'define RIGHTS_OR_ELSE', 'jz 1f;' ],
	[ 'protect: the TLB', $page, "\nenter_page_protect:", 'invlpg %ss:(%eax)' ],
	[ 'protect: others have the page', $page, "\n5:	testl", 'cmpl $1, %ss:(%ebx)', 'cmpl %ebx, %ebx' ],
	[ 'protect: what a permission is', $page, 'define PERM_OR_ELSE', 'jnz 1f' ],
	[ 'map: the count', $page, "\nenter_page_map:", 'incl %ss:(%edx)' ],
	[ 'map: what was there', $page, "\nenter_page_map:", "cmpl \$0, %ss:(%esi)\n\tjne 1f" ],
	[ 'fault: xmm0', $trapentry, 'movl %ebp, TF_ESP(%esp)', 'movups -KENV_FRAME(%esp), %xmm0' ],
	[ 'fault: TF and DF', $trapentry, 'movl %ecx, TF_EIP(%esp)', 'andl $~(FL_TF | FL_DF), TF_EFLAGS(%esp)' ],
	[ 'fault: the free word', $trapentry, "\n3:", '-4 - UTF_SIZE', '-UTF_SIZE' ],
	[ 'fault: a full stack', $trapentry, 'leal -4 - UTF_SIZE', 'jae 1b', 'jmp 1b' ],
	[ 'fault: the end of the stack', $trapentry, "\n3:", 'jae 1b', '' ],
	[ 'fault: no handler', $trapentry, 'FRAME_UPCALL', 'jz 2f' ],
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
my $dir = copy_of_tree(1);

# Kernels are built faster with one program in them.
unlink grep { !m{/shortways\.c$} } glob "$dir/user/*.c $dir/user/{ucore,xv6}/*.c";
sub build_copy {
	my ($name) = @_;

	make({ dir => $dir, deadline => 300 }, '-s', 'image')->{status} eq '0' or die "$name: the build failed\n";
	return "$dir/obj/kern/kernel.img";
}

my $image = build_copy('nothing broken');
my $long = console($image, 'plain', 60);
like($long, qr/^shortways: OK$/m, 'the long ways come to an end');
my @sums = $long =~ /^shortways: scenario .*/mg;
cmp_ok(@sums, '>=', 100, 'scenarios');
is(console($image, '', 60), $long, 'the short ways are the same, line by line');

for my $broken (@broken) {
	my ($name, $file, $from, $out, $in) = @$broken;
	my $source = slurp($file);
	my $at = index $source, $out, index($source, $from) + 1;

	index($source, $from) >= 0 && $at >= 0 or die "no '$out' behind '$from' in $file\n";
	substr($source, $at, length $out) = $in // '';
	spew("$dir/$file", $source);
	# It may never end, which is another way to be different.
	my $sees = console(build_copy($name), '', 15);
	ok($sees ne $long, "broken: $name");
	spew("$dir/$file", slurp($file));
}
done_testing();
