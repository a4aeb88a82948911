/* Functions in Thumb assembly that any Cortex-M runs, each beside the same computation in C. */
#ifndef EP_LANES_ASSEMBLY_H
#define EP_LANES_ASSEMBLY_H

#include "ep_common.h"

#if defined(__GNUC__) && defined(__thumb__) && !defined(EP_NO_ASSEMBLY)
#define EP_LANES_ASSEMBLY 1
#else
#define EP_LANES_ASSEMBLY 0
#endif

/* A function that is one asm statement: arguments in r0 to r3 and on the stack, as the procedure call standard says. */
#if defined(__clang__)
#define EP_LANES_NAKED static __attribute__((naked, noinline))
#elif defined(__GNUC__)
#define EP_LANES_NAKED static __attribute__((naked, noinline, noclone, noipa))
#endif
#define EP_LANES_ARGUMENT __attribute__((unused))

#endif
