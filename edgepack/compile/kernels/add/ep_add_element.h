/* ADD of two int8 elements: both scaled to a common 2^-20 grid, added, requantised. */
#ifndef EP_ADD_ELEMENT_H
#define EP_ADD_ELEMENT_H

#include "ep_fixed_point.h"

struct ep_add {
    int32_t size;
    int32_t zero_1, multiplier_1, shift_1;
    int32_t zero_2, multiplier_2, shift_2;
    int32_t out_zero, out_multiplier, out_shift, out_min, out_max;
};

EP_INLINE int8_t ep_add_one(const struct ep_add *op, int32_t a, int32_t b)
{
    const int32_t scaled_a = ep_requantize((a - op->zero_1) * ((int32_t)1 << 20), op->multiplier_1, op->shift_1);
    const int32_t scaled_b = ep_requantize((b - op->zero_2) * ((int32_t)1 << 20), op->multiplier_2, op->shift_2);
    const int32_t sum = op->out_zero + ep_requantize(scaled_a + scaled_b, op->out_multiplier, op->out_shift);
    return (int8_t)ep_clamp(sum, op->out_min, op->out_max);
}

#endif
