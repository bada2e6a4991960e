// What xv6 has not.

#ifndef XV6_USER_FAULTLINE_H
#define XV6_USER_FAULTLINE_H

// How many pages of physical memory nobody has.
int freepages(void);

#endif
