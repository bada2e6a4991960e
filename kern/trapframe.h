// Offsets that kern/trapentry.S uses; kern/trap.c proves them.

#ifndef FAULTLINE_KERN_TRAPFRAME_H
#define FAULTLINE_KERN_TRAPFRAME_H

#define TF_CS 52        // tf_cs in struct Trapframe
#define TF_EFLAGS 56    // tf_eflags
#define TF_SIZE 68      // its size
#define FRAME_KSTACK 68 // from frame to kstack in struct Kenv
#define VM86_EXTRA 16   // what the CPU pushes before ss when it leaves virtual-8086 mode

#endif
