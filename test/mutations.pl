#!/usr/bin/perl
# Can the attacks fail?  Remove one defence after the other from a copy of the tree, and see whether
# the program that attacks it notices: `make mutants'.
#
#	perl test/mutations.pl [NAME...]	only the defences that these programs attack
#
# A mutation is a paragraph below: file, program, CPUs, and what is removed; then lines of the
# file, ` ' for those that stay, `-' for those that go, `+' for those that come.  What was there
# before must be there exactly once, and the kernel must still build: anything else ends this, as
# does a program that fails in the tree as it is.  Takes a few minutes.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Faultline;
use Test::More;

use constant DEADLINE => 60;	# seconds, of a run; a kernel that hangs takes all of it

# The paragraphs, as { file, program, cpus, what, old, new }.
sub mutations {
	local $/ = '';
	return map {
		my ($head, @lines) = split /\n/;
		my ($file, $program, $cpus, $what) = $head =~ /^(\S+) (\S+) (\d): (.+)$/
		    or die "no head of a mutation: $head\n";
		my %text = (old => '', new => '');

		for (@lines) {
			my ($sign, $line) = /^([ +-])(.*)$/ or die "$what: not a line of it: $_\n";
			$text{old} .= "$line\n" if $sign ne '+';
			$text{new} .= "$line\n" if $sign ne '-';
		}
		{ file => $file, program => $program, cpus => $cpus, what => $what, %text }
	} <DATA>;
}

# Why the program fails in that tree, or nothing.
sub failure {
	my ($dir, $program, $cpus) = @_;
	my $built = make({ dir => $dir, deadline => 600 }, '-s', 'image');
	$built->{status} eq '0' or $built->show || die "the build failed\n";

	my $job = run({ dir => $dir, deadline => DEADLINE + 120 }, $^X, 'test/promises.t',
	    '-c', $cpus, '-d', DEADLINE, $program);
	return if $job->{status} eq '0' && $job->{out} =~ /^ok 1 - \Q$program\E on $cpus CPU/m;
	$job->{out} =~ /^not ok \d+ - \Q$program\E on $cpus CPU/m
	    or $job->show || die "$program did not run\n";
	my ($why) = grep { !/^\s*Failed test|^\s*at |^Looks like|^status|^\|/ }
	    $job->{out} =~ /^# (.*\S)$/mg;
	return $why // 'it fails';
}

# What is removed may leave something behind that nobody uses.
$ENV{MAKEFLAGS} = ($ENV{MAKEFLAGS} // '--') . ' WERROR=';

my %chosen = map { $_ => 1 } @ARGV;
my @mutations = grep { !%chosen || $chosen{$_->{program}} } mutations();
my $dir = copy_of_tree(1);
my %sound;

@mutations or die "no mutation for @ARGV\n";
for my $m (@mutations) {
	my $text = slurp("$dir/$m->{file}");
	my $there = () = $text =~ /^\Q$m->{old}\E/mg;
	$there == 1 or die "$m->{file}, $m->{what}: what is to go is there $there times\n";
}
for my $m (@mutations) {
	my ($program, $cpus) = @$m{qw(program cpus)};
	my $text = slurp("$dir/$m->{file}");

	$sound{"$program $cpus"} //= do {
		my $why = failure($dir, $program, $cpus);
		!defined $why or die "$program on $cpus CPU(s) fails with nothing removed: $why\n";
		1;
	};
	(my $mutant = $text) =~ s/^\Q$m->{old}\E/$m->{new}/m;
	spew("$dir/$m->{file}", $mutant);
	my $why = failure($dir, $program, $cpus);
	spew("$dir/$m->{file}", $text);
	ok(defined $why, "$program on $cpus CPU(s): $m->{what}") or diag('SURVIVED');
	note("noticed: $why") if defined $why;
}
done_testing();

__DATA__
kern/pmap.h tlbshoot 1: a page is taken away while the TLB still has it
-	if ((old & PTE_A) && sp->cpu != NOCPU)
-		tlb_invalidate_page(sp->cpu, va);

