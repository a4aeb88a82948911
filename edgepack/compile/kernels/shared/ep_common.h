/* What every edgepack kernel needs: fixed-width types, alignment, and how kernels are placed.
 *
 * Kernels are static functions in headers, included by NAME.c: two models in one firmware never clash, the compiler sees
 * every shape as a constant, and layers of one class share one function unless EP_KERNEL asks for inlining. */
#ifndef EP_COMMON_H
#define EP_COMMON_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How a kernel function is declared. NAME.c defines it before including the kernels when the model was compiled for speed
 * (one copy a layer, shapes folded in) or for size (never inlined). */
#ifndef EP_KERNEL
#define EP_KERNEL static
#endif

/* The type of numbers in the kernels' structs that are small, as extents mostly are. NAME.c defines it as int32_t for a model with
 * larger ones, and where speed is all that counts. */
#ifndef EP_SIZE
#define EP_SIZE int16_t
#endif

#if defined(__GNUC__) || defined(__clang__)
#define EP_ALIGN(bytes) __attribute__((aligned(bytes)))
#define EP_INLINE static inline __attribute__((always_inline))
#else
#define EP_ALIGN(bytes)
#define EP_INLINE static inline
#endif

/* The constants' alignment: 4, what Cortex-M's loads need. On x86-64 it is 16, which the ABI gives every array of 16 bytes and more:
 * compilers rely on it where they see no more than a declaration. */
#if defined(__x86_64__)
#define EP_CONSTANTS_ALIGNED EP_ALIGN(16)
#else
#define EP_CONSTANTS_ALIGNED EP_ALIGN(4)
#endif

/* A function of its own, for what is called from several places; and one that runs seldom: small rather than fast. */
#if defined(__clang__)
#define EP_NOINLINE static __attribute__((noinline))
#define EP_SMALL static __attribute__((noinline, minsize))
#elif defined(__GNUC__)
#define EP_NOINLINE static __attribute__((noinline))
#define EP_SMALL static __attribute__((noinline, cold))
#else
#define EP_NOINLINE static
#define EP_SMALL static
#endif

/* Before a loop over calls, which would only become larger. */
#if defined(__clang__)
#define EP_NO_UNROLL _Pragma("clang loop unroll(disable)")
#elif defined(__GNUC__) && __GNUC__ >= 8
#define EP_NO_UNROLL _Pragma("GCC unroll 1")
#else
#define EP_NO_UNROLL
#endif

/* Functions in assembly enter loops through computed addresses and return without authentication: firmware built with branch
 * protection gets the C beside them. */
#if defined(__ARM_FEATURE_BTI_DEFAULT) || defined(__ARM_FEATURE_PAC_DEFAULT)
#ifndef EP_NO_ASSEMBLY
#define EP_NO_ASSEMBLY
#endif
#endif

#define EP_STATIC_ASSERT(condition, name) typedef char ep_assert_##name[(condition) ? 1 : -1]

EP_STATIC_ASSERT(CHAR_BIT == 8, bytes_have_8_bits);
EP_STATIC_ASSERT((-3 >> 1) == -2, right_shift_is_arithmetic);
EP_STATIC_ASSERT((int32_t)0xFFFFFFFFu == -1, integers_are_twos_complement);

EP_INLINE int32_t ep_min(int32_t a, int32_t b) { return a < b ? a : b; }
EP_INLINE int32_t ep_max(int32_t a, int32_t b) { return a > b ? a : b; }
EP_INLINE int32_t ep_clamp(int32_t x, int32_t low, int32_t high) { return ep_min(ep_max(x, low), high); }

/* Sum and difference modulo 2^32. */
EP_INLINE int32_t ep_add_wrapped(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
EP_INLINE int32_t ep_subtract_wrapped(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
EP_INLINE int32_t ep_multiply_wrapped(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }

#endif
