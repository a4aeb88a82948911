/* What int16 activations need besides ep_fixed_point.h: exact dot products and the requantisation of 64-bit accumulators. */
#ifndef EP_FIXED_POINT_64_H
#define EP_FIXED_POINT_64_H

#include "ep_fixed_point.h"

/* sum of x * w; products are below 2^23, so 256 of them fit 32 bits, and only the blocks' sums need 64. */
EP_INLINE int64_t ep_dot_int16(const int16_t *x, const int8_t *w, int32_t size)
{
    int64_t total = 0;
    while (size > 0) {
        const int32_t block = ep_min(size, 256);
        int32_t sum = 0, i;
        for (i = 0; i < block; i++) {
            sum += x[i] * w[i];
        }
        total += sum;
        x += block;
        w += block;
        size -= block;
    }
    return total;
}

/* x * multiplier * 2^(shift - 15) rounded once, halves up, for -31 <= shift <= 7: TFLite's MultiplyByQuantizedMultiplier of
 * 64-bit numbers. `multiplier` has 16 bits. */
EP_INLINE int32_t ep_requantize_64(int64_t x, int32_t multiplier, int32_t shift)
{
    const int32_t right = 15 - shift;
    return (int32_t)((x * multiplier + ((int64_t)1 << (right - 1))) >> right);
}

/* An accumulator of int16 * int8 products to an output: 64 bits wide, or wrapped to 32 when the model's bias is 32 bits. */
EP_INLINE int32_t ep_requantize_int16(int64_t acc, int32_t multiplier, int32_t shift, int32_t wide)
{
    return wide ? ep_requantize_64(acc, multiplier, shift) : ep_requantize((int32_t)acc, multiplier, shift);
}

#endif
