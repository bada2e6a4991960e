// Offsets and numbers that assembly uses; kern/trap.c proves them.

#ifndef FAULTLINE_KERN_TRAPFRAME_H
#define FAULTLINE_KERN_TRAPFRAME_H

#define TF_CS 52        // tf_cs in struct Trapframe
#define TF_EFLAGS 56    // tf_eflags
#define TF_SIZE 68      // its size
#define FRAME_KSTACK 68 // from frame to kstack in struct Kenv
#define VM86_EXTRA 16   // what the CPU pushes before ss when it leaves virtual-8086 mode

#define KENV_FRAME 512 // frame in struct Kenv, and registers in it
#define KENV_EDI (KENV_FRAME + 0)
#define KENV_ESI (KENV_FRAME + 4)
#define KENV_EBP (KENV_FRAME + 8)
#define KENV_EBX (KENV_FRAME + 16)
#define KENV_EDX (KENV_FRAME + 20)
#define KENV_ECX (KENV_FRAME + 24)
#define KENV_EAX (KENV_FRAME + 28)
#define KENV_EIP (KENV_FRAME + 48)
#define KENV_ESP (KENV_FRAME + 60)

#define CURRENT_ENV 0 // in struct Current
#define CURRENT_KENV 4
#define CURRENT_ID 8

#define ENV_STATUS 84 // env_status in struct Env
#define RUNNING 3     // ENV_RUNNING

#define SPECIAL 0x80000001 // SYSCALL_SPECIAL

#endif
