/* Fixed-point arithmetic of TensorFlow Lite's reference kernels (gemmlowp fixedpoint.h, double rounding). */
#ifndef EP_FIXED_POINT_H
#define EP_FIXED_POINT_H

#include "ep_common.h"

/* a * b / 2^31 rounded to nearest (ties up), saturated: gemmlowp's SaturatingRoundingDoublingHighMul. */
EP_INLINE int32_t ep_high_mul(int32_t a, int32_t b)
{
    if (a == b && a == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* x / 2^exponent rounded to nearest, ties away from zero, for 0 <= exponent <= 31: gemmlowp's RoundingDivideByPOT. */
EP_INLINE int32_t ep_divide_by_power(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* x * 2^exponent modulo 2^32. */
EP_INLINE int32_t ep_shift_left(int32_t x, int32_t exponent)
{
    return (int32_t)((uint32_t)x << exponent);
}

/* x * multiplier * 2^(shift - 31), rounded twice: TFLite's MultiplyByQuantizedMultiplier. */
EP_INLINE int32_t ep_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return ep_divide_by_power(ep_high_mul(ep_shift_left(x, left), multiplier), right);
}

/* x * 2^exponent, saturated, for exponent > 0: gemmlowp's SaturatingRoundingMultiplyByPOT. */
EP_INLINE int32_t ep_shift_left_saturated(int32_t x, int32_t exponent)
{
    const int32_t limit = (int32_t)(((uint32_t)1 << (31 - exponent)) - 1u);
    if (x > limit) {
        return INT32_MAX;
    }
    if (x < -limit) {
        return INT32_MIN;
    }
    return ep_shift_left(x, exponent);
}

#endif
