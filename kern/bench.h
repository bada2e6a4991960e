// The page that inc/bench.h describes.

#ifndef FAULTLINE_KERN_BENCH_H
#define FAULTLINE_KERN_BENCH_H

// Show it to programs, once kern_pgdir has its table for UPAGES.  Only in kernels built with
// BENCH=1.
void bench_publish(void);

#endif
