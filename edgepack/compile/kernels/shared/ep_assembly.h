/* Functions written in Thumb-2 assembly for the DSP extension. Beside each stands the same computation in C, which other
 * machines run and which says what the assembly does. */
#ifndef EP_ASSEMBLY_H
#define EP_ASSEMBLY_H

#include "ep_dsp.h"

#if defined(__GNUC__) && defined(__thumb2__) && defined(__ARM_FEATURE_DSP) && !defined(EP_NO_ASSEMBLY)
#define EP_ASSEMBLY 1
#else
#define EP_ASSEMBLY 0
#endif

/* A function that is one asm statement: arguments in r0 to r3 and on the stack, as the procedure call standard says. */
#if defined(__clang__)
#define EP_NAKED static __attribute__((naked, noinline))
#elif defined(__GNUC__)
#define EP_NAKED static __attribute__((naked, noinline, noclone, noipa))
#endif
#define EP_ARGUMENT __attribute__((unused))

/* Around assembly of more than the 4,095 characters that a C99 compiler must take, which -Wpedantic tells of. */
#if defined(__GNUC__)
#define EP_LONG_ASSEMBLY_BEGIN \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverlength-strings\"")
#define EP_LONG_ASSEMBLY_END _Pragma("GCC diagnostic pop")
#endif

/* The upper half of the 64-bit product: floor(x * y / 2^32). */
EP_INLINE int32_t ep_smmul(int32_t x, int32_t y) { return (int32_t)(((int64_t)x * y) >> 32); }

/* Saturate to int8. */
EP_INLINE int32_t ep_saturate8(int32_t x) { return ep_clamp(x, -128, 127); }

#endif
