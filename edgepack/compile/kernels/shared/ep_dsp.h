/* Instructions of the DSP extension (Cortex-M4, M7, M33, M55) by name, and the same arithmetic in C everywhere else. */
#ifndef EP_DSP_H
#define EP_DSP_H

#include "ep_fixed_point.h"

#if defined(__GNUC__) && defined(__thumb2__) && defined(__ARM_FEATURE_DSP) && !defined(EP_NO_ASM)
#define EP_DSP_ASM 1
#else
#define EP_DSP_ASM 0
#endif

/* Four bytes at any address, the first in the low bits. */
EP_INLINE uint32_t ep_load4(const int8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, 4);
    return word;
}

/* The low and the high half of a word as signed numbers. */
EP_INLINE int32_t ep_low_half(uint32_t x) { return (int16_t)(x & 0xFFFFu); }
EP_INLINE int32_t ep_high_half(uint32_t x) { return (int16_t)(x >> 16); }

/* Bytes 0 and 2, sign-extended to the two halves of a word. */
EP_INLINE uint32_t ep_sxtb16(uint32_t x)
{
#if EP_DSP_ASM
    uint32_t y;
    __asm__("sxtb16 %0, %1" : "=r"(y) : "r"(x));
    return y;
#else
    const uint32_t low = (uint32_t)(int32_t)(int8_t)(x & 0xFFu), high = (uint32_t)(int32_t)(int8_t)(x >> 16 & 0xFFu);
    return (low & 0xFFFFu) | high << 16;
#endif
}

/* Bytes 1 and 3, sign-extended to the two halves of a word. */
EP_INLINE uint32_t ep_sxtb16_odd(uint32_t x)
{
#if EP_DSP_ASM
    uint32_t y;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x));
    return y;
#else
    return ep_sxtb16(x >> 8);
#endif
}

/* The sums of two halves each. */
EP_INLINE uint32_t ep_add_halves(uint32_t x, uint32_t y)
{
#if EP_DSP_ASM
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(x), "r"(y));
    return sum;
#else
    return ((x & 0x7FFF7FFFu) + (y & 0x7FFF7FFFu)) ^ ((x ^ y) & 0x80008000u);
#endif
}

/* acc + low * low + high * high, modulo 2^32. */
EP_INLINE int32_t ep_smlad(uint32_t x, uint32_t y, int32_t acc)
{
#if EP_DSP_ASM
    int32_t sum;
    __asm__("smlad %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_low_half(x) * ep_low_half(y)) + (uint32_t)(ep_high_half(x) * ep_high_half(y)));
#endif
}

/* acc + low * low. */
EP_INLINE int32_t ep_smlabb(uint32_t x, uint32_t y, int32_t acc)
{
#if EP_DSP_ASM
    int32_t sum;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_low_half(x) * ep_low_half(y)));
#endif
}

/* acc + high * high. */
EP_INLINE int32_t ep_smlatt(uint32_t x, uint32_t y, int32_t acc)
{
#if EP_DSP_ASM
    int32_t sum;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_high_half(x) * ep_high_half(y)));
#endif
}

/* The upper half of the 64-bit product, rounded to nearest, halves up. */
EP_INLINE int32_t ep_smmulr(int32_t x, int32_t y)
{
#if EP_DSP_ASM
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(x), "r"(y));
    return high;
#else
    return (int32_t)(((int64_t)x * y + ((int64_t)1 << 31)) >> 32);
#endif
}

/* (x / 2^right rounded to nearest, ties away from zero) + offset, where `rounding` is 2^(right - 1) + offset * 2^right. */
EP_INLINE int32_t ep_round_shift(int32_t x, int32_t right, int32_t rounding) { return (x + (x >> 31) + rounding) >> right; }

/* ep_requantize(acc, multiplier, -right) + zero point, for |acc| < 2^30 and right shifts of 1 to 22; `twice_zero` is
 * 2 * zero point + 1. */
EP_INLINE int32_t ep_requantize_short(int32_t acc, int32_t multiplier, int32_t right, int32_t twice_zero)
{
    return ep_round_shift(ep_smmulr(acc * 2, multiplier), right, ep_shift_left(twice_zero, right - 1));
}

#endif
