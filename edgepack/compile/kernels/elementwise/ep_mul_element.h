/* MUL of two int8 elements: the product of the distances from the zero points, requantised. */
#ifndef EP_MUL_ELEMENT_H
#define EP_MUL_ELEMENT_H

#include "ep_fixed_point.h"

struct ep_mul {
    int32_t size;
    int32_t zero_1, zero_2;
    int32_t out_zero, out_multiplier, out_shift, out_min, out_max;
};

EP_INLINE int8_t ep_mul_one(const struct ep_mul *op, int32_t a, int32_t b)
{
    const int32_t product = (a - op->zero_1) * (b - op->zero_2);
    const int32_t q = op->out_zero + ep_requantize(product, op->out_multiplier, op->out_shift);
    return (int8_t)ep_clamp(q, op->out_min, op->out_max);
}

#endif