kern/cpu.c tlbshoot 2: another CPU is not told to drop a translation
-	lapic_ipi(other->apicid, IRQ_OFFSET + IRQ_FLUSH);
-	while (other->flush)
+	while (0)

kern/env.c states 2: an env is made runnable while a CPU still has it
-	if (k->space.cpu == NOCPU) {
+	if (true) {
 		set_status(e, ENV_RUNNABLE);

kern/env.c states 2: one reason less is taken for none
-	if (k->hold || e->env_status != ENV_NOT_RUNNABLE)
+	if (e->env_status != ENV_NOT_RUNNABLE)

kern/env.c orphans 1: children that only the dead could have started stay
-		die(by, child, IPC_ENDED_BY_OTHER);

kern/upcall.c xstack 1: no free word between frames on the exception stack
-		top = tf->tf_esp - 4;
+		top = tf->tf_esp;

kern/upcall.c xstack 1: an exception stack has no lower end
-	if (va < UXSTACKBASE) {
+	if (0) {

kern/pmap.h badrange 1: pages above UTOP are a program's as well
-	return va < UTOP && PGOFF(va) == 0;
+	return PGOFF(va) == 0;

kern/pmap.c badrange 1: the kernel's large pages are taken for page tables
-		pte_t *pte = va < limit ? walk(sp, va) : NULL;
+		pte_t *pte = limit ? walk(sp, va) : NULL;

kern/trap.def intn 1: a page fault can be raised by hand
-TRAP(14, pgflt, 1, 0, "Page Fault")
+TRAP(14, pgflt, 1, 3, "Page Fault")

kern/cpu.c privileged 1: the bitmap of ports is where nothing says so
-	c->ts.ts_iomb = sizeof c->ts; // past the limit: no port is open to programs

kern/sysenter.h sysenter 1: flags stay as they are at sysenter
-#define RESET_FLAGS                                                                                \
-	pushl $2;                                                                                  \
-	popfl
+#define RESET_FLAGS

kern/sysenter.S sysenter 1: a call that there is not is made
 sysenter_fast:
 	BENCH_COUNT(BENCH_ENTRIES)
-	cmpl $NSYSCALLS, %eax
-	jae sysenter_whole

kern/cpu.c segments 1: fs is nobody's
-	asm volatile("movw %0,%%fs" : : "m"(to->fs));

kern/cpu.c segments 1: gs is nobody's
-	asm volatile("movw %0,%%gs" : : "m"(to->gs));

kern/trapentry.S stackregs 1: who trapped is told from where its stack is
-	jz from_kernel
+	jz from_kernel
+	cmpl $MMIOLIM, TF_CS + 8(%eax)
+	jae from_kernel

kern/trap.c stackregs 1: a register dump follows esp
-		cprintf("  esp  0x%08x\n  ss   0x----%04x\n", tf->tf_esp, tf->tf_ss);
+		cprintf("  esp  0x%08x: %x\n", tf->tf_esp, *(uint32_t *) tf->tf_esp);

kern/env.c flags 1: a frame from outside may have interrupts off
-	tf->tf_eflags = (tf->tf_eflags & FL_USER) | FL_IF | 2;
+	tf->tf_eflags = (tf->tf_eflags & FL_USER) | 2;

kern/trapentry.S flags 1: DF is the program's own
-	cld
 	movl %esp, %eax

kern/cpu.c fpupending 1: FPU errors come by the old interrupt
-	lcr0((rcr0() | CR0_NE | CR0_MP | CR0_WP | CR0_AM) &
+	lcr0((rcr0() | CR0_MP | CR0_WP | CR0_AM) &

kern/trap.c randomcode 1: arguments of sysenter that are not there end the kernel
-	if (fix_up(tf))
+	if (0 && fix_up(tf))

kern/trapentry.S randomcode 1: virtual-8086 mode is not looked for
-	jnz from_vm86

kern/sysenter.h randomcode 1: flags stay as they are at sysenter
-#define RESET_FLAGS                                                                                \
-	pushl $2;                                                                                  \
-	popfl
+#define RESET_FLAGS

kern/page.c fresh 1: frames are given out as they are
-	frame_zero(ppn);

kern/cpu.c fresh 2: FPU registers stay in the CPU
-	fpu_load(&to->fpu);

kern/syscall.c leaks 1: a page that found no table is lost
-		page_decref(pp);

kern/syscall.c leaks 1: what the dead hold does not count as free
-	return env_reap() ? AGAIN : r;
+	return r;

kern/pmap.c unfair 1: a large env is given back in one piece
-			if (work >= SPACE_CHUNK)
+			if (work >= SPACE_CHUNK * NPDENTRIES)

kern/pmap.h soak 2: a page that is replaced is not counted down
 		tlb_invalidate_page(sp->cpu, va);
-	page_decref(entry_page(old));

kern/pmap.c ranges 1: a write is forgotten while the TLB still knows of it
-	if (rule_changes(&rule, changed) && sp->cpu != NOCPU)
+	if (rule_changes(&rule, changed & ~PTE_D) && sp->cpu != NOCPU)

kern/syscall.c disk 1: who has not been given the device may use it
-	if (!kenv(self)->has_device)
-		return -E_NOT_SUPP;
 	if ((width != 1 && width != 2 && width != 4) || n > PGSIZE / width)

kern/syscall.c disk 1: a wide value goes beyond the ports of the device
-	return port >= first && port - first < n && width <= n - (port - first);
+	return port >= first && port - first < n;

kern/syscall.c disk 1: a port is read before anybody looks at the memory
-	return user_mem_check(&kenv(self)->space, va, n * width, perm, NULL);
+	return 0;

lib/disk.c disk 1: a command that nobody finished is in the way
-		r = reset();

kern/env.c keeper 1: a keeper that waits already is not told of an end
-	if (to->env_ipc_recving && (!kenv(to)->only || kenv(to)->only == e->env_id))
-		env_take_notice(e);

kern/env.c keeper 1: an end is forgotten when the keeper does not wait
-	queue_add(&kenv(to)->senders, &k->link);
-	env_nactive--;
 	if (to->env_ipc_recving && (!kenv(to)->only || kenv(to)->only == e->env_id))
-		env_take_notice(e);
+		env_finish(to, HOLD_RECV, 0);
+	k->out.to = NULL;
+	env_set_keeper(e, NULL);
+	set_free(e);

kern/env.c keeper 2: notices outlive their keeper
-		if (env_is_notice(kept)) {
-			vanish(kept);
-			continue;
-		}

kern/ipc.c keeper 1: the last message of an env can be forged
-	int perm = m->srcva < UTOP ? ipc_pass_page(from, to, m->srcva, m->how) : 0;
+	int perm = m->srcva < UTOP ? ipc_pass_page(from, to, m->srcva, m->how) : (int) m->how;

kern/syscall.c keeper 1: who is kept chooses another keeper
-	if (!e || (kenv(e)->keeper && kenv(e)->keeper != self))
+	if (!e)

kern/syscall.c keeper 1: a stopped orphan that its keeper gives up stays
-	if (!keeper && !kenv(e)->parent && (kenv(e)->hold & HOLD_STOPPED))
-		env_destroy(self, e); // nobody could start it any more

kern/trap.c exceptions 1: a program that steps itself meets the step inside its call
-		if (!steps_itself && self->env_status != ENV_DYING)
+		if (self->env_status != ENV_DYING)

kern/upcall.c exceptions 1: the handler of a step is stepped itself
-	tf->tf_eflags &= ~(uint32_t) (FL_TF | FL_DF); // the handler is C, and not what is stepped
+	tf->tf_eflags &= ~(uint32_t) FL_DF;

kern/syscall.c exceptions 1: an interrupt or a page fault may be asked for as an exception
-	if (mask & ~EXCEPTIONS)
-		return -E_INVAL;
