// Offsets that kern/trapentry.S uses; kern/trap.c proves them.

#ifndef FAULTLINE_KERN_TRAPFRAME_H
#define FAULTLINE_KERN_TRAPFRAME_H

#define TF_CS 52        // tf_cs in struct Trapframe
#define TF_SIZE 68      // its size
#define FRAME_KSTACK 68 // from frame to kstack in struct Kenv

#endif
