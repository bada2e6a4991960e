// Variable arguments, as the compiler provides them.

#include <stdarg.h>
